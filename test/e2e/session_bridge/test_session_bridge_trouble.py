# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Sessions through the server that nobody records need no Redis."""

import pytest
from lib.conversation import chat, talk

STACK = {"defines": {"WITH_SESSION_BRIDGE": True}}
LOG_ALLOW = [r"[Rr]edis"]


@pytest.mark.clause("SE-5")
def test_redis_is_not_needed(scene, stack):
    """While it is away sessions go on, and new ones begin."""
    alice, bob, carol = scene.person("alice"), scene.person("bob"), scene.person("carol")
    call, phone, here, there = talk(scene, alice, bob)
    stack.redis.process.kill()
    try:
        text = chat("Is it dark where you are?", alice, bob)
        assert here.send(text) == [200] and there.wait_messages(1) == [text]
        second, _, mine, others = talk(scene, alice, carol)
        text = chat("And where you are?", alice, carol)
        assert mine.send(text) == [200] and others.wait_messages(1) == [text]
        for one in (call, second):
            one.hang_up()
        phone.agent.wait_request("BYE")
    finally:
        stack.redis.start()
