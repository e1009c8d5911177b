# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Two nodes before one message store, behind a proxy that can spoil its answers; what a repeated message must come to."""

from lib.documents import rule, ruleset
from lib.imdn import reports
from process import wait_until


def two_nodes(proxy_port):
    """Options of such a stack."""
    return {
        "imap": True,
        "nodes": 2,
        "modparams": [
            ("cpm_pf", "store_timeout_ms", 4000), ("cpm_pf", "store_settle_ms", 1000), ("cpm_pf", "store_retry_min_ms", 200),
            ("cpm_pf", "store_retry_max_ms", 1000), ("cpm_pf", "store_url", f"imap://127.0.0.1:{proxy_port}"),
        ],
    }


def phone_at_both(scene, stack, aor):
    """The report comes by the node that sees to the end of the message."""
    phone = scene.phone(aor)
    scene.register(phone, node=stack.nodes[1])
    return phone


def stored_once(scene, box, phone, imdn_id, others=0):
    assert [o["IMDN-Message-ID"] for o in box.wait_objects(1 + others)].count(imdn_id) == 1
    scene.wait_waiting(box.aor, 0, deadline_s=20)
    phone.wait_received(1)
    assert {(r.message_id, r.status) for r in reports(phone)} == {(imdn_id, "delivered")}


def history_user(scene, name):
    user = scene.person(name)
    scene.documents.put("policy", user, ruleset(rule("history", '<oxe:allow-offline-storage oxe:allow="true"/>')))
    return user
