# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A message for the message store that comes again: another request, another node, after a death. It is stored once."""

import threading

import pytest
import redis
from imapproxy import ImapProxy
from lib.documents import DEFERRED, rule, ruleset
from lib.imdn import reports
from lib.mailbox import Mailbox
from ports import free_port
from process import wait_until
from stack import host_port

PROXY = free_port()
STACK = {
    "imap": True,
    "nodes": 2,
    "modparams": [
        ("cpm_pf", "store_timeout_ms", 4000), ("cpm_pf", "store_settle_ms", 1000), ("cpm_pf", "store_retry_min_ms", 200),
        ("cpm_pf", "store_retry_max_ms", 1000), ("cpm_pf", "store_url", f"imap://127.0.0.1:{PROXY}"),
    ],
}
# What a killed node's processes say of each other.
LOG_ALLOW = [r"receive_fd\(\): EOF"]


@pytest.fixture(scope="module", autouse=True)
def other_name(stack):
    """The nodes are not called the same."""
    node = stack.nodes[1]
    node.process.stop()
    node.modparams.append(("cpm_pf", "hostname", "pf2.example.net"))
    node.start()


@pytest.fixture(scope="module")
def proxy(stack):
    proxy = ImapProxy(stack.dovecot.address, PROXY)
    yield proxy
    proxy.close()


@pytest.fixture(params=["store", "deferred"])
def box(request, scene, stack, proxy):
    """Of a user whose rule says store, for messages (200) or for deferred ones (202)."""
    proxy.set("pass")
    bob = scene.person("bob")
    action = rule("keep", ["allow-store"]) if request.param == "store" else rule("keep", "<oxe:allow-store>true</oxe:allow-store>", media=DEFERRED)
    scene.documents.put("policy", bob, ruleset(action))
    box = Mailbox(stack, bob)
    box.aor = bob
    box.status = 200 if request.param == "store" else 202
    wait_until(lambda: scene.send("sip:probe@cpm.test", probe_user(scene), disposition=None).status == 200, 15, "the message store is there")
    yield box
    proxy.set("pass")


def probe_user(scene):
    probe = scene.person("probe")
    scene.documents.put("policy", probe, ruleset(rule("keep", ["allow-store"])))
    return probe


def phone_at_both(scene, stack, aor):
    """The report comes by the node that sees to the end of the message."""
    phone = scene.phone(aor)
    scene.register(phone, node=stack.nodes[1])
    return phone


def stored_once(scene, box, phone, imdn_id, others=0):
    assert [o["IMDN-Message-ID"] for o in box.wait_objects(1 + others)].count(imdn_id) == 1
    scene.wait_waiting(box.aor, 0, deadline_s=20)
    phone.wait_received(1)
    assert {(r.message_id, r.status) for r in reports(phone)} == {(imdn_id, "delivered")}


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


@pytest.mark.clause("PM-4c2", "PM-4c4", "MS-1")
@pytest.mark.parametrize("second", [0, 1], ids=["after-the-restart", "at-another-node"])
@pytest.mark.parametrize("manners", ["mute-answer", "late-600", "cut-literal"])
def test_node_killed_between_the_append_and_its_answer(scene, stack, proxy, box, manners, second):
    """Nobody knows whether the object is there. The repeat looks for it, and waits for what may still arrive."""
    alice = scene.person("alice")
    # The folder is there.
    assert scene.send(alice, box.aor, disposition=None).status == box.status
    appends, seen = proxy.appends, []
    proxy.set(manners, 1)
    writer = threading.Thread(target=lambda: seen.append(scene.send(alice, box.aor, imdn_id="killed-1", timeout_s=5)), daemon=True)
    writer.start()
    wait_until(lambda: proxy.appends > appends, 10, "the APPEND has left the node")
    if manners == "mute-answer":
        box.wait_objects(2)
    stack.nodes[0].process.kill()
    try:
        # With a new request at the other node, or with a repetition of the old one at the node that is back.
        if second:
            assert scene.send(alice, box.aor, imdn_id="killed-1", node=stack.nodes[1]).status in (200, 202)
    finally:
        stack.nodes[0].start()
    phone = phone_at_both(scene, stack, alice)
    if not second:
        assert scene.send(alice, box.aor, imdn_id="killed-1").status in (200, 202)
    stored_once(scene, box, phone, "killed-1", others=1)
    writer.join(20)
    assert scene.send(alice, box.aor, imdn_id="killed-1", node=stack.nodes[1]).status in (200, 202)
    box.wait_objects(2)


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


def history_user(scene, name):
    user = scene.person(name)
    scene.documents.put("policy", user, ruleset(rule("history", '<oxe:allow-offline-storage oxe:allow="true"/>')))
    return user


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


@pytest.mark.clause("PM-6", "HI-1")
def test_node_killed_while_it_records(scene, stack, proxy):
    """The recording is there, its message never left: the repeat is delivered with it."""
    proxy.set("pass")
    alice, bob = scene.person("alice"), history_user(scene, "bob")
    phone = phone_at_both(scene, stack, bob)
    assert scene.send(alice, bob).status == 200
    appends = proxy.appends
    proxy.set("mute-answer", 1)
    writer = threading.Thread(target=lambda: scene.send(alice, bob, imdn_id="killed-2", timeout_s=5), daemon=True)
    writer.start()
    wait_until(lambda: proxy.appends > appends, 10, "the APPEND has left the node")
    stored = Mailbox(stack, bob).wait_objects(2)[1]
    stack.nodes[0].process.kill()
    try:
        assert scene.send(alice, bob, imdn_id="killed-2", node=stack.nodes[1]).status == 200
        assert phone.wait_received(2)[1].get("Message-UID").partition(";")[0] == str(stored.uid)
    finally:
        stack.nodes[0].start()
    writer.join(20)
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
