# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages into the message store, and their ends (8.3.1.2 step 6c, 8.3.1.6.8)."""

import pytest
import redis
from lib.documents import rule, ruleset
from lib.large import large_body, large_headers, send_large
from lib.mailbox import Mailbox
from process import wait_until

STACK = {"imap": True, "modparams": [("cpm_pf", "max_expiry_s", 600)]}
LARGE = ("large-message-mode-message",)


@pytest.mark.clause("LM-6c")
def test_a_rule_wants_it_stored(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"], media=LARGE)))
    body = large_body(alice, bob, 100000, imdn_id=f"store-{bob}", disposition="positive-delivery, display")
    assert send_large(scene, alice, bob, body) == [200]
    stored, = Mailbox(stack, bob).wait_objects(1)
    assert stored.body == body.replace(b"positive-delivery, display", b"display")
    assert stored["IMDN-Message-ID"] == f"store-{bob}"
    report, = phone.wait_received(1)
    assert b"<delivered/>" in report.body and f"store-{bob}".encode() in report.body
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
