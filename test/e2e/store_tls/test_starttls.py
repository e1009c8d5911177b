# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A message store over STARTTLS with its certificate checked, and users who log in themselves."""

import pytest
from lib.documents import rule, ruleset
from lib.mailbox import Mailbox

STACK = {
    "imap": True,
    "modparams": [
        ("cpm_pf", "store_starttls", 1), ("cpm_pf", "store_ca_file", "CPM_RUN/dovecot/ca.pem"), ("cpm_pf", "store_service", ""),
        ("cpm_pf", "store_folder", "{user}/{conv}/{peer}"),
    ],
}


@pytest.mark.clause("PM-4c2", "PM-4c4")
def test_stored_over_tls_by_the_users_own_login(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"])))
    assert scene.send(alice, bob).status == 200
    (stored,) = Mailbox(stack, bob).objects()
    user = bob.partition(":")[2].partition("@")[0]
    assert stored.folder == f"{user}/f81d4fae-7dec-11d0-a765-00a0c91e6bf6/{alice}"
    log = stack.dovecot.log.read_text()
    assert f"user=<{user}@{stack.domain}>" in log and "TLS" in log
