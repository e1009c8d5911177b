# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Expiry while nobody knows what the user wants: the XDMS is away, no copy is at hand, and xdm_fail is not open."""

import pytest
from lib.imdn import report_names
from process import wait_until

STACK = {"modparams": [("cpm_pf", "xdm_fail", "closed"), ("cpm_pf", "xdm_timeout_ms", 300), ("cpm_pf", "xdm_retry_ms", 100)]}
LOG_ALLOW = [r"receive_fd\(\): EOF", r"documents of a user cannot be had"]


@pytest.mark.clause("EX-1")
def test_message_waits_for_the_users_word(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    sent = scene.send(alice, bob, disposition="negative-delivery", extra=[("Expires", "2")])
    assert sent.status == 202
    stack.node.process.kill()
    stack.xdms.process.kill()
    stack.node.start()
    ending = wait_until(lambda: (s := scene.statistics())["documents_failures"] > 0 and s["now_waiting"] == 1 and s, 10, "a look at the documents")
    assert ending["sum_expired"] == 0 and ending["balance"] == 0
    stack.xdms.start()
    wait_until(lambda: scene.statistics()["sum_expired"] == 1, 20, "the end")
    sender = scene.phone(alice)
    sender.wait_received(1, deadline_s=15)
    assert report_names(sender) == [(sent.request.imdn_id, "failed")]
