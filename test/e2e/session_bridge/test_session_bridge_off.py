# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A server that listens to no MSRP: sessions that were to go through it go past it."""

import re

import pytest
from lib.conversation import ConversationCall, ConversationPhone

STACK = {"defines": {"WITH_SESSION_BRIDGE": True}, "modparams": [("cpm_pf", "msrp_listen", "")]}


@pytest.mark.clause("SE-6")
def test_a_server_without_msrp(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, connect=False)
    call = ConversationCall(scene, alice, bob, connect=False)
    assert call.status == 200 and phone.invites[0].get("Record-Route")
    assert phone.invites[0].attribute("path") == call.peer.path
    call.hang_up()
    assert not re.search(rf"event=refused .*{call.call.call_id}", stack.node.log.read_text())
