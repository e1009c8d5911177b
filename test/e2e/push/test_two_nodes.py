# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Two nodes on one Redis, a phone of the user on each: every message comes once."""

import pytest

STACK = {"nodes": 2}
COUNT = 200


@pytest.mark.clause("PU-4", "SP-3")
def test_each_message_is_delivered_once(scene, stack):
    bob = scene.person("bob")
    texts = [f"message {i}" for i in range(COUNT)]
    half = COUNT // 2
    sent = scene.send_all("sip:alice@cpm.test", bob, texts[:half], parallel=20)
    sent += scene.send_all("sip:alice@cpm.test", bob, texts[half:], parallel=20, node=stack.nodes[1])
    assert {r.status for r in sent} == {202}
    phones = [scene.phone(bob, register=False), scene.phone(bob, register=False)]
    for phone, node in zip(phones, stack.nodes):
        scene.register(phone, node=node)
    scene.wait_waiting(bob, 0, deadline_s=60)
    got = [m.imdn_id for p in phones for m in p.received()]
    assert sorted(got) == sorted(r.request.imdn_id for r in sent)


@pytest.mark.clause("PU-4", "SP-3")
def test_what_the_other_node_stores_meanwhile_comes_in_the_same_run(scene, stack):
    """The other node has no client to push to, and triggers nothing: the run that goes on finds it, behind what was there."""
    bob = scene.person("bob")
    here, there = stack.nodes
    sent = scene.send_all("sip:alice@cpm.test", bob, [f"message {i}" for i in range(60)], node=here)
    phone = scene.phone(bob, node=here, answers=[("200", 40)])
    phone.wait_received(3)
    sent += scene.send_all("sip:carol@cpm.test", bob, [f"later {i}" for i in range(40)], parallel=1, node=there)
    assert {r.status for r in sent} == {202}
    assert len(phone.received()) < 60
    scene.wait_waiting(bob, 0, deadline_s=20)
    assert [m.imdn_id for m in phone.received()] == [r.request.imdn_id for r in sent]
