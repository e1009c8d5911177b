# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The end of a message whose time has come (8.3.1.6.8) with the preference "discard"."""

import re

import pytest
from lib.documents import DEFERRED, rule, ruleset
from lib.imdn import Imdn, report_names, reports
from lib.messages import SYSTEM_TAG
from process import wait_until


def defer(scene, sender, bob, expires_s=1, **options):
    sent = scene.send(sender, bob, extra=[("Expires", str(expires_s))], **options)
    assert sent.status == 202
    return sent.request.imdn_id


@pytest.mark.clause("EX-1", "EX-2", "EX-4", "IM-1")
def test_expired_message_is_gone_in_time_and_its_sender_hears_of_it(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    imdn_id = defer(scene, alice, bob, disposition="positive-delivery, negative-delivery")
    message = scene.waiting(bob)[0]
    scene.wait_waiting(bob, 0)
    line = wait_until(
        lambda: re.search(rf"event=expired id={message} .* late_ms=(\d+)", stack.node.log.read_text()), 5, "the end in the log")
    assert int(line.group(1)) < 2000
    request = phone.wait_received(1)[0]
    report = Imdn(request)
    assert (report.message_id, report.kind, report.status) == (imdn_id, "delivery", "failed")
    assert report.datetime == "2030-01-01T10:00:00Z"
    assert report.recipient == bob
    assert report.header("imdn.Disposition-Notification") is None and report.header("imdn.Message-ID") != imdn_id
    assert request.get("P-Asserted-Identity") == f"<{bob}>"
    assert request.get("Content-Type") == "message/cpim"
    assert request.get("Conversation-ID") == "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    assert request.get("Contribution-ID") == "abcdef-1234-5678-90ab-cdef01234567"
    assert "oma.cpm.msg" in request.get("Accept-Contact")


@pytest.mark.clause("EX-2")
def test_expired_message_is_not_delivered_any_more(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    defer(scene, alice, bob)
    scene.wait_waiting(bob, 0)
    kept = scene.send(alice, bob)
    phone = scene.phone(bob)
    assert [m.imdn_id for m in phone.wait_received(1)] == [kept.request.imdn_id]


@pytest.mark.clause("EX-4", "IM-1")
def test_report_for_a_sender_who_is_away_comes_by_the_same_queue(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    imdn_id = defer(scene, alice, bob, disposition="negative-delivery")
    scene.wait_waiting(bob, 0)
    scene.wait_waiting(alice, 1)
    phone = scene.phone(alice)
    report = Imdn(phone.wait_received(1)[0])
    assert (report.message_id, report.status) == (imdn_id, "failed")
    assert report.request.get("P-Asserted-Identity") == f"<{bob}>"
    scene.wait_waiting(alice, 0)


@pytest.mark.clause("IM-1")
def test_a_report_that_expires_is_reported_to_nobody(scene, stack):
    """Never an IMDN for an IMDN: alice's report is deferred, and is deleted before she comes."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(bob, register=False)
    defer(scene, alice, bob, disposition="negative-delivery")
    scene.wait_waiting(alice, 1)
    scene.register(phone)
    made = scene.statistics()["reports"]
    stack.rpc("cpm_pf.delete", alice, "all")
    scene.wait_waiting(alice, 0)
    assert scene.statistics()["reports"] == made
    assert phone.received() == []


@pytest.mark.clause("IM-1")
@pytest.mark.parametrize("options, asserted", [
    ({"disposition": "negative-delivery", "asserted": False, "from_": "<sip:anonymous@anonymous.invalid>"}, False),
])
def test_nobody_is_told_when_nobody_is_known(scene, options, asserted):
    """Without an authenticated originator the message is refused before it can be deferred: nothing to report to."""
    alice, bob = scene.person("alice"), scene.person("bob")
    assert scene.send(alice, bob, **options).status == 403


@pytest.mark.clause("IM-1")
def test_anonymous_sender_gets_a_report_that_does_not_name_him(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    sent = scene.send(
        alice, bob, disposition="negative-delivery", from_='"Anonymous" <sip:anonymous@anonymous.invalid>',
        extra=[("Expires", "1"), ("Privacy", "id")],
    )
    assert sent.status == 202
    report = Imdn(phone.wait_received(1)[0])
    assert report.message_id == sent.request.imdn_id
    assert alice.encode() not in report.request.body


@pytest.mark.clause("EX-1")
def test_delivery_in_flight_wins(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    sender = scene.phone(alice)
    defer(scene, alice, bob, expires_s=2, disposition="negative-delivery")
    before = scene.statistics()
    phone = scene.phone(bob, answers=[("200", 3500)])
    phone.wait_received(1)
    assert scene.waiting(bob) != []
    scene.wait_waiting(bob, 0, deadline_s=8)
    after = scene.statistics()
    assert after["sum_delivered"] - before["sum_delivered"] == 1
    assert after["sum_expired"] == before["sum_expired"]
    assert reports(sender) == []


@pytest.mark.clause("EX-1", "EX-4")
def test_delivery_that_fails_leaves_the_message_to_its_expiry(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    sender = scene.phone(alice)
    imdn_id = defer(scene, alice, bob, expires_s=2, disposition="negative-delivery")
    phone = scene.phone(bob, answers=[("480", 2500)])
    phone.wait_received(1)
    sender.wait_received(1)
    assert report_names(sender) == [(imdn_id, "failed")]
    # Once, and the system message that tells of its end.
    assert len([m for m in phone.received() if SYSTEM_TAG not in m.get("Accept-Contact")]) == 1


@pytest.mark.clause("EX-1")
def test_users_own_preference_is_looked_up(scene, stack):
    """Preference "store" without a message store: the message stays, and the operator sees why. Nobody is told anything yet."""
    alice, bob = scene.person("alice"), scene.person("bob")
    sender = scene.phone(alice)
    scene.documents.put("policy", bob, ruleset(
        rule("later", "<oxe:allow-push>true</oxe:allow-push><oxe:expired>store</oxe:expired>", media=DEFERRED)))
    defer(scene, alice, bob, disposition="positive-delivery, negative-delivery")

    def kept():
        listed = stack.rpc("cpm_pf.list", bob)["messages"]
        return listed[0] if listed and listed[0]["state"] == "store" else None

    message = wait_until(kept, 5, "the message kept for the message store")
    assert message["why"] == "kept for the message store"
    phone = scene.phone(bob)
    other = scene.person("carol")
    scene.send(alice, other)
    scene.phone(other).wait_received(1)
    assert phone.received() == [] and reports(sender) == []
    assert len(scene.waiting(bob)) == 1
    stack.rpc("cpm_pf.delete", message["id"])
    sender.wait_received(1)
    assert [r.status for r in reports(sender)] == ["failed"]


@pytest.mark.clause("EX-1")
def test_expires_zero_is_now_or_never(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    sender = scene.phone(alice)
    imdn_id = defer(scene, alice, bob, expires_s=0, disposition="negative-delivery")
    sender.wait_received(1, deadline_s=4)
    assert report_names(sender) == [(imdn_id, "failed")]
    assert scene.waiting(bob) == []
