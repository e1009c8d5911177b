# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Forwarding by the served user's rules (8.3.1.1 step 4d)."""

import pytest
from lib.documents import forward_to, rule, ruleset
from lib.phones import Phone
from ports import free_port

CORE_PORT = free_port()
STACK = {"modparams": [("cpm_pf", "core_uri", f"sip:127.0.0.1:{CORE_PORT}")]}


@pytest.fixture
def core(scene):
    """The SIP/IP core, to which forwarded requests go."""
    phone = Phone(scene.folder, "sip:core@cpm.test", port=CORE_PORT, answers=("200", "480")).start()
    yield phone
    phone.stop()


@pytest.mark.clause("PM-4d")
def test_forwarded_message_goes_through_the_core_to_the_new_recipient(scene, core):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(bob)
    scene.documents.put("policy", bob, ruleset(rule("away", forward_to("sip:carol@other.test"))))
    sent = scene.send(alice, bob)
    assert sent.status == 200
    request = core.wait_received()[0]
    assert request.uri == "sip:carol@other.test"
    assert request.body == sent.request.body
    assert alice in request.get("P-Asserted-Identity")
    assert phone.received() == [] and scene.waiting(bob) == []
    assert scene.send(alice, bob).status == 480, "the forwarded request's own answer goes back"


@pytest.mark.clause("PM-4d")
def test_forwarding_without_a_target_is_no_action(scene, core):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("away", ["allow-forward"])))
    assert scene.send(alice, bob).status == 202
    assert core.received() == []
