# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Conversation history (8.5): recorded before a delivery where the user wants it, gone again when the delivery failed."""

import re

import pytest
from lib.documents import DEFERRED, rule, ruleset
from lib.mailbox import Mailbox
from process import wait_until

STACK = {"imap": True, "modparams": [("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 2)]}

RECORD = '<oxe:allow-offline-storage oxe:allow="true"/>'


def history_on(scene, bob, *actions, media=("pager-mode-message",)):
    inner = RECORD + "".join(f"<oxe:{a}>true</oxe:{a}>" for a in actions)
    scene.documents.put("policy", bob, ruleset(rule("history", inner, media=media)))


def uid_of(request):
    """uid, uidvalidity and folder of a Message-UID header."""
    match = re.fullmatch(r'(\d+);uidvalidity=(\d+);folder="([^"]*)"', request.get("Message-UID") or "")
    assert match, request.get("Message-UID")
    return int(match.group(1)), int(match.group(2)), match.group(3)


@pytest.mark.clause("PM-6", "HI-1")
def test_recorded_before_delivery_with_its_uid(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    history_on(scene, bob)
    phone = scene.phone(bob)
    sent = scene.send(alice, bob, disposition="positive-delivery, display")
    assert sent.status == 200
    (stored,) = Mailbox(stack, bob).objects()
    got = phone.wait_received(1)[0]
    assert uid_of(got) == (stored.uid, stored.uidvalidity, stored.folder)
    assert stored.body == sent.request.body == got.body
    assert stored.flags == []
    assert stored["IMDN-Message-ID"] == sent.request.imdn_id


@pytest.mark.clause("PM-6")
def test_not_recorded_without_the_setting(scene, stack):
    alice, bob, carol = scene.person("alice"), scene.person("bob"), scene.person("carol")
    phone = scene.phone(bob)
    off = '<oxe:allow-offline-storage oxe:allow="false"/>'
    scene.documents.put("policy", carol, ruleset(rule("history", off)))
    other = scene.phone(carol)
    assert scene.send(alice, bob).status == scene.send(alice, carol).status == 200
    for p in (phone, other):
        assert p.wait_received(1)[0].get("Message-UID") is None
    assert Mailbox(stack, bob).objects() == Mailbox(stack, carol).objects() == []


@pytest.mark.clause("PM-6")
def test_interworked_message_is_recorded(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    history_on(scene, bob, "allow-interwork")
    isf = scene.isf()
    assert scene.send(alice, bob).status == 200
    assert len(isf.wait_received(1)) == 1
    assert len(Mailbox(stack, bob).objects()) == 1


@pytest.mark.clause("PM-6")
def test_delivered_and_interworked_is_recorded_once(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    history_on(scene, bob, "allow-deliver-and-interwork")
    isf, phone = scene.isf(), scene.phone(bob)
    assert scene.send(alice, bob).status == 200
    assert uid_of(phone.wait_received(1)[0]) and isf.wait_received(1)
    assert len(Mailbox(stack, bob).objects()) == 1


@pytest.mark.clause("PM-11", "HI-1")
def test_recording_of_what_no_client_took_is_removed(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    history_on(scene, bob)
    phone = scene.phone(bob, answers=[488])
    removed = scene.statistics()["recordings_removed"]
    assert scene.send(alice, bob).status == 202
    scene.unregister(phone)
    assert uid_of(phone.wait_received(1)[0])
    scene.wait_waiting(bob, 1)
    wait_until(lambda: scene.statistics()["recordings_removed"] > removed, 10, "the recording is removed")
    Mailbox(stack, bob).wait_objects(0)


def test_nobody_to_deliver_to_records_nothing(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    history_on(scene, bob)
    assert scene.send(alice, bob).status == 202
    assert Mailbox(stack, bob).objects() == []


@pytest.mark.clause("SP-2", "HI-1")
@pytest.mark.parametrize("media", [("pager-mode-message",), DEFERRED], ids=["pager", "deferred"])
def test_pushed_message_is_recorded_with_its_uid(scene, stack, media):
    alice, bob = scene.person("alice"), scene.person("bob")
    history_on(scene, bob, media=media)
    sent = scene.send(alice, bob)
    assert sent.status == 202
    phone = scene.phone(bob)
    got = phone.wait_received(1)[0]
    (stored,) = Mailbox(stack, bob).objects()
    assert uid_of(got) == (stored.uid, stored.uidvalidity, stored.folder)
    assert stored.body == sent.request.body
    scene.wait_waiting(bob, 0)
    assert len(Mailbox(stack, bob).objects()) == 1


@pytest.mark.clause("SP-4", "SP-2")
def test_failed_push_leaves_no_recording(scene, stack):
    """Refused once: its recording goes; taken at the next attempt: recorded anew, once."""
    alice, bob = scene.person("alice"), scene.person("bob")
    history_on(scene, bob)
    sent = scene.send(alice, bob)
    assert sent.status == 202
    phone = scene.phone(bob, answers=[488, 200])
    first, second = phone.wait_received(2)
    scene.wait_waiting(bob, 0)
    box = Mailbox(stack, bob)
    (stored,) = box.wait_objects(1)
    assert uid_of(second) == (stored.uid, stored.uidvalidity, stored.folder)
    assert uid_of(first)[0] != stored.uid
    assert stored["IMDN-Message-ID"] == sent.request.imdn_id


@pytest.mark.clause("SP-2")
def test_many_are_pushed_in_order_and_recorded(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    history_on(scene, bob)
    texts = [f"message {i}" for i in range(10)]
    sent = [r.request.imdn_id for r in scene.send_all(alice, bob, texts)]
    phone = scene.phone(bob)
    assert [m.imdn_id for m in phone.wait_received(10)] == sent
    assert [o["IMDN-Message-ID"] for o in Mailbox(stack, bob).objects()] == sent
