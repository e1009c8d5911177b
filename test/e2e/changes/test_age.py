# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The end of do-not-disturb is seen by the age of the documents, when nobody tells of it."""

import pytest
from lib.documents import DEFERRED, do_not_disturb, rule, ruleset
from lib.messages import SYSTEM_TAG

STACK = {"defines": {"CPM_XDM_MAX_AGE_MS": 1000}, "modparams": [("cpm_pf", "notify_delay_ms", 100)]}


@pytest.mark.clause("PU-2", "PR-1")
def test_pushing_begins(scene):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, do_not_disturb())
    phone = scene.phone(bob)
    sent = scene.send(scene.person("alice"), bob)
    assert sent.status == 202
    scene.documents.delete("policy", bob, reload=False)
    assert phone.wait_received()[0].body == sent.request.body
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("NO-1", "PR-1")
def test_notifying_begins(scene):
    bob = scene.person("bob")
    pull = rule("deferred", ["allow-pull"], media=DEFERRED)
    scene.documents.put("policy", bob, ruleset(pull, rule("dnd", ["allow-do-not-disturb"], media=None)))
    phone = scene.phone(bob)
    assert scene.send(scene.person("alice"), bob).status == 202
    scene.documents.put("policy", bob, ruleset(rule("defer", ["allow-defer"]), pull), reload=False)
    (message,) = phone.wait_received()
    assert SYSTEM_TAG in message.get("Accept-Contact")
    assert len(scene.waiting(bob)) == 1
