# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""An order that was answered 200 outlives the server that took it."""

import pytest
from lib.documents import DEFERRED, rule, ruleset
from lib.messages import DEFERRED_TAG, orders
from lib.raw import Peer

STACK = {"modparams": [("cpm_pf", "claim_ms", 1000)]}
# The processes do not die in the same instant: one may see the end of another.
LOG_ALLOW = [r"receive_fd\(\): EOF"]


@pytest.mark.clause("MG-2", "MG-3", "MG-6", "MG-7")
def test_orders_survive_a_kill(scene, stack):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("deferred", ["allow-pull"], media=DEFERRED)))
    sent = scene.send_all(scene.person("alice"), bob, ["one", "two", "three"])
    uris = [scene.message_uri(i) for i in scene.waiting(bob)]
    # No client is registered: what is ordered now is done later.
    peer = Peer(stack.node.sip, bob, f"sip:CPMDeferredMsgMgmt@{stack.domain}")
    headers = [("Accept-Contact", f"*;{DEFERRED_TAG}"), ("Content-Type", "application/resource-lists+xml")]
    peer.send("INVITE", headers, orders((uris[0], "deliver"), (uris[1], "delete")))
    assert peer.final("INVITE").status == 200
    stack.node.process.kill()
    peer.close()
    stack.node.start()
    scene.wait_waiting(bob, 2)
    phone = scene.phone(bob)
    scene.wait_waiting(bob, 1)
    # The notification of what is left comes before or after it.
    got = [m for m in phone.received() if "system" not in m.get("Accept-Contact")]
    assert [m.body for m in got] == [sent[0].request.body]
    assert [scene.message_uri(i) for i in scene.waiting(bob)] == [uris[2]]
