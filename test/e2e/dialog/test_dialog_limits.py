# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The table of dialogs is bounded, and a server that ends takes its dialogs with it."""

import pytest
from lib.messages import DEFERRED_TAG
from lib.raw import Peer
from process import wait_until

STACK = {"modparams": [("cpm_pf", "max_dialogs", 2)]}


@pytest.fixture
def peers(scene):
    """Phones of three users for each of whom a message waits."""
    people = [scene.person("bob") for _ in range(3)]
    for bob in people:
        assert scene.send(scene.person("alice"), bob).status == 202
    peers = [Peer(scene.stack.node.sip, bob, f"sip:CPMDeferredMsgMgmt@{scene.stack.domain}") for bob in people]
    yield peers
    for peer in peers:
        peer.close()


def invite(peer):
    peer.send("INVITE", [("Accept-Contact", f"*;{DEFERRED_TAG}")], uri=peer.target)
    return peer.final("INVITE")


def test_one_too_many(scene, peers):
    assert [invite(p).status for p in peers[:2]] == [200, 200]
    refused = invite(peers[2])
    assert (refused.status, refused.get("Retry-After")) == (503, "10")
    assert scene.statistics()["dialogs"] == 2
    peers[0].send("BYE")
    assert peers[0].final("BYE").status == 200
    wait_until(lambda: scene.statistics()["dialogs"] == 1, 5, "room for another dialog")
    assert invite(peers[2]).status == 200
    # Two dialogs are left without an ACK: the end of the module's stack shows that the server ends all the same.
