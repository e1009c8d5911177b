# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A session whose messages go through the server, of a user who wants no history: nothing of it is recorded."""

import pytest
from lib.conversation import chat, talk
from lib.documents import rule, ruleset
from lib.mailbox import Mailbox

STACK = {"imap": True, "defines": {"WITH_SESSION_BRIDGE": True}}
MEDIA = ("message-session",)


def converse(scene, stack, allow):
    """Bob's rule has allow-offline-storage of this value, if any; his objects, once Carol's, who wants hers, are there."""
    alice, bob, carol = scene.person("alice"), scene.person("bob"), scene.person("carol")
    for user, value in ((bob, allow), (carol, "true")):
        if value:
            history = f'<oxe:allow-offline-storage oxe:allow="{value}"/>'
            scene.documents.put("policy", user, ruleset(rule("history", history, media=MEDIA)))
    for user in (bob, carol):
        call, phone, here, there = talk(scene, alice, user)
        assert here.send(chat("Hello", alice, user)) == [200] and there.send(chat("Yes?", user, alice)) == [200]
        call.hang_up()
        phone.agent.wait_request("BYE")
    Mailbox(stack, carol).wait_objects(2)
    return Mailbox(stack, bob).objects()


@pytest.mark.clause("SE-8")
@pytest.mark.parametrize("allow", [None, "false"])
def test_not_wanted(scene, stack, allow):
    before = scene.statistics()
    assert converse(scene, stack, allow) == []
    after = scene.statistics()
    changed = [after[name] - before[name] for name in ("sessions_bridged", "recordings", "recordings_failed")]
    assert changed == [2, 2, 0]
