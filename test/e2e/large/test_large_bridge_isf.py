# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A large message that no client takes goes to the ISF, where the operator wants that (8.3.1.2 step 10)."""

import pytest
from lib.documents import rule, ruleset
from lib.large import LargePhone, large_body, send_large
from lib.mailbox import Mailbox

STACK = {"imap": True, "defines": {"WITH_UNDELIVERED_INTERWORK": True}}


HISTORY = '<oxe:allow-offline-storage oxe:allow="true"/>'


@pytest.mark.clause("LM-10", "LM-11")
@pytest.mark.parametrize("history", [False, True])
def test_the_isf_is_invited(scene, stack, history):
    alice, bob = scene.person("alice"), scene.person("bob")
    if history:
        scene.documents.put("policy", bob, ruleset(rule("history", HISTORY, media=("large-message-mode-message",))))
    phone = LargePhone(scene, bob, status=[486])
    port = int(scene.stack.env["CPM_ISF"].rpartition(":")[2])
    isf = LargePhone(scene, "sip:isf@isf.test", register=False, port=port, setup="passive")
    body = large_body(alice, bob, 1000)
    assert send_large(scene, alice, bob, body) == [200]
    assert len(phone.invites) == 1
    assert isf.wait_message() == body and isf.invites[0].uri.startswith(bob)
    isf.agent.wait_request("BYE")
    assert [o.body for o in Mailbox(stack, bob).objects()] == [body] * history
    assert scene.waiting(bob) == []
