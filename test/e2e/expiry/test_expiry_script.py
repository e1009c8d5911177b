# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""An expired message goes to the script first, which hands it to the ISF (WITH_EXPIRED_INTERWORK)."""

import pytest
from lib.imdn import report_names, reports

STACK = {"defines": {"WITH_EXPIRED_INTERWORK": True}}


def defer(scene, alice, bob):
    sent = scene.send(alice, bob, extra=[("Expires", "1")], disposition="positive-delivery, negative-delivery")
    assert sent.status == 202
    return sent.request


@pytest.mark.clause("EX-1")
def test_message_that_the_isf_takes_is_interworked(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    isf, sender = scene.isf(), scene.phone(alice)
    before = scene.statistics()
    sent = defer(scene, alice, bob)
    got = isf.wait_received(1)[0]
    assert got.uri == bob and got.body == sent.body
    assert got.get("P-Asserted-Identity") == f"<{alice}>"
    assert "oma.cpm.msg" in got.get("Accept-Contact")
    scene.wait_waiting(bob, 0)
    after = scene.statistics()
    assert after["sum_interworked"] - before["sum_interworked"] == 1
    assert after["sum_expired"] == before["sum_expired"]
    assert reports(sender) == []


@pytest.mark.clause("EX-1", "EX-2", "EX-4")
def test_message_that_the_isf_refuses_is_discarded(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    isf, sender = scene.isf(answers=["503"]), scene.phone(alice)
    sent = defer(scene, alice, bob)
    isf.wait_received(1)
    sender.wait_received(1)
    assert report_names(sender) == [(sent.imdn_id, "failed")]
    assert scene.waiting(bob) == []
