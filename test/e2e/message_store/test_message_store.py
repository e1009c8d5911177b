# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""allow-store: messages go into the user's message store in place of delivery (8.3.1.1 step 4c, 8.3.1.6 step 3, 8.3.1.6.4)."""

import re
import threading
import time
import xml.etree.ElementTree as ElementTree

import pytest
import redis
from lib.documents import DEFERRED, rule, ruleset
from lib.imdn import Imdn
from lib.mailbox import Mailbox
from lib.messages import SYSTEM_TAG, cpim, orders
from process import wait_until
from stack import host_port

STACK = {"imap": True}


def store_rule(scene, bob):
    scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"])))


def deferred_rule(scene, bob, action, *, extra=""):
    actions = f"<oxe:{action}>true</oxe:{action}>{extra}"
    scene.documents.put("policy", bob, ruleset(rule("deferred", actions, media=DEFERRED)))


@pytest.mark.clause("PM-4c1", "PM-4c2", "PM-4c4")
def test_stored_with_its_headers_and_answered_200(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    store_rule(scene, bob)
    extra = [("Subject", "Lunch"), ("Date", "Tue, 01 Jan 2030 10:00:00 GMT"), ("InReplyTo-Contribution-ID", "earlier-1")]
    sent = scene.send(alice, bob, extra=extra, disposition="positive-delivery, negative-delivery, display", from_=f'"Alice" <{alice}>')
    assert sent.status == 200
    box = Mailbox(stack, bob)
    (stored,) = box.objects()
    assert stored.folder == f"Default/{alice}"
    assert stored.flags == []
    assert stored.body == sent.request.body.replace(b"positive-delivery, negative-delivery, display", b"display")
    assert alice in stored["From"] and bob in stored["To"]
    assert stored["Date"] == "Tue, 01 Jan 2030 10:00:00 +0000"
    for name in ("Subject", "Conversation-ID", "Contribution-ID", "InReplyTo-Contribution-ID", "Accept-Contact", "Content-Type"):
        assert stored[name] == sent.request.get(name), name
    assert stored["IMDN-Message-ID"] == sent.request.imdn_id
    assert stored["Message-Direction"] == "received" and stored["MIME-Version"] == "1.0"
    assert f"Default/{alice}" in box.folders(subscribed=True)
    assert scene.waiting(bob) == []
    line = re.search(r"event=stored id=(\S+) .* uid=(\d+) uidvalidity=(\d+) ", stack.node.log.read_text())
    assert (int(line.group(2)), int(line.group(3))) == (stored.uid, stored.uidvalidity)
    assert line.group(1) in stored["Message-ID"]


@pytest.mark.clause("PM-4c2")
def test_answered_as_soon_as_a_late_mark_is_there(scene, stack):
    """Redis is slower than the message store: the answer waits for the mark and no longer. The store process looks up once a second anyway."""
    alice, bob = scene.person("alice"), scene.person("bob")
    store_rule(scene, bob)
    assert scene.send(alice, bob, disposition="display").status == 200
    host, port = host_port(stack.env["CPM_REDIS"])

    def stored():
        return len(re.findall(rf"event=stored id=\S+ user={re.escape(bob)} ", stack.node.log.read_text()))

    with redis.Redis(host, port) as client:
        for before in range(1, 4):
            sender = threading.Thread(target=scene.send, args=(alice, bob), kwargs={"disposition": "display"}, daemon=True)
            client.execute_command("CLIENT", "PAUSE", 10000, "WRITE")
            try:
                sender.start()
                Mailbox(stack, bob).wait_objects(before + 1)
                assert stored() == before
            finally:
                client.execute_command("CLIENT", "UNPAUSE")
            began = time.monotonic()
            wait_until(lambda count=before + 1: stored() == count, 5, "the answer", pause_s=0.01)
            assert time.monotonic() - began < 0.4
            sender.join(10)


@pytest.mark.clause("PM-4c3", "IM-1")
def test_positive_delivery_is_reported_when_asked_for(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    store_rule(scene, bob)
    asked = scene.send(alice, bob, disposition="positive-delivery, display").request.imdn_id
    scene.send(alice, bob, disposition="negative-delivery, display")
    report = Imdn(phone.wait_received(1)[0])
    assert (report.message_id, report.kind, report.status) == (asked, "delivery", "delivered")
    assert report.request.get("P-Asserted-Identity") == f"<{bob}>"
    assert len(phone.received()) == 1


@pytest.mark.clause("PM-4c2")
@pytest.mark.parametrize(
    "content", [b"two\r\nlines", b"a line feed\nalone", bytes(range(1, 256)), "J\u00fcrgen \U0001f600".encode()],
    ids=["crlf", "lf", "bytes", "utf8"],
)
def test_body_is_kept_byte_for_byte(scene, stack, content):
    alice, bob = scene.person("alice"), scene.person("bob")
    store_rule(scene, bob)
    body = cpim(content, alice, bob, disposition="display")
    assert scene.send(alice, bob, body=body).status == 200
    assert Mailbox(stack, bob).objects()[0].body == body


@pytest.mark.clause("PM-4c1")
def test_disposition_line_that_gets_empty_goes(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    store_rule(scene, bob)
    scene.send(alice, bob, disposition="positive-delivery")
    assert b"Disposition-Notification" not in Mailbox(stack, bob).objects()[0].body


@pytest.mark.clause("PM-4c2")
def test_names_from_sip_leave_no_trace_in_imap(scene, stack):
    """Quotes, hierarchy delimiters, dots and percent signs of the originator are part of one folder name."""
    bob = scene.person("bob")
    store_rule(scene, bob)
    for sender in ("sip:a%22b%5c/../c@evil.example", "sip:%7broot%7d%0d%0aA1%20LOGOUT@evil.example", "tel:+15550107"):
        assert scene.send(sender, bob, disposition="display").status == 200
    box = Mailbox(stack, bob)
    assert all(re.fullmatch(r"INBOX|Default|Default/[^/]+", name) for name in box.folders()), box.folders()
    assert len(box.objects()) == 3


def test_anonymous_originator_names_no_folder(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    store_rule(scene, bob)
    sent = scene.send(alice, bob, extra=[("Privacy", "id")], from_='"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert sent.status == 200
    (stored,) = Mailbox(stack, bob).objects()
    assert stored.folder == "Default/anonymous"
    assert alice not in stored.head


def test_system_of_two_users_is_apart(scene, stack):
    alice, bob, carol = scene.person("alice"), scene.person("bob"), scene.person("carol")
    for user in (bob, carol):
        store_rule(scene, user)
        assert scene.send(alice, user).status == 200
    assert [len(Mailbox(stack, user).objects()) for user in (bob, carol)] == [1, 1]


@pytest.mark.clause("PM-4c2")
def test_many_at_once(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    store_rule(scene, bob)
    assert [r.status for r in scene.send_all(alice, bob, [f"message {i}" for i in range(40)], parallel=20)] == [200] * 40
    objects = Mailbox(stack, bob).objects()
    assert len({o["IMDN-Message-ID"] for o in objects}) == 40


@pytest.mark.clause("DF-3", "MS-1")
def test_deferred_messages_rule_says_store(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    deferred_rule(scene, bob, "allow-store")
    sent = scene.send(alice, bob, disposition="positive-delivery, display")
    assert sent.status == 202
    (stored,) = Mailbox(stack, bob).objects()
    assert stored.body == sent.request.body.replace(b"positive-delivery, display", b"display")
    assert scene.waiting(bob) == []
    report = Imdn(phone.wait_received(1)[0])
    assert (report.message_id, report.status) == (sent.request.imdn_id, "delivered")


@pytest.mark.clause("MG-5")
def test_ordered_into_the_message_store(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    deferred_rule(scene, bob, "allow-pull")
    sent = scene.send(alice, bob, disposition="positive-delivery, display")
    assert sent.status == 202
    kept = scene.send(alice, bob).request.imdn_id
    first = scene.waiting(bob)[0]
    uri = stack.rpc("cpm_pf.show", first)["message_uri_id"]
    assert scene.manage(bob, orders((uri, "store"))).status == 200
    (stored,) = Mailbox(stack, bob).wait_objects(1)
    assert stored["IMDN-Message-ID"] == sent.request.imdn_id
    scene.wait_waiting(bob, 1)
    report = Imdn(phone.wait_received(1)[0])
    assert (report.message_id, report.status) == (sent.request.imdn_id, "delivered")
    assert kept != sent.request.imdn_id


@pytest.mark.clause("EX-5", "EX-7")
def test_expired_message_is_stored(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    deferred_rule(scene, bob, "allow-push", extra="<oxe:expired>store</oxe:expired>")
    sent = scene.send(alice, bob, disposition="positive-delivery, negative-delivery", extra=[("Expires", "1")])
    assert sent.status == 202
    (stored,) = Mailbox(stack, bob).wait_objects(1)
    assert stored["IMDN-Message-ID"] == sent.request.imdn_id
    scene.wait_waiting(bob, 0)
    report = Imdn(phone.wait_received(1)[0])
    assert (report.message_id, report.status) == (sent.request.imdn_id, "delivered")
    assert len(phone.received()) == 1


@pytest.mark.clause("EX-6")
def test_clients_hear_of_an_expired_message_that_was_stored(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    deferred_rule(scene, bob, "allow-pull", extra="<oxe:expired>store</oxe:expired>")
    sent = scene.send(alice, bob, disposition="display", extra=[("Expires", "1")])
    assert sent.status == 202
    phone = scene.phone(bob)
    (stored,) = Mailbox(stack, bob).wait_objects(1)

    def told():
        found = [m for m in phone.received() if SYSTEM_TAG in (m.get("Accept-Contact") or "") and b"stored" in m.body]
        return found[0] if found else None

    item = ElementTree.fromstring(wait_until(told, 10, "a system message").body).find("{urn:ietf:params:xml:ns:msginfo}message")
    extension = "{urn:x-cpm-pf:ext:1}"
    assert item.get(extension + "status") == "stored"
    assert (item.get(extension + "uid"), item.get(extension + "folder")) == (str(stored.uid), stored.folder)


def test_statistics_tell_of_the_message_store(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    store_rule(scene, bob)
    before = scene.statistics()
    scene.send(alice, bob)
    after = scene.statistics()
    for name in ("stored", "imap_calls", "imap_done"):
        assert after[name] == before[name] + 1, name
    assert after["message_store"] == "connected"
    assert after["imap_connections"] >= 1
    wait_until(lambda: scene.statistics()["imap_pending"] == 0, 5, "no call pending")
