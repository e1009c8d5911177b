# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A message store whose certificate nobody vouches for: its password is never shown, the message waits."""

import re

import pytest
from lib.documents import rule, ruleset
from lib.mailbox import Mailbox

STACK = {"imap": True, "modparams": [("cpm_pf", "store_starttls", 1)]}


@pytest.mark.clause("MS-1")
def test_wrong_certificate(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"])))
    assert scene.send(alice, bob).status == 202
    assert len(scene.waiting(bob)) == 1
    assert scene.statistics()["message_store"] == "certificate"
    log = stack.node.log.read_text()
    assert len(re.findall("message store: away reason=certificate", log)) == 1
    assert re.search(r"event=unstored .* reason=certificate", log)
    # Nobody has even tried to log in.
    assert "user=<" not in re.sub(r"user=<>", "", stack.dovecot.log.read_text())
    assert Mailbox(stack, bob).objects() == []
