# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""WITH_REGISTER_EVENTS: usrloc's events start a push, without a line in the script (push_on_register)."""

import pytest

STACK = {"defines": {"WITH_REGISTER_EVENTS": True}}


@pytest.mark.clause("PU-2", "PU-4")
def test_a_registration_starts_a_push(scene):
    bob = scene.person("bob")
    sent = scene.send("sip:alice@cpm.test", bob)
    assert sent.status == 202
    phone = scene.phone(bob)
    assert phone.wait_received(1)[0].body == sent.request.body
    scene.wait_waiting(bob, 0)
    # Gone, and back.
    scene.unregister(phone)
    assert scene.send("sip:alice@cpm.test", bob).status == 202
    scene.register(phone)
    phone.wait_received(2)
    scene.wait_waiting(bob, 0)
