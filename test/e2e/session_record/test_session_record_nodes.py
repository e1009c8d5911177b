# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Two nodes on one Redis: what was said at one that has died is recorded by the other."""

import pytest
from imapproxy import ImapProxy
from lib.conversation import chat, talk
from lib.documents import rule, ruleset
from lib.mailbox import Mailbox
from ports import free_port

PROXY = free_port()
STACK = {
    "imap": True,
    "nodes": 2,
    "modparams": [
        ("cpm_pf", "store_url", f"imap://127.0.0.1:{PROXY}"), ("cpm_pf", "store_timeout_ms", 1500), ("cpm_pf", "store_retry_max_ms", 1000),
        ("cpm_pf", "store_settle_ms", 1000), ("cpm_pf", "claim_ms", 4000),
    ],
}
# The processes of a node that is killed do not die in the same instant.
LOG_ALLOW = [r"receive_fd\(\): EOF"]


@pytest.mark.clause("SE-8")
def test_the_other_node_goes_on(scene, stack):
    proxy = ImapProxy(stack.dovecot.address, PROXY)
    scene.closers.append(proxy.close)
    alice, bob = scene.person("alice"), scene.person("bob")
    history = '<oxe:allow-offline-storage oxe:allow="true"/>'
    scene.documents.put("policy", bob, ruleset(rule("history", history, media=("message-session",))))
    proxy.set("mute")
    _, _, here, there = talk(scene, alice, bob)
    said = [chat(f"line {n}", alice, bob) for n in range(3)]
    for body in said:
        assert here.send(body) == [200]
    answer = chat("Yes.", bob, alice)
    assert there.send(answer) == [200]
    stack.nodes[0].process.kill()
    proxy.set("pass")
    objects = Mailbox(stack, bob).wait_objects(4, 40)
    assert sorted(o.body for o in objects) == sorted([*said, answer])
    assert {o["Message-Direction"] for o in objects if o.body == answer} == {"sent"}
    stack.nodes[0].start()
