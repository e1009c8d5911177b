# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Deferral (8.3.1.1 step 4e, 8.3.1.6.1): what is kept, when the originator hears 202, what a repeat does."""

import datetime
import re

import pytest
import redis
from lib.documents import DEFERRED, rule, ruleset
from lib.messages import PAGER_ICSI, cpim
from process import wait_until
from stack import host_port

ODD_BODY = b"".join(bytes([b]) for b in range(1, 256)) + b"\r\n\r\n--x\r\n"


def deferred(scene, bob, **options):
    sent = scene.send(options.pop("sender", "sip:alice@cpm.test"), bob, **options)
    assert sent.status == 202
    return sent


def pushed(scene, bob):
    return scene.phone(bob).wait_received()[0]


@pytest.mark.clause("PM-4e", "ST-4", "PU-4")
def test_rule_defers_for_a_registered_user(scene):
    bob = scene.person("bob")
    phone = scene.phone(bob)
    scene.documents.put("policy", bob, ruleset(rule("later", ["allow-defer"])))
    sent = deferred(scene, bob)
    assert len(scene.waiting(bob)) == 1
    assert phone.received() == []
    scene.register(phone)
    assert phone.wait_received()[0].body == sent.request.body
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("PM-4e", "ST-4")
def test_202_means_written_by_redis(scene, stack):
    """After the 202 Redis loses its power: what it wrote with fsync is all that counts."""
    bob = scene.person("bob")
    deferred(scene, bob)
    stack.redis.process.kill()
    stack.redis.start()
    wait_until(stack.node.answers_rpc, 15, "the queue has its Redis again")
    scene.wait_waiting(bob, 1)


@pytest.mark.clause("ST-1a", "ST-1b", "ST-1d", "SP-1")
def test_headers_and_body_are_kept(scene):
    alice, bob = "sip:alice@cpm.test", scene.person("bob")
    extra = [
        ("Subject", "Lunch"), ("Date", "Tue, 01 Jan 2030 10:00:00 GMT"), ("InReplyTo-Contribution-ID", "earlier-1"),
        ("P-Charging-Vector", "icid-value=secret"), ("P-Charging-Function-Addresses", "ccf=10.0.0.1"),
    ]
    sent = deferred(scene, bob, extra=extra, from_=f'"Alice" <{alice}>', disposition="positive-delivery, display")
    got = pushed(scene, bob)
    assert got.body == sent.request.body
    assert alice in got.get("P-Asserted-Identity") and alice in got.get("From") and bob in got.get("To")
    for name in ("Subject", "Date", "Conversation-ID", "Contribution-ID", "InReplyTo-Contribution-ID", "Content-Type"):
        assert got.get(name) == sent.request.get(name), name
    assert got.all("P-Charging-Vector") == [] and got.all("P-Charging-Function-Addresses") == []
    assert b"imdn.Disposition-Notification: positive-delivery, display" in got.body


@pytest.mark.clause("ST-1a")
def test_missing_date_is_added(scene):
    bob = scene.person("bob")
    deferred(scene, bob)
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", pushed(scene, bob).get("Date"))


@pytest.mark.clause("ST-1d")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_body_is_kept_byte_for_byte(scene, transport):
    bob = scene.person("bob")
    body = cpim(ODD_BODY, "sip:alice@cpm.test", bob)
    deferred(scene, bob, body=body, transport=transport)
    assert pushed(scene, bob).body == body


@pytest.mark.clause("ST-1c", "ST-1d")
def test_recipient_list_is_kept(scene):
    bob = scene.person("bob")
    inner = cpim("for all of you", "sip:alice@cpm.test", bob)
    body = (
        b"--b1\r\nContent-Type: message/cpim\r\n\r\n" + inner + b"\r\n--b1\r\nContent-Type: application/resource-lists+xml\r\n"
        b'Content-Disposition: recipient-list\r\n\r\n<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>'
        b'<entry uri="sip:carol@cpm.test"/><entry uri="sip:hidden@cpm.test" cp:copyControl="bcc" '
        b'xmlns:cp="urn:ietf:params:xml:ns:copycontrol"/><entry uri="tel:+15550107"/></list></resource-lists>\r\n--b1--\r\n'
    )
    deferred(scene, bob, body=body, content_type='multipart/mixed;boundary="b1"')
    assert scene.stack.rpc("cpm_pf.show", scene.waiting(bob)[0])["recipients"] == "sip:carol@cpm.test tel:+15550107"
    got = pushed(scene, bob)
    assert got.body == body
    assert got.get("Content-Type") == 'multipart/mixed;boundary="b1"'


