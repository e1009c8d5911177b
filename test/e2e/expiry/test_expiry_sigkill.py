# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A node killed between taking an expired message and settling it: the message ends once all the same, after claim_ms."""

import pytest
from lib.imdn import report_names
from process import wait_until

STACK = {"defines": {"WITH_EXPIRED_INTERWORK": True}, "modparams": [("cpm_pf", "claim_ms", 3000)]}
LOG_ALLOW = [r"receive_fd\(\): EOF"]


@pytest.mark.clause("EX-1", "EX-2", "EX-4")
def test_message_ends_once(scene, stack):
    """The ISF does not answer: so long the message is in the node's hands."""
    alice, bob = scene.person("alice"), scene.person("bob")
    isf = scene.isf(answers=["silence", "503"])
    sent = scene.send(alice, bob, extra=[("Expires", "1")], disposition="negative-delivery")
    assert sent.status == 202
    before = scene.statistics()
    isf.wait_received(1)
    assert scene.waiting(bob) == [], "nobody can push it any more"
    assert scene.statistics()["now_ending"] == 1 and scene.statistics()["balance"] == 0
    stack.node.process.kill()
    stack.node.start()
    sender = scene.phone(alice)
    isf.wait_received(2, deadline_s=10)
    sender.wait_received(1)
    assert report_names(sender) == [(sent.request.imdn_id, "failed")]
    after = wait_until(lambda: scene.statistics() if scene.statistics()["now_ending"] == 0 else None, 5, "the end")
    assert after["sum_expired"] - before["sum_expired"] == 1
    assert after["sum_reports"] - before["sum_reports"] == 1
