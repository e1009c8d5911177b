# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A node that has only IPv6 for large messages: received, pushed and bridged."""

import pytest
from lib.large import LargeCall, LargePhone, large_body
from msrp import MsrpPeer
from ports import free_port

SIX = free_port()
STACK = {"modparams": [("cpm_pf", "msrp_listen", f"[::1]:{SIX}")]}


@pytest.mark.clause("LM-4", "LM-8e", "SL-2", "SL-3")
@pytest.mark.parametrize("deferred", [True, False], ids=["deferred", "bridged"])
@pytest.mark.parametrize("setup", ["active", "passive"])
def test_ipv6_alone(scene, setup, deferred):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 100000)
    phone = None if deferred else LargePhone(scene, bob, setup=setup, host="::1")
    call = LargeCall(scene, alice, bob, size=len(body), setup=setup, peer=MsrpPeer(host="::1"))
    assert call.status == 200 and "c=IN IP6 ::1" in call.reply.body and call.reply.attribute("path").startswith(f"msrp://[::1]:{SIX}/")
    assert call.peer.send(body) == [200]
    assert call.call.bye() == 200
    phone = phone or LargePhone(scene, bob, setup=setup, host="::1")
    assert phone.wait_message() == body
    assert "c=IN IP6 ::1" in phone.invites[0].body and phone.invites[0].attribute("path").startswith(f"msrp://[::1]:{SIX}/")
    scene.wait_waiting(bob, 0)
