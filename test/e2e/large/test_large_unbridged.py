# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""WITHOUT_LARGE_BRIDGE: a large message is safe in Redis before a client that is there gets it (doc/adr/0031)."""

import pytest
from lib.large import LargeCall, LargePhone, large_body

STACK = {"defines": {"WITHOUT_LARGE_BRIDGE": True}}


@pytest.mark.clause("LM-8", "LM-4", "ST-4")
def test_received_first(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob)
    body = large_body(alice, bob, 200000)
    call = LargeCall(scene, alice, bob, size=len(body))
    first = call.peer.request(message_id="two", body=body[:100000], byte_range=f"1-*/{len(body)}", flag="+")
    call.peer.send_frame(first)
    assert call.peer.wait_response(first.tid) == 200
    assert phone.invites == []
    last = call.peer.request(message_id="two", body=body[100000:], byte_range=f"100001-*/{len(body)}")
    call.peer.send_frame(last)
    assert call.peer.wait_response(last.tid) == 200
    assert call.call.bye() == 200
    assert phone.wait_message() == body
    assert "oma.cpm.largemsg" in phone.invites[0].get("Accept-Contact")
    scene.wait_waiting(bob, 0)
    statistics = scene.statistics()
    assert (statistics["deferred"], statistics["large_bridged"], statistics["large_sent"]) == (1, 0, 1)
