# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""msrp_host: peers are told a name in place of the listening address. msrp_max_sessions: so many at once."""

import pytest
from lib.large import LargeCall, LargePhone, large_body
from process import wait_until

STACK = {"modparams": [("cpm_pf", "msrp_host", "localhost"), ("cpm_pf", "msrp_max_sessions", 2)]}


@pytest.fixture
def people(scene):
    return scene.person("alice"), scene.person("bob")


@pytest.mark.clause("LM-4", "PU-5")
def test_where_peers_connect(scene, people):
    alice, bob = people
    body = large_body(alice, bob, 20000)
    call = LargeCall(scene, alice, bob, size=len(body))
    assert call.reply.attribute("path").startswith("msrp://localhost:")
    assert "\r\nc=IN IP4 localhost\r\n" in call.reply.body
    assert call.peer.send(body) == [200]
    assert call.call.bye() == 200
    phone = LargePhone(scene, bob)
    assert phone.wait_message() == body
    assert phone.invites[0].attribute("path").startswith("msrp://localhost:")
    assert "\r\nc=IN IP4 localhost\r\n" in phone.invites[0].body
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("LM-4")
def test_one_session_too_many(scene, people):
    alice, bob = people
    calls = [LargeCall(scene, alice, bob) for _ in range(3)]
    assert [call.status for call in calls] == [200, 200, 503]
    assert "busy" in calls[2].reply.start_line
    assert calls[0].call.bye() == 200
    wait_until(lambda: LargeCall(scene, alice, bob).status == 200, 10, "a place to be free again")
    body = large_body(alice, bob, 20000)
    assert calls[1].peer.send(body) == [200]
    assert calls[1].call.bye() == 200
    assert len(scene.waiting(bob)) == 1
