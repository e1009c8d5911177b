# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Several queue processes: each looks after its share of the shards, its users and its requests under way."""

import pytest
from lib.imdn import report_names

STACK = {
    "modparams": [("cpm_pf", "queue_workers", 3)],
    # What a script must not do in an event route is refused, and nothing else happens.
    "script": 'event_route[cpm_pf:deferred] { if (cpm_defer("NOT_DEFERRED")) xlog("L_NOTICE", "parked an event\\n"); }\n',
}
LOG_ALLOW = [r"an event route has no request that could wait"]


@pytest.mark.clause("EX-1", "EX-4", "IM-1", "PU-4")
def test_many_users(scene, stack):
    alice = scene.person("alice")
    sender = scene.phone(alice)
    people = [scene.person("bob") for _ in range(12)]
    owed = []
    for person in people:
        sent = scene.send(alice, person, disposition="negative-delivery", extra=[("Expires", "2")])
        assert sent.status == 202
        owed.append((sent.request.imdn_id, "failed"))
        assert scene.send(alice, person).status == 202
    sender.wait_received(len(people), deadline_s=15)
    assert report_names(sender) == sorted(owed)
    for person in people[:4]:
        phone = scene.phone(person)
        phone.wait_received(1)
        scene.wait_waiting(person, 0)
    assert "parked an event" not in stack.node.log.read_text()
