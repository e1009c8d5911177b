# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A message that no client takes goes to the ISF where the operator says so (8.3.1.1, end)."""

import pytest

STACK = {"defines": {"WITH_UNDELIVERED_INTERWORK": True}}


@pytest.mark.clause("PM-10b")
def test_message_that_no_client_takes_goes_straight_to_the_isf(scene):
    bob = scene.person("bob")
    isf = scene.isf()
    scene.phone(bob, answers=["486"])
    sent = scene.send("sip:alice@cpm.test", bob)
    assert sent.status == 200
    request = isf.wait_received()[0]
    assert request.uri == bob
    assert request.body == sent.request.body
    assert scene.waiting(bob) == []


@pytest.mark.clause("PM-10b", "PM-10a")
def test_message_that_the_isf_does_not_take_either_is_deferred(scene):
    bob = scene.person("bob")
    isf = scene.isf(answers=["503"])
    scene.phone(bob, answers=["486"])
    assert scene.send("sip:alice@cpm.test", bob).status == 202
    assert len(isf.wait_received()) == 1
    assert len(scene.waiting(bob)) == 1
