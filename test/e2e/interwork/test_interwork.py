# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Interworking by the served user's rules (8.3.1.1 step 4b)."""

import pytest
from lib.documents import rule, ruleset


@pytest.mark.clause("PM-4b")
@pytest.mark.parametrize("action", ["allow-interwork", "allow-interworking"])
def test_interworked_message_goes_to_the_isf_alone(scene, action):
    alice, bob = scene.person("alice"), scene.person("bob")
    isf, phone = scene.isf(), scene.phone(bob)
    scene.documents.put("policy", bob, ruleset(rule("sms", [action])))
    sent = scene.send(alice, bob)
    assert sent.status == 200
    request = isf.wait_received()[0]
    assert request.uri == bob
    assert request.body == sent.request.body
    assert phone.received() == []
    assert scene.waiting(bob) == []


@pytest.mark.clause("PM-4b", "PM-7")
@pytest.mark.parametrize("action", ["allow-delivery-and-interwork", "allow-deliver-and-interwork"])
def test_delivered_and_interworked_message_goes_to_both(scene, action):
    alice, bob = scene.person("alice"), scene.person("bob")
    isf, phone = scene.isf(), scene.phone(bob)
    scene.documents.put("policy", bob, ruleset(rule("both", [action])))
    sent = scene.send(alice, bob)
    assert sent.status == 200
    assert isf.wait_received()[0].body == sent.request.body
    assert phone.wait_received()[0].body == sent.request.body


@pytest.mark.clause("PM-4b", "PM-8")
def test_delivered_and_interworked_message_of_an_offline_user_is_also_deferred(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    isf = scene.isf()
    scene.documents.put("policy", bob, ruleset(rule("both", ["allow-deliver-and-interwork"])))
    sent = scene.send(alice, bob)
    assert sent.status == 202
    assert isf.wait_received()[0].body == sent.request.body
    assert len(scene.waiting(bob)) == 1
