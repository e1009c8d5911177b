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
