# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Deferred large messages are listed, told of, deleted, stored and counted as pager messages are (8.3.1.6)."""

import xml.etree.ElementTree as ElementTree

import pytest
import redis
from lib.documents import DEFERRED, rule, ruleset
from lib.imdn import reports
from lib.large import LargeCall, large_body, large_headers, send_large
from lib.mailbox import Mailbox
from lib.messages import SYSTEM_TAG, orders
from process import wait_until
from stack import host_port

STACK = {"imap": True, "modparams": [("cpm_pf", "max_user_messages", 3), ("cpm_pf", "notify_delay_ms", 200)]}
MSGINFO = "{urn:ietf:params:xml:ns:msginfo}"
SIZE = 300000


@pytest.fixture
def people(scene):
    """Alice, who has a phone for her reports, and Bob."""
    alice, bob = scene.person("alice"), scene.person("bob")
    return alice, bob, scene.phone(alice)


def deferred_rule(scene, user, action, extra=""):
    scene.documents.put("policy", user, ruleset(rule("deferred", f"<oxe:{action}>true</oxe:{action}>{extra}", media=DEFERRED)))


def octets_left(stack):
    with redis.Redis(*host_port(stack.env["CPM_REDIS"])) as client:
        return set(client.scan_iter("cpm:*:[abc]:*", count=100000))


def send(scene, alice, bob, disposition="positive-delivery, negative-delivery, display", **options):
    """The body, whose imdn Message-ID is bob's address."""
    body = large_body(alice, bob, SIZE, imdn_id=f"large-{bob}", disposition=disposition)
    assert send_large(scene, alice, bob, body, **options) == [200]
    return body


def kept(scene, alice, bob):
    """A message that waits for its user's word: (body, message-URI-ID)."""
    deferred_rule(scene, bob, "allow-pull")
    body = send(scene, alice, bob)
    scene.wait_waiting(bob, 1)
    return body, scene.message_uri(scene.waiting(bob)[0])


def reported(phone, bob, status):
    phone.wait_received(1)
    assert [(r.message_id, r.status) for r in reports(phone)] == [(f"large-{bob}", status)]


def stored(stack, bob, body):
    """It is in Bob's message store, whole, without the requests for delivery reports."""
    found, = Mailbox(stack, bob).wait_objects(1)
    assert found.body == body.replace(b"positive-delivery, negative-delivery, display", b"display")
    assert found["IMDN-Message-ID"] == f"large-{bob}"


def entry(message, uri, size):
    root = ElementTree.fromstring(message.body)
    assert root.get("number") == "1"
    found, = root.findall(MSGINFO + "message")
    assert found.get("message-reference") == uri and int(found.findtext(MSGINFO + "size")) == size
    return found


@pytest.mark.clause("SU-3", "SU-4")
def test_listed(scene, people):
    alice, bob, _ = people
    body, uri = kept(scene, alice, bob)
    call = scene.subscribe(bob)
    assert call.status == 200
    found = entry(call.requests("NOTIFY")[0], uri, len(body))
    assert found.findtext(MSGINFO + "info/" + MSGINFO + "auth-id") == alice
    assert found.findtext(MSGINFO + "expiry") > found.get("date-time")


@pytest.mark.clause("DF-2", "NO-2")
def test_its_user_is_told(scene, people):
    alice, bob, _ = people
    body, uri = kept(scene, alice, bob)
    message = scene.phone(bob).wait_received(1)[0]
    assert SYSTEM_TAG in message.get("Accept-Contact")
    entry(message, uri, len(body))


@pytest.mark.clause("MG-3")
@pytest.mark.parametrize("by_user", [True, False], ids=["by its user", "by an operator"])
def test_deleted(scene, stack, people, by_user):
    alice, bob, phone = people
    before = octets_left(stack)
    _, uri = kept(scene, alice, bob)
    assert octets_left(stack) != before
    if by_user:
        assert scene.manage(bob, orders((uri, "delete"))).status == 200
    else:
        assert stack.rpc("cpm_pf.delete", uri) == {"touched": 1}
    scene.wait_waiting(bob, 0)
    reported(phone, bob, "failed")
    assert octets_left(stack) == before


@pytest.mark.clause("MG-5")
def test_ordered_into_the_message_store(scene, stack, people):
    alice, bob, phone = people
    before = octets_left(stack)
    body, uri = kept(scene, alice, bob)
    assert scene.manage(bob, orders((uri, "store"))).status == 200
    stored(stack, bob, body)
    scene.wait_waiting(bob, 0)
    reported(phone, bob, "delivered")
    assert octets_left(stack) == before


@pytest.mark.clause("DF-3", "MS-1")
def test_a_rule_for_deferred_messages_says_store(scene, stack, people):
    alice, bob, phone = people
    deferred_rule(scene, bob, "allow-store")
    body = send(scene, alice, bob)
    stored(stack, bob, body)
    scene.wait_waiting(bob, 0)
    reported(phone, bob, "delivered")


@pytest.mark.clause("EX-5", "EX-7", "ST-5b")
def test_stored_when_its_time_has_come(scene, stack, people):
    alice, bob, phone = people
    deferred_rule(scene, bob, "allow-push", "<oxe:expired>store</oxe:expired>")
    body = send(scene, alice, bob, headers=large_headers(alice, extra=["Message-Expires: 1"]))
    stored(stack, bob, body)
    scene.wait_waiting(bob, 0)
    reported(phone, bob, "delivered")


@pytest.mark.clause("LM-8n")
def test_no_more_than_a_user_may_have(scene, stack, people):
    """The quota is one for messages of both kinds. Whoever is over it hears so before he sends an octet."""
    alice, bob, _ = people
    assert send_large(scene, alice, bob, large_body(alice, bob, SIZE)) == [200]
    assert [scene.send(alice, bob).status for _ in range(3)] == [202, 202, 480]
    refused = scene.statistics()["quota_refused"]
    assert LargeCall(scene, alice, bob, size=SIZE).status == 480
    assert scene.statistics()["quota_refused"] == refused + 1
    assert f"user={bob} reason=quota" in stack.node.log.read_text()
    assert len(scene.waiting(bob)) == 3
    stack.rpc("cpm_pf.delete", scene.waiting(bob)[0])
    scene.wait_waiting(bob, 2)
    assert send_large(scene, alice, bob, large_body(alice, bob, SIZE)) == [200]


@pytest.mark.clause("LM-8n")
def test_no_room_any_more_when_it_is_whole(scene, stack, people):
    """Two come at once and there is room for one: what is over it leaves nothing behind."""
    alice, bob, _ = people
    assert [scene.send(alice, bob).status for _ in range(2)] == [202, 202]
    calls = [LargeCall(scene, alice, bob) for _ in range(2)]
    assert [call.status for call in calls] == [200, 200]
    assert calls[0].peer.send(large_body(alice, bob, SIZE), chunk=50000)[-1] == 200
    before, refused = octets_left(stack), scene.statistics()["quota_refused"]
    assert calls[1].peer.send(large_body(alice, bob, SIZE), chunk=50000)[-1] == 413
    assert [call.call.bye() for call in calls] == [200, 200]
    assert len(scene.waiting(bob)) == 3 and scene.statistics()["quota_refused"] == refused + 1
    wait_until(lambda: octets_left(stack) == before, 10, "what came of it to be gone")
