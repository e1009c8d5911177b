# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Sessions through the server whose phones are behind an MSRP relay (RFC 4976), both perhaps behind the same one."""

import threading

import pytest
from lib.conversation import ConversationCall, ConversationPhone, chat, talk
from lib.large import MsrpPeer, large_body

# The relay takes frames of 11,240 octets at most.
STACK = {"defines": {"WITH_SESSION_BRIDGE": True}, "modparams": [("cpm_pf", "msrp_chunk_bytes", 8000)]}


def relayed_call(scene, relay, caller, callee):
    peer = MsrpPeer()
    peer.authenticate(relay.uri)
    return ConversationCall(scene, caller, callee, peer=peer)


@pytest.mark.clause("SE-5", "SE-7")
@pytest.mark.parametrize("behind", ["caller", "client", "both"])
def test_messages_go_both_ways_through_a_relay(scene, relay, behind):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, relay=relay.uri if behind != "caller" else None)
    call = relayed_call(scene, relay, alice, bob) if behind != "client" else None
    call, phone, here, there = talk(scene, alice, bob, phone=phone, call=call)
    asks, replies = [chat(f"{n}?", alice, bob) for n in range(20)], [chat(f"{n}!", bob, alice) for n in range(20)]
    for ask, reply in zip(asks, replies):
        here.send(ask, wait=False)
        there.send(reply, wait=False)
    assert there.wait_messages(20) == asks and here.wait_messages(20) == replies
    body = large_body(alice, bob, 300000)
    assert set(here.send(body, chunk=8000)) == {200}
    assert there.wait_messages(21)[20] == body
    call.hang_up()
    phone.agent.wait_request("BYE")


class Slow(ConversationPhone):
    """It has accepted long before its media connection comes."""

    def _media(self, peer, path):
        threading.Event().wait(4)
        super()._media(peer, path)


@pytest.mark.clause("SE-5", "SE-7")
def test_a_client_behind_a_relay_takes_its_time(scene, relay):
    """The caller's 200 waits for it, as long as for a client that rings."""
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob, phone=Slow(scene, bob, relay=relay.uri))
    text = chat("At last", alice, bob)
    assert here.send(text) == [200] and there.wait_messages(1) == [text]
    call.hang_up()
