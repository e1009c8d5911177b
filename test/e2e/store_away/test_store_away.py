# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The message store is down, refuses, is slow, or dies in the middle: nothing is lost, nothing is stored twice."""

import contextlib
import imaplib
import os
import re
import signal
import threading

import pytest
import redis
from imapproxy import ImapProxy
from lib.documents import DEFERRED, rule, ruleset
from lib.imdn import reports
from lib.mailbox import Mailbox
from lib.messages import cpim, pager_headers
from lib.raw import exchange, request
from ports import free_port
from process import wait_until

PROXY = free_port()
STACK = {
    "imap": True,
    "imap_quota": "messages=3",
    "modparams": [
        ("cpm_pf", "store_timeout_ms", 1500), ("cpm_pf", "store_retry_min_ms", 200), ("cpm_pf", "store_retry_max_ms", 1000),
        ("cpm_pf", "store_settle_ms", 1500), ("cpm_pf", "store_max_object_bytes", 262144),
        ("cpm_pf", "store_url", f"imap://127.0.0.1:{PROXY}"),
    ],
}
# What a killed node's processes say of each other.
LOG_ALLOW = [r"receive_fd\(\): EOF"]
RECORD = '<oxe:allow-offline-storage oxe:allow="true"/>'


@pytest.fixture(scope="module")
def proxy(stack):
    proxy = ImapProxy(stack.dovecot.address, PROXY)
    yield proxy
    proxy.close()


@pytest.fixture
def box(scene, stack, proxy):
    """The message store of a user whose rule is allow-store; the message store is well at first."""
    proxy.set("pass")
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"])))
    wait_until(lambda: settled(scene), 15, "the message store is there")
    box = Mailbox(stack, bob)
    box.aor = bob
    yield box
    proxy.set("pass")
    wait_until(lambda: settled(scene), 30, "the message store is there again")


def settled(scene):
    """A message to somebody else gets through."""
    probe = scene.person("probe")
    scene.documents.put("policy", probe, ruleset(rule("keep", ["allow-store"])))
    return scene.send("sip:probe@cpm.test", probe).status == 200


def listed(stack, aor):
    found = stack.rpc("cpm_pf.list", aor)
    return found.get("messages", found) if isinstance(found, dict) else found


def count_lines(stack, pattern):
    return len(re.findall(pattern, stack.node.log.read_text()))


def stored_in_the_end(scene, box, phone, sent, *, uids=1):
    """The object is there once, the queue is empty, the sender has one report, of the end."""
    objects = box.wait_objects(uids)
    assert [o["IMDN-Message-ID"] for o in objects].count(sent.request.imdn_id) == 1
    scene.wait_waiting(box.aor, 0)
    phone.wait_received(1)
    assert [(r.message_id, r.status) for r in reports(phone)] == [(sent.request.imdn_id, "delivered")]


@contextlib.contextmanager
def never_more_than(box, count):
    """Looks into the message store all the time: there are never more objects."""
    counts, over = [], threading.Event()

    def look():
        while not over.is_set():
            counts.append(len(box.objects()))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)
    assert counts and max(counts) <= count


@pytest.mark.clause("MS-1", "PM-4c4", "PM-4c3")
def test_down(scene, stack, proxy, box):
    alice = scene.person("alice")
    phone = scene.phone(alice)
    before = count_lines(stack, "message store: away")
    proxy.set("refuse")
    proxy.drop()
    sent = scene.send(alice, box.aor)
    assert sent.status == 202
    assert [m["state"] for m in listed(stack, box.aor)] == ["store"]
    assert scene.send(alice, box.aor, disposition=None).status == 202
    assert phone.received() == []
    assert scene.statistics()["message_store"] != "connected"
    assert count_lines(stack, "message store: away") == before + 1
    proxy.set("pass")
    stored_in_the_end(scene, box, phone, sent, uids=2)
    assert scene.statistics()["message_store"] == "connected"


def service_login(stack, user="probe@cpm.test"):
    """Can the service account log in for a user now?"""
    host, _, port = stack.dovecot.address.rpartition(":")
    client = imaplib.IMAP4(host, int(port), timeout=10)
    try:
        client.authenticate("PLAIN", lambda _: f"{user}\0{stack.env['CPM_IMAP_SERVICE']}\0{stack.env['CPM_IMAP_PASSWORD']}".encode())
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        client.shutdown()


