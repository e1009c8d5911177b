# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""cfg/kamailio.lua with a message store."""

import pytest
from lib.documents import rule, ruleset
from lib.mailbox import Mailbox

STACK = {"imap": True, "defines": {"WITH_LUA": True}, "modparams": [("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 2)]}
LOG_ALLOW = [r"parse_first_line: bad message", r"parse_msg: message=<HTTP/1.1 503", r"build_sip_msg_from_buf\(\): parsing failed"]
ALICE = "sip:alice@cpm.test"
RECORD = '<oxe:allow-offline-storage oxe:allow="true"/>'


@pytest.mark.clause("PM-4c2", "PM-4c4")
def test_stored(scene, stack):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"])))
    assert scene.send(ALICE, bob, disposition="display").status == 200
    assert len(Mailbox(stack, bob).objects()) == 1


@pytest.mark.clause("PM-6", "PM-11")
def test_recorded(scene, stack):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("history", RECORD)))
    phone = scene.phone(bob, answers=["200", "488"])
    assert scene.send(ALICE, bob).status == 200
    assert phone.wait_received(1)[0].get("Message-UID").startswith("1;uidvalidity=")
    assert scene.send(ALICE, bob).status == 202
    scene.unregister(phone)
    Mailbox(stack, bob).wait_objects(1)
