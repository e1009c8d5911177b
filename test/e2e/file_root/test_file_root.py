# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Documents in a folder (file://), without any XDMS."""

import pytest
from lib.documents import blocklist, rule, ruleset

STACK = {"documents": "file"}


@pytest.mark.clause("PR-1", "PM-3", "PM-4a")
def test_documents_of_a_folder_decide(scene):
    alice, bob, mallory = scene.person("alice"), scene.person("bob"), scene.person("mallory")
    scene.documents.put("lists", bob, blocklist([mallory]))
    assert scene.send(mallory, bob).status == 403
    assert scene.send(alice, bob).status == 202
    scene.documents.put("policy", bob, ruleset(rule("no", ["allow-reject-invite"])))
    assert scene.send(alice, bob).status == 403
    scene.documents.delete("policy", bob)
    assert scene.send(alice, bob).status == 202


@pytest.mark.clause("PR-1")
@pytest.mark.parametrize("name", ["..%2F..%2Fetc", "%2e%2e", "a%2Fb"])
def test_a_users_name_does_not_lead_out_of_the_folder(scene, name):
    assert scene.send("sip:alice@cpm.test", f"sip:{name}@cpm.test").status in (202, 404)