@pytest.mark.clause("MS-1")
def test_login_refused(scene, stack, proxy, box):
    """Dovecot with another password for the service account."""
    alice = scene.person("alice")
    phone = scene.phone(alice)
    config = stack.dovecot.folder / "dovecot.conf"
    good = config.read_text()
    try:
        # A refusal comes at once here, within store_timeout_ms.
        other = good.replace("args = user=cpm_pf password=", "args = user=cpm_pf password=other-")
        config.write_text("auth_failure_delay = 0 secs\n" + other)
        stack.dovecot.process.signal(signal.SIGHUP)
        wait_until(lambda: not service_login(stack), 10, "the login is refused")
        proxy.drop()
        sent = scene.send(alice, box.aor)
        assert sent.status == 202
        assert re.findall(rf"event=unstored id=\S+ user={box.aor} reason=(\S+)", stack.node.log.read_text()) == ["login"]
    finally:
        config.write_text(good)
        stack.dovecot.process.signal(signal.SIGHUP)
    stored_in_the_end(scene, box, phone, sent)


@pytest.mark.clause("MS-1")
@pytest.mark.parametrize("status", [200, 202], ids=["store", "deferred"])
def test_over_quota(scene, stack, proxy, box, status):
    """Full: deferred; stored when the user has made room. So with a rule for deferred messages."""
    alice = scene.person("alice")
    phone = scene.phone(alice)
    if status == 202:
        deferred_rule(scene, box)
    assert [scene.send(alice, box.aor, disposition=None).status for _ in range(3)] == [status] * 3
    sent = scene.send(alice, box.aor)
    assert sent.status == 202
    assert "reason=quota" in stack.node.log.read_text()
    assert scene.statistics()["imap_refused"] >= 1
    assert phone.received() == []
    client = box._connect()
    client.select(f'"Default/{alice}"')
    client.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
    client.expunge()
    client.logout()
    stored_in_the_end(scene, box, phone, sent, uids=3)


@pytest.mark.clause("MS-1", "PM-4c4")
@pytest.mark.parametrize("manners,status", [("cut-answer", 200), ("cut-literal", 202), ("mute-answer", 202), ("late-700", 202)])
def test_dies_in_the_middle_of_an_append(scene, stack, proxy, box, manners, status):
    """Found again by its id before it is repeated, which is not before what is under way has arrived: one object, whatever was lost."""
    alice = scene.person("alice")
    phone = scene.phone(alice)
    scene.send(alice, box.aor, disposition=None)
    found = scene.statistics()["imap_found"]
    proxy.set(manners, 1)
    sent = scene.send(alice, box.aor)
    assert sent.status == status
    with never_more_than(box, 2):
        stored_in_the_end(scene, box, phone, sent, uids=2)
    assert scene.statistics()["imap_found"] == found + (manners != "cut-literal")


@pytest.mark.clause("MS-1", "DF-3")
@pytest.mark.parametrize("manners", ["cut-answer", "cut-literal", "mute-answer", "late-700"])
def test_deferred_message_dies_in_the_middle(scene, stack, proxy, box, manners):
    """A rule for deferred messages says store: 202 whatever becomes of the answer, one object, one report."""
    alice = scene.person("alice")
    phone = scene.phone(alice)
    deferred_rule(scene, box)
    assert scene.send(alice, box.aor, disposition=None).status == 202
    proxy.set(manners, 1)
    sent = scene.send(alice, box.aor)
    assert sent.status == 202
    with never_more_than(box, 2):
        stored_in_the_end(scene, box, phone, sent, uids=2)


def deferred_rule(scene, box):
    scene.documents.put("policy", box.aor, ruleset(rule("deferred", "<oxe:allow-store>true</oxe:allow-store>", media=DEFERRED)))
    scene.stack.rpc("cpm_pf.reload", box.aor)


def enlarge(stack, message, body):
    """Makes a waiting message a large one, as if body had come over MSRP."""
    host, _, port = stack.env["CPM_REDIS"].rpartition(":")
    client = redis.Redis(host, int(port))
    key = f"cpm:{{{message.rpartition('-')[2]}}}:m:{message}"
    value = client.get(key)
    head, _, rest = value.partition(b"\n")
    record = re.sub(rb"\nsize: \d+\n", b"\nsize: %d\n" % len(body), rest[: int(head)].replace(b"kind: pager", b"kind: large"))
    client.set(key.replace(":m:", ":b:"), body)
    client.set(key, b"%d\n%b%b" % (len(record), record, body[: body.index(b"text/plain")] + b"text/plain\r\n\r\n"), keepttl=True)


