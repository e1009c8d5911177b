# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A message for the message store that comes again: another request, another node. It is stored once."""

import threading

import pytest
import redis
from lib.imdn import reports
from lib.mailbox import Mailbox
from lib.repeats import history_user, phone_at_both, stored_once, two_nodes
from ports import free_port
from process import wait_until
from stack import host_port

PROXY = free_port()
STACK = two_nodes(PROXY)
# What the processes of a stopped node say of each other.
LOG_ALLOW = [r"receive_fd\(\): EOF"]


@pytest.mark.clause("PM-4c2", "PM-4c4", "MS-1")
@pytest.mark.parametrize("second", [0, 1], ids=["the-same-node", "another-node"])
def test_the_same_message_again(scene, stack, box, second):
    """The sender has not got its answer, and sends a new request. One object, one report."""
    alice = scene.person("alice")
    phone = phone_at_both(scene, stack, alice)
    before = sum(scene.statistics(node=node)["duplicates"] for node in stack.nodes)
    first = scene.send(alice, box.aor, imdn_id="repeat-1")
    assert first.status == box.status
    for _ in range(2):
        assert scene.send(alice, box.aor, imdn_id="repeat-1", node=stack.nodes[second]).status == box.status
    stored_once(scene, box, phone, "repeat-1")
    assert len(reports(phone)) == 1
    assert sum(scene.statistics(node=node)["duplicates"] for node in stack.nodes) == before + 2
    # Another message of the same sender is another one.
    assert scene.send(alice, box.aor, imdn_id="repeat-2", node=stack.nodes[second]).status == box.status
    box.wait_objects(2)


@pytest.mark.clause("PM-4c2", "MS-1")
def test_both_nodes_at_once(scene, stack, proxy, box):
    """One of them stores it, the other one finds that out before it does."""
    alice = scene.person("alice")
    phone = phone_at_both(scene, stack, alice)
    proxy.set("delay-50")
    answers = []
    senders = [
        threading.Thread(target=lambda node=node: answers.append(scene.send(alice, box.aor, imdn_id="both-1", node=node).status), daemon=True)
        for node in stack.nodes
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(20)
    proxy.set("pass")
    assert len(answers) == 2 and box.status in answers and set(answers) <= {200, 202}
    stored_once(scene, box, phone, "both-1")


@pytest.mark.clause("MS-1")
def test_again_while_the_message_store_is_away(scene, stack, proxy, box):
    """It is stored, then the message store goes away, and the message comes again: it waits, and is found."""
    alice = scene.person("alice")
    phone = phone_at_both(scene, stack, alice)
    assert scene.send(alice, box.aor, imdn_id="away-1").status == box.status
    proxy.set("refuse")
    proxy.drop()
    assert scene.send(alice, box.aor, imdn_id="away-1", node=stack.nodes[1]).status == 202
    assert scene.send(alice, box.aor, imdn_id="away-1").status == 202
    assert len(scene.waiting(box.aor)) == 1
    proxy.set("pass")
    stored_once(scene, box, phone, "away-1")


@pytest.mark.clause("PM-4c2")
def test_without_redis_nothing_is_stored(scene, stack, box):
    """The mark, and the report that is owed, are there: without it the sender hears 503, and comes again."""
    alice = scene.person("alice")
    phone = phone_at_both(scene, stack, alice)
    host, port = host_port(stack.env["CPM_REDIS"])
    with redis.Redis(host, port) as client:
        client.config_set("min-replicas-to-write", 1)
        try:
            # Seen by one that cannot be deferred.
            assert scene.send(alice, scene.person("carol")).status == 503
            assert scene.send(alice, box.aor, imdn_id="redis-1").status == 503
        finally:
            client.config_set("min-replicas-to-write", 0)
    assert box.objects() == []
    wait_until(lambda: scene.send(alice, box.aor, imdn_id="redis-1").status == box.status, 10, "Redis takes writes again")
    stored_once(scene, box, phone, "redis-1")


@pytest.mark.clause("PM-6", "HI-1")
@pytest.mark.parametrize("second", [0, 1], ids=["the-same-node", "another-node"])
def test_recorded_message_again(scene, stack, proxy, second):
    """The client hears of the repeat, with the UID of the one recording."""
    proxy.set("pass")
    alice, bob = scene.person("alice"), history_user(scene, "bob")
    phone = phone_at_both(scene, stack, bob)
    first, again = stack.nodes[0], stack.nodes[second]
    assert scene.send(alice, bob, imdn_id="recorded-1", node=first).status == 200
    assert scene.send(alice, bob, imdn_id="recorded-1", node=again).status == 200
    uids = [m.get("Message-UID") for m in phone.wait_received(2)]
    assert uids[0] and uids[0] == uids[1]
    Mailbox(stack, bob).wait_objects(1)
    assert scene.send(alice, bob, imdn_id="recorded-2", node=again).status == 200
    assert phone.wait_received(3)[2].get("Message-UID") not in uids
    Mailbox(stack, bob).wait_objects(2)


@pytest.mark.clause("HI-1")
def test_without_redis_it_is_recorded_all_the_same(scene, stack, proxy):
    proxy.set("pass")
    alice, bob = scene.person("alice"), history_user(scene, "bob")
    phone = phone_at_both(scene, stack, bob)
    host, port = host_port(stack.env["CPM_REDIS"])
    with redis.Redis(host, port) as client:
        client.config_set("min-replicas-to-write", 1)
        try:
            assert scene.send(alice, bob).status == 200
        finally:
            client.config_set("min-replicas-to-write", 0)
    assert phone.wait_received(1)[0].get("Message-UID")
    Mailbox(stack, bob).wait_objects(1)
