# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Several queue processes, several store processes, two nodes: results find the way back to who asked."""

import pytest
from lib.documents import DEFERRED, rule, ruleset
from lib.mailbox import Mailbox
from process import wait_until

STACK = {"imap": True, "nodes": 2, "modparams": [("cpm_pf", "queue_workers", 3), ("cpm_pf", "store_workers", 2)]}
PEOPLE = 8
RECORD = '<oxe:allow-offline-storage oxe:allow="true"/>'


def people(scene, *rules):
    found = [scene.person("bob") for _ in range(PEOPLE)]
    for bob in found:
        scene.documents.put("policy", bob, ruleset(*rules))
    return found


def node(stack, i):
    return stack.nodes[i % 2]


@pytest.mark.clause("PM-4c2", "PM-4c4")
def test_stored_at_once(scene, stack):
    for i, bob in enumerate(people(scene, rule("keep", ["allow-store"]))):
        assert scene.send("sip:alice@cpm.test", bob, node=node(stack, i), disposition="display").status == 200
        assert len(Mailbox(stack, bob).objects()) == 1


@pytest.mark.clause("EX-5")
def test_stored_from_the_queue(scene, stack):
    actions = "<oxe:allow-push>true</oxe:allow-push><oxe:expired>store</oxe:expired>"
    users = people(scene, rule("deferred", actions, media=DEFERRED))
    for i, bob in enumerate(users):
        assert scene.send("sip:alice@cpm.test", bob, node=node(stack, i), disposition="display", extra=[("Expires", "1")]).status == 202
    for bob in users:
        Mailbox(stack, bob).wait_objects(1)
        scene.wait_waiting(bob, 0)
    wait_until(lambda: scene.statistics()["balance"] == 0, 5, "the sums agree")


@pytest.mark.clause("HI-1", "PM-6", "PM-11", "SP-2")
def test_recorded_and_removed(scene, stack):
    for i, bob in enumerate(people(scene, rule("history", RECORD))):
        phone = scene.phone(bob, node=node(stack, i), answers=["200", "488", "200"])
        assert scene.send("sip:alice@cpm.test", bob, node=node(stack, i)).status == 200
        assert scene.send("sip:alice@cpm.test", bob, node=node(stack, i)).status == 202
        scene.register(phone, node=node(stack, i))
        assert all(m.get("Message-UID") for m in phone.wait_received(3))
        scene.wait_waiting(bob, 0)
        Mailbox(stack, bob).wait_objects(2)
