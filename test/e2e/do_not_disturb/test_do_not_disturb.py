# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Do-not-disturb (8.3.1.1 step 5, 8.3.1.6.2)."""

import pytest
from lib.documents import do_not_disturb


@pytest.mark.clause("PM-5", "PU-2")
def test_message_is_kept_until_do_not_disturb_is_off(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, do_not_disturb())
    phone = scene.phone(bob)
    sent = scene.send(alice, bob)
    assert sent.status == 202
    scene.register(phone)
    # A second user's message has gone all the way: the push of the first was not merely late.
    other = scene.person("carol")
    witness = scene.phone(other)
    assert scene.send(alice, other).status == 200
    witness.wait_received()
    assert phone.received() == []
    assert len(scene.waiting(bob)) == 1
    scene.documents.delete("policy", bob)
    assert phone.wait_received()[0].body == sent.request.body
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("PM-5")
@pytest.mark.parametrize("until,status", [("2001-01-02T00:00:00Z", 200), ("2199-01-01T00:00:00Z", 202)])
def test_do_not_disturb_holds_in_its_validity(scene, until, status):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, do_not_disturb(validity=[("2001-01-01T00:00:00Z", until)]))
    scene.phone(bob)
    assert scene.send(scene.person("alice"), bob).status == status