@pytest.mark.clause("MS-1")
def test_large_message_is_put_together(scene, stack, proxy, box):
    alice = scene.person("alice")
    phone = scene.phone(alice)
    proxy.set("refuse")
    proxy.drop()
    sent = scene.send(alice, box.aor, body=cpim("small", alice, box.aor, imdn_id="large-1"))
    assert sent.status == 202
    body = cpim("0123456789" * 20000, alice, box.aor, imdn_id="large-1", disposition="positive-delivery, display")
    body = body.replace(b";charset=UTF-8", b"")
    enlarge(stack, scene.waiting(box.aor)[0], body)
    too_large = scene.send(alice, box.aor, disposition="display")
    enlarge(stack, scene.waiting(box.aor)[1], body + b"x" * 300000)
    counted = scene.statistics()["store_too_large"]
    proxy.set("pass")
    (stored,) = box.wait_objects(1)
    assert stored.body == body.replace(b"positive-delivery, display", b"display")
    assert phone.wait_received(1)
    wait_until(lambda: "reason=too-large" in stack.node.log.read_text(), 10, "the larger one is refused")
    assert too_large.status == 202 and len(scene.waiting(box.aor)) == 1
    assert scene.statistics()["store_too_large"] == counted + 1
    assert listed(stack, box.aor)[0]["why"] == "too large for the message store"
    stack.rpc("cpm_pf.delete", box.aor, "all")


def test_what_cannot_be_read_is_stored_as_it_is(scene, stack, proxy, box):
    """A body that is no CPIM keeps its requests for reports; one line and one counter say so."""
    alice = scene.person("alice")
    proxy.set("refuse")
    proxy.drop()
    assert scene.send(alice, box.aor, disposition="display").status == 202
    body = b"this is no header\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
    message = scene.waiting(box.aor)[0]
    enlarge(stack, message, body)
    before = scene.statistics()["unstripped"]
    proxy.set("pass")
    (stored,) = box.wait_objects(1)
    assert stored.body == body
    assert scene.statistics()["unstripped"] == before + 1
    assert f"event=unstripped id={message} user={box.aor} why=" in stack.node.log.read_text()
    scene.wait_waiting(box.aor, 0)


def test_slow(scene, stack, proxy, box):
    """The message store takes its time: more messages wait for it than there are SIP workers, and others are answered meanwhile."""
    alice, carol = scene.person("alice"), scene.person("carol")
    bobs = [scene.person("bob") for _ in range(8)]
    answers = []

    def send(user):
        body = cpim("hello", alice, user, disposition="display")
        return exchange(stack.node.sip, request("MESSAGE", user, pager_headers(alice), body), timeout_s=10).status

    for bob in bobs:
        scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"])))
        # Logged in, with a folder.
        assert send(bob) == 200
    assert send(carol) == 202
    before = scene.statistics()
    proxy.set("delay-700")
    senders = [threading.Thread(target=lambda bob=bob: answers.append(send(bob)), daemon=True) for bob in bobs]
    for sender in senders:
        sender.start()
    wait_until(lambda: scene.statistics()["imap_pending"] == len(bobs), 5, "the message store has them all")
    assert send(carol) == 202
    assert answers == [], "carol's did not wait for the message store"
    for sender in senders:
        sender.join(10)
    assert answers == [200] * len(bobs)
    after = scene.statistics()
    assert after["imap_done"] - before["imap_done"] == len(bobs)
    assert after["imap_latency_ms"] - before["imap_latency_ms"] >= 700 * len(bobs)


@pytest.mark.clause("MS-1", "EX-1", "EX-4")
def test_away_until_its_expiry(scene, stack, proxy, box):
    """It is tried until its time has come and no longer; its sender hears of it."""
    alice = scene.person("alice")
    phone = scene.phone(alice)
    proxy.set("refuse")
    proxy.drop()
    sent = scene.send(alice, box.aor, disposition="positive-delivery, negative-delivery", extra=[("Expires", "3")])
    assert sent.status == 202
    assert [m["state"] for m in listed(stack, box.aor)] == ["store"]
    scene.wait_waiting(box.aor, 0, deadline_s=15)
    phone.wait_received(1)
    assert [(r.message_id, r.status) for r in reports(phone)] == [(sent.request.imdn_id, "failed")]
    proxy.set("pass")
    wait_until(lambda: settled(scene), 15, "the message store is there again")
    assert box.objects() == []