@pytest.mark.clause("ST-1b")
def test_record_has_what_notifications_need(scene, stack):
    bob = scene.person("bob")
    extra = [
        "imdn.Original-To: <sip:list@cpm.test>", "imdn.IMDN-Record-Route: <sip:one@relay.test>",
        "imdn.IMDN-Record-Route: <sip:two@relay.test>",
    ]
    deferred(scene, bob, body=cpim("hello", "sip:alice@cpm.test", bob, extra=extra))
    message = scene.waiting(bob)[0]
    with redis.Redis(*host_port(stack.env["CPM_REDIS"])) as connection:
        record = connection.get(f"cpm:{{{message.partition('-')[2]}}}:m:{message}")
    for line in (
        "date-time: 2030-01-01T10:00:00Z", "original-to: <sip:list@cpm.test>",
        "imdn-route: <sip:one@relay.test>, <sip:two@relay.test>",
    ):
        assert f"\n{line}\n".encode() in record


@pytest.mark.clause("ST-3")
def test_every_message_has_a_uri_of_its_own(scene):
    bob = scene.person("bob")
    assert [r.status for r in scene.send_all("sip:alice@cpm.test", bob, ["one", "two", "three"])] == [202] * 3
    ids = scene.waiting(bob)
    assert len(set(ids)) == 3
    for message in ids:
        uri = scene.stack.rpc("cpm_pf.show", message)["message_uri_id"]
        assert re.fullmatch(r"sip:[0-9a-zA-Z.-]{24,}@" + scene.stack.domain, uri), uri
        assert scene.stack.rpc("cpm_pf.show", uri)["id"] == message


@pytest.mark.clause("SP-1")
def test_pushed_message_carries_the_deferred_tag_and_our_release(scene):
    bob = scene.person("bob")
    deferred(scene, bob)
    got = pushed(scene, bob)
    tag = PAGER_ICSI.replace("cpm.msg", "cpm.deferred")
    assert any(tag in value for value in got.all("Accept-Contact"))
    assert got.get("User-Agent") == "CPM-serv/OMA1.0"


@pytest.mark.clause("ST-5a")
@pytest.mark.parametrize(
    "expires,expected_s", [(["600"], 600), ([], 3 * 86400), (["99999999"], 3 * 86400)], ids=["given", "absent", "beyond"]
)
def test_expiry_is_the_senders_below_the_maximum(scene, expires, expected_s):
    bob = scene.person("bob")
    deferred(scene, bob, extra=[("Expires", e) for e in expires])
    shown = scene.stack.rpc("cpm_pf.show", scene.waiting(bob)[0])
    arrived, end = (datetime.datetime.fromisoformat(shown[k].replace("Z", "+00:00")) for k in ("arrived", "expires"))
    assert abs((end - arrived).total_seconds() - expected_s) <= 1


@pytest.mark.clause("DF-1")
def test_rule_for_deferred_messages_says_push(scene):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("deferred", ["allow-push"], media=DEFERRED)))
    sent = deferred(scene, bob)
    assert pushed(scene, bob).body == sent.request.body


def test_repeated_message_is_kept_once(scene):
    alice, bob = "sip:alice@cpm.test", scene.person("bob")
    for _ in range(3):
        deferred(scene, bob, imdn_id="same-id-1")
    assert len(scene.waiting(bob)) == 1
    deferred(scene, bob, imdn_id="other-id")
    deferred(scene, bob, imdn_id="same-id-1", sender="sip:carol@cpm.test")
    assert len(scene.waiting(bob)) == 3
    assert alice


def test_store_as_a_verdict_is_deferred_and_said_so(scene, stack):
    """Without a message store: never dropped, never answered as stored."""
    bob = scene.person("bob")
    before = scene.statistics()["deferred_store"]
    scene.documents.put("policy", bob, ruleset(rule("store", ["allow-store"])))
    deferred(scene, bob)
    assert len(scene.waiting(bob)) == 1
    assert scene.statistics()["deferred_store"] == before + 1
    assert "no message store, kept in the queue" in stack.node.log.read_text()
