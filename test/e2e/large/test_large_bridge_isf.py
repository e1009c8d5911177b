# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A large message that no client takes goes to the ISF, where the operator wants that (8.3.1.2 step 10)."""

import pytest
from lib.large import LargePhone, large_body, send_large

STACK = {"defines": {"WITH_UNDELIVERED_INTERWORK": True}}


@pytest.mark.clause("LM-10")
def test_the_isf_is_invited(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob, status=[486])
    port = int(scene.stack.env["CPM_ISF"].rpartition(":")[2])
    isf = LargePhone(scene, "sip:isf@isf.test", register=False, port=port, setup="passive")
    body = large_body(alice, bob, 1000)
    assert send_large(scene, alice, bob, body) == [200]
    assert len(phone.invites) == 1
    assert isf.wait_message() == body and isf.invites[0].uri.startswith(bob)
    assert scene.waiting(bob) == []
