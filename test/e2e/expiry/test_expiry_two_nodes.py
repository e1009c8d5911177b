# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Two nodes on one Redis: each message ends once and is reported once, with both up and with both down when its time comes."""

import time

import pytest
from lib.imdn import report_names
from process import wait_until

STACK = {"nodes": 2}
LOG_ALLOW = [r"receive_fd\(\): EOF"]
COUNT = 200


def defer(scene, stack, alice, bob, expires_s):
    sent = []
    for node in stack.nodes:
        sent += scene.send_all(
            alice, bob, [f"message {i}" for i in range(COUNT // 2)], parallel=20, node=node, disposition="negative-delivery",
            extra=[("Expires", str(expires_s))])
    assert {r.status for r in sent} == {202}
    return sorted((r.request.imdn_id, "failed") for r in sent)


def check(scene, alice, bob, owed, before):
    """alice registers at the first node: what that one reports comes at once, the other's reports wait for her there."""
    phone = scene.phone(alice)
    wait_until(lambda: scene.statistics()["sum_reports_ended"] - before["sum_reports_ended"] == COUNT, 40, "reports of all", pause_s=0.2)
    scene.register(phone)
    scene.wait_waiting(alice, 0, deadline_s=40)
    assert report_names(phone) == owed
    after = scene.statistics()
    assert after["sum_expired"] - before["sum_expired"] == COUNT
    assert after["sum_reports"] - before["sum_reports"] == COUNT
    assert scene.waiting(bob) == []


@pytest.mark.clause("EX-1", "EX-4", "IM-1")
def test_both_nodes_up(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    before = scene.statistics()
    owed = defer(scene, stack, alice, bob, 4)
    check(scene, alice, bob, owed, before)
    expired = [node.log.read_text().count("event=expired ") for node in stack.nodes]
    assert sum(expired) == COUNT


@pytest.mark.clause("EX-1", "EX-4", "IM-1")
def test_both_nodes_down(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    before = scene.statistics()
    owed = defer(scene, stack, alice, bob, 5)
    for node in stack.nodes:
        node.process.kill()
    end = time.time() + 5
    wait_until(lambda: time.time() > end, 10, "the time of the messages")
    for node in stack.nodes:
        node.start()
    check(scene, alice, bob, owed, before)
