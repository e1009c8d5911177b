# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A node dies with pushes on its mind: whoever shares its Redis takes them over, without a trigger from outside."""

import pytest
from lib.documents import DEFERRED, do_not_disturb, rule, ruleset
from lib.messages import orders
from process import wait_until

STACK = {
    "nodes": 2,
    "modparams": [
        ("cpm_pf", "retry_min_s", 2), ("cpm_pf", "retry_max_s", 3), ("cpm_pf", "push_lease_ms", 1000), ("cpm_pf", "claim_ms", 2000),
        ("cpm_pf", "xdm_max_age_ms", 1000),
    ],
}
LOG_ALLOW = [r"receive_fd\(\): EOF"]


@pytest.fixture
def doomed(stack):
    """The node that will be killed; the other one is asked what waits. It is there again for the next test."""
    node = stack.nodes[1]
    yield node
    if not node.process.alive():
        node.start()


def kill(node):
    node.process.kill()
    wait_until(lambda: not node.process.alive(), 5, "the end of the node")


@pytest.mark.clause("SP-3", "SP-4", "PU-2")
def test_retries_go_on_at_the_other_node(scene, stack, doomed):
    bob = scene.person("bob")
    there = scene.phone(bob)
    sent = scene.send_all("sip:alice@cpm.test", bob, [f"message {i}" for i in range(3)], node=doomed)
    assert {r.status for r in sent} == {202}
    gone = scene.phone(bob, node=doomed, answers=["480"])
    gone.wait_received()
    kill(doomed)
    scene.wait_waiting(bob, 0, deadline_s=15)
    assert [m.imdn_id for m in there.received()] == [r.request.imdn_id for r in sent]


@pytest.mark.clause("PM-10a", "SP-4")
def test_what_met_a_busy_phone_is_pushed_by_the_other_node(scene, doomed):
    bob = scene.person("bob")
    there = scene.phone(bob)
    scene.phone(bob, node=doomed, answers=["480"])
    sent = scene.send("sip:alice@cpm.test", bob, node=doomed)
    assert sent.status == 202
    kill(doomed)
    assert there.wait_received(deadline_s=15)[0].imdn_id == sent.request.imdn_id
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("SP-3")
def test_a_run_in_the_middle_is_taken_over(scene, doomed):
    bob = scene.person("bob")
    there = scene.phone(bob)
    sent = scene.send_all("sip:alice@cpm.test", bob, [f"message {i}" for i in range(20)], node=doomed)
    slow = scene.phone(bob, node=doomed, answers=[("200", 300)])
    slow.wait_received(3)
    kill(doomed)
    scene.wait_waiting(bob, 0, deadline_s=15)
    got = [m.imdn_id for m in there.received()]
    # What the slow phone took and the node could not tell comes again; nothing else does, and nothing is missing.
    ids = [r.request.imdn_id for r in sent]
    assert got == ids[len(ids) - len(got):]
    assert {m.imdn_id for m in slow.received()} | set(got) == set(ids)


@pytest.mark.clause("MG-4", "MG-6")
def test_an_order_for_the_isf_needs_no_client(scene, doomed):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("deferred", ["allow-pull"], media=DEFERRED)))
    sent = scene.send("sip:alice@cpm.test", bob, node=doomed)
    isf = scene.isf(answers=["503", "200"])
    assert scene.manage(bob, orders((scene.message_uri(scene.waiting(bob)[0]), "interwork")), node=doomed).status == 200
    isf.wait_received()
    kill(doomed)
    assert [m.imdn_id for m in isf.wait_received(2, deadline_s=15)] == [sent.request.imdn_id] * 2
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("MG-4", "MG-6")
def test_a_node_takes_its_own_orders_up_again(scene, stack, doomed):
    """Both die before the ISF takes it, and nobody registers afterwards."""
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("deferred", ["allow-pull"], media=DEFERRED)))
    scene.send("sip:alice@cpm.test", bob, node=doomed)
    isf = scene.isf(answers=["503", "200"])
    assert scene.manage(bob, orders((scene.message_uri(scene.waiting(bob)[0]), "interwork")), node=doomed).status == 200
    isf.wait_received()
    for node in stack.nodes:
        kill(node)
    for node in stack.nodes:
        node.start()
    isf.wait_received(2, deadline_s=20)
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("PM-5", "PU-2")
def test_the_end_of_do_not_disturb_is_seen_by_the_other_node(scene, doomed):
    bob = scene.person("bob")
    there = scene.phone(bob)
    scene.phone(bob, node=doomed)
    scene.documents.put("policy", bob, do_not_disturb())
    sent = scene.send("sip:alice@cpm.test", bob, node=doomed)
    assert sent.status == 202
    kill(doomed)
    # Nobody tells the node that is left.
    scene.documents.delete("policy", bob, reload=False)
    assert there.wait_received(deadline_s=15)[0].imdn_id == sent.request.imdn_id
    scene.wait_waiting(bob, 0)
