# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages into the message store, and their ends (8.3.1.2 step 6c, 8.3.1.6.8)."""

import pytest
import redis
from lib.documents import rule, ruleset
from lib.large import LargePhone, large_body, large_headers, send_large
from lib.mailbox import Mailbox
from process import wait_until

STACK = {"imap": True, "modparams": [("cpm_pf", "max_expiry_s", 600)]}
LARGE = ("large-message-mode-message",)


@pytest.mark.clause("LM-6c")
@pytest.mark.parametrize("size", [100000, 5000000])
def test_a_rule_wants_it_stored(scene, stack, size):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"], media=LARGE)))
    body = large_body(alice, bob, size, imdn_id=f"store-{bob}", disposition="positive-delivery, display")
    assert send_large(scene, alice, bob, body) == [200]
    stored, = Mailbox(stack, bob).wait_objects(1)
    assert stored.body == body.replace(b"positive-delivery, display", b"display")
    assert stored["IMDN-Message-ID"] == f"store-{bob}"
    report, = phone.wait_received(1)
    assert b"<delivered/>" in report.body and f"store-{bob}".encode() in report.body
    scene.wait_waiting(bob, 0)


HISTORY = '<oxe:allow-offline-storage oxe:allow="true"/>'


@pytest.mark.clause("SL-4", "LM-11", "HI-1")
@pytest.mark.parametrize("deferred", [True, False], ids=["deferred", "at-once"])
def test_history_is_recorded_after_the_transfer(scene, stack, deferred):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("history", HISTORY, media=LARGE)))
    body = large_body(alice, bob, 100000)
    phone = None if deferred else LargePhone(scene, bob)
    send_large(scene, alice, bob, body)
    phone = phone or LargePhone(scene, bob)
    assert phone.wait_message() == body
    bye = phone.agent.wait_request("BYE")
    stored, = Mailbox(stack, bob).objects()
    assert stored.body == body
    assert bye.get("Message-UID") == f'{stored.uid};uidvalidity={stored.uidvalidity};folder="{stored.folder}"'
    assert bye.get("User-Agent").startswith("CPM-serv/OMA")
    scene.wait_waiting(bob, 0)
    assert len(Mailbox(stack, bob).objects()) == 1


@pytest.mark.clause("SL-4")
def test_no_history_without_the_setting(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob)
    send_large(scene, alice, bob, large_body(alice, bob, 1000))
    assert phone.agent.wait_request("BYE").get("Message-UID") is None
    assert Mailbox(stack, bob).objects() == []


@pytest.mark.clause("HI-1")
def test_recording_trouble_delivers_all_the_same(scene, stack):
    """Larger than the message store takes."""
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("history", HISTORY, media=LARGE)))
    phone = LargePhone(scene, bob)
    body = large_body(alice, bob, 9 << 20)
    send_large(scene, alice, bob, body)
    assert phone.wait_message() == body
    assert phone.agent.wait_request("BYE").get("Message-UID") is None
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("ST-5b")
def test_it_expires(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    body = large_body(alice, bob, 5000, imdn_id=f"late-{bob}", disposition="negative-delivery")
    assert send_large(scene, alice, bob, body, headers=large_headers(alice, extra=["Message-Expires: 1"])) == [200]
    report, = phone.wait_received(1)
    assert b"<failed/>" in report.body and f"late-{bob}".encode() in report.body
    scene.wait_waiting(bob, 0)
    wait_until(lambda: not octets_left(stack), 10, "the octets to be gone")


def octets_left(stack):
    host, _, port = stack.env["CPM_REDIS"].rpartition(":")
    return list(redis.Redis(host, int(port)).scan_iter("cpm:*:b:*", count=100000))
