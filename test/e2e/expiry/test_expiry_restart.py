# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Redis or the node goes down while many messages expire: each one ends once, and its sender hears of it once."""

import pytest
from lib.imdn import report_names
from process import wait_until

# A report that was refused while Redis was down is sent again well within the test's patience.
STACK = {
    "modparams": [
        ("cpm_pf", "claim_ms", 3000),
        ("cpm_pf", "expiry_rate", 200),
        ("cpm_pf", "redis_timeout_ms", 500),
        ("cpm_pf", "retry_min_s", 5),
        ("cpm_pf", "retry_max_s", 10),
    ]
}
LOG_ALLOW = [r"[Rr]edis", r"receive_fd\(\): EOF"]
COUNT = 300


def restart_redis(stack):
    stack.redis.process.kill()
    wait_until(lambda: not stack.node.answers_rpc(), 10, "the loss is noticed")
    stack.redis.start()
    wait_until(stack.node.answers_rpc, 20, "the queue has its Redis again")


def kill_node(stack):
    stack.node.process.kill()
    stack.node.start()


def stop_node(stack):
    stack.node.process.stop()
    stack.node.start()


@pytest.mark.clause("EX-1", "EX-2", "EX-4", "IM-1")
@pytest.mark.parametrize("trouble", [restart_redis, kill_node, stop_node])
def test_in_the_middle(scene, stack, trouble):
    alice, bob = scene.person("alice"), scene.person("bob")
    before = scene.statistics()
    texts = [f"message {i}" for i in range(COUNT)]
    sent = scene.send_all(alice, bob, texts, parallel=20, disposition="negative-delivery", extra=[("Expires", "3")])
    assert {r.status for r in sent} == {202}
    wait_until(lambda: scene.statistics()["sum_expired"] - before["sum_expired"] > 20, 20, "some to expire", pause_s=0.01)
    assert scene.statistics()["sum_expired"] - before["sum_expired"] < COUNT, "it is the middle"
    trouble(stack)
    wait_until(lambda: scene.statistics()["sum_reports_ended"] - before["sum_reports_ended"] == COUNT, 60, "reports of all", pause_s=0.1)
    phone = scene.phone(alice)
    scene.wait_waiting(alice, 0, deadline_s=60)
    assert report_names(phone) == sorted((r.request.imdn_id, "failed") for r in sent)
    assert scene.statistics()["sum_expired"] - before["sum_expired"] == COUNT
    assert scene.waiting(bob) == []