@pytest.mark.clause("MS-1")
def test_stopped_processes(scene, stack, proxy, box):
    """All of Dovecot stands still for a while."""
    alice = scene.person("alice")
    phone = scene.phone(alice)
    pids = stack.dovecot.process.members()
    try:
        for pid in pids:
            signal_process(pid, signal.SIGSTOP)
        sent = scene.send(alice, box.aor)
        assert sent.status == 202
    finally:
        for pid in pids:
            signal_process(pid, signal.SIGCONT)
    stored_in_the_end(scene, box, phone, sent)


@pytest.mark.clause("MS-1")
def test_node_killed_while_an_answer_is_lost(scene, stack, proxy, box):
    """The object is there, nobody knows it, and the node dies: found after the next start, not stored again."""
    alice = scene.person("alice")
    phone = scene.phone(alice)
    scene.send(alice, box.aor, disposition=None)
    proxy.set("mute-answer", 1)
    sent = scene.send(alice, box.aor)
    assert sent.status == 202
    stack.node.process.kill()
    stack.node.start()
    scene.register(phone)
    stored_in_the_end(scene, box, phone, sent, uids=2)
    assert scene.statistics()["imap_found"] == 1


def signal_process(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


@pytest.mark.clause("HI-1")
def test_recording_trouble_stops_no_delivery(scene, stack, proxy, box):
    alice, carol = scene.person("alice"), scene.person("carol")
    scene.documents.put("policy", carol, ruleset(rule("history", RECORD)))
    phone = scene.phone(carol)
    proxy.set("refuse")
    proxy.drop()
    failed = scene.statistics()["recordings_failed"]
    assert scene.send(alice, carol).status == 200
    assert phone.wait_received(1)[0].get("Message-UID") is None
    assert scene.statistics()["recordings_failed"] == failed + 1


@pytest.mark.clause("PM-11", "HI-1")
def test_removal_is_retried(scene, stack, proxy, box):
    """The message store goes away between the recording and its removal."""
    alice, carol = scene.person("alice"), scene.person("carol")
    scene.documents.put("policy", carol, ruleset(rule("history", RECORD)))
    phone = scene.phone(carol, answers=[("488", 700)])
    removed = scene.statistics()["recordings_removed"]
    thread = threading.Thread(target=scene.send, args=(alice, carol), daemon=True)
    thread.start()
    phone.wait_received(1)
    scene.unregister(phone)
    proxy.set("refuse")
    proxy.drop()
    wait_until(lambda: "event=unremoved" in stack.node.log.read_text(), 15, "the removal failed")
    assert len(Mailbox(stack, carol).objects()) == 1
    thread.join(20)
    proxy.set("pass")
    Mailbox(stack, carol).wait_objects(0, 20)
    assert scene.statistics()["recordings_removed"] == removed + 1


@pytest.mark.clause("HI-1", "PM-6")
@pytest.mark.parametrize("manners", ["cut-literal", "late-700"])
def test_recording_that_dies_in_the_middle(scene, stack, proxy, box, manners):
    """It is recorded anew before the delivery, and the first one is taken out should it arrive after all."""
    alice, carol = scene.person("alice"), scene.person("carol")
    scene.documents.put("policy", carol, ruleset(rule("history", RECORD)))
    phone = scene.phone(carol)
    assert scene.send(alice, carol).status == 200
    before = scene.statistics()
    proxy.set(manners, 1)
    assert scene.send(alice, carol).status == 200
    uid = int(phone.wait_received(2)[1].get("Message-UID").partition(";")[0])
    wait_until(lambda: scene.statistics()["recordings_removed"] == before["recordings_removed"] + 1, 10, "the first one is seen to")
    objects = Mailbox(stack, carol).objects()
    assert len(objects) == 2 and uid in [o.uid for o in objects]
    after = scene.statistics()
    assert (after["recordings"], after["recordings_failed"]) == (before["recordings"] + 1, before["recordings_failed"])
