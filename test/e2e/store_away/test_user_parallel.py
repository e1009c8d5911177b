# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""store_user_parallel: one user has so many connections to a slow message store and no more, however many messages come for him."""

import pytest
from imapproxy import ImapProxy
from lib.documents import rule, ruleset
from lib.mailbox import Mailbox
from ports import free_port

PROXY = free_port()
STACK = {"imap": True, "modparams": [("cpm_pf", "store_user_parallel", 2), ("cpm_pf", "store_url", f"imap://127.0.0.1:{PROXY}")]}


@pytest.fixture(scope="module")
def proxy(stack):
    proxy = ImapProxy(stack.dovecot.address, PROXY)
    yield proxy
    proxy.close()


@pytest.mark.clause("PM-4c2")
def test_so_many_connections_for_one_user(scene, stack, proxy):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"])))
    proxy.set("delay-50")
    sent = scene.send_all(scene.person("alice"), bob, [f"message {i}" for i in range(12)], parallel=12)
    assert {reply.status for reply in sent} == {200}
    assert proxy.most == 2
    Mailbox(stack, bob).wait_objects(12)
