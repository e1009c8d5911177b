# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The served user's block list (8.3.1.1 step 3)."""

import pytest
from lib.documents import blocklist


@pytest.mark.clause("PM-3", "PM-3w", "PR-1")
def test_blocked_originator_is_refused(scene):
    alice, bob, mallory = scene.person("alice"), scene.person("bob"), scene.person("mallory")
    scene.documents.put("lists", bob, blocklist([mallory]))
    reply = scene.send(mallory, bob)
    assert reply.status == 403
    assert reply.warning.startswith("399 ") and reply.warning.endswith('"122 Function not allowed"')
    assert scene.send(alice, bob).status == 202


@pytest.mark.clause("PM-3")
@pytest.mark.parametrize(
    "entry,asserted",
    [
        ("tel:+15550107", "<sip:+15550107@cpm.test;user=phone>"),
        ("sip:+15550107@cpm.test;user=phone", "<tel:+1-555-0107>"),
        ("sip:mallory@CPM.test", '"M" <sip:mallory@cpm.TEST;transport=tcp>'),
        ("tel:+15550107", '<sip:mallory@cpm.test>, <tel:+15550107>'),
    ],
)
def test_spellings_of_one_address_are_equal(scene, entry, asserted):
    bob = scene.person("bob")
    scene.documents.put("lists", bob, blocklist([entry]))
    assert scene.send("sip:mallory@cpm.test", bob, asserted=asserted).status == 403


@pytest.mark.clause("PM-3")
def test_user_part_is_compared_with_case(scene):
    bob = scene.person("bob")
    scene.documents.put("lists", bob, blocklist(["sip:Mallory@cpm.test"]))
    assert scene.send("sip:mallory@cpm.test", bob).status == 202


@pytest.mark.clause("PM-3")
def test_external_link_to_a_list_of_the_same_document(scene):
    bob, mallory = scene.person("bob"), scene.person("mallory")
    anchor = scene.documents.list_anchor(bob, "rcs_blockedcontacts")
    scene.documents.put("lists", bob, blocklist(externals=[anchor], lists={"rcs_blockedcontacts": [mallory]}))
    assert scene.send(mallory, bob).status == 403


@pytest.mark.clause("PM-3")
def test_external_link_to_another_users_list(scene):
    bob, carol, mallory = scene.person("bob"), scene.person("carol"), scene.person("mallory")
    scene.documents.put("lists", carol, blocklist(lists={"shared": [mallory]}))
    scene.documents.put("lists", bob, blocklist(externals=[scene.documents.list_anchor(carol, "shared")]))
    assert scene.send(mallory, bob).status == 403


@pytest.mark.clause("PM-3")
@pytest.mark.parametrize("whose", ["his own", "another's"])
def test_reference_to_an_entry(scene, whose):
    bob, carol, mallory = scene.person("bob"), scene.person("carol"), scene.person("mallory")
    owner, neighbour = bob if whose == "his own" else carol, scene.person("neighbour")
    node = scene.documents.list_anchor(owner, "shared").removeprefix(scene.documents.root + "/")
    lists = {"shared": [neighbour, mallory]}
    if owner == carol:
        scene.documents.put("lists", carol, blocklist(lists=lists))
    scene.documents.put("lists", bob, blocklist(refs=[f"{node}/entry%5B@uri=%22{mallory}%22%5D"], lists=lists if owner == bob else None))
    assert scene.send(mallory, bob).status == 403
    assert scene.send(neighbour, bob).status == 202


@pytest.mark.clause("PM-3")
def test_link_outside_of_the_xcap_root_is_an_empty_list(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    outside = "http://127.0.0.1:9/resource-lists/users/sip:x@cpm.test/index/~~/resource-lists/list%5B@name=%22x%22%5D"
    scene.documents.put("lists", bob, blocklist([scene.person("mallory")], externals=[outside]))
    assert scene.send(alice, bob).status == 202


@pytest.mark.clause("PM-3", "PR-1")
def test_change_of_the_list_counts_for_the_next_message(scene):
    bob, mallory = scene.person("bob"), scene.person("mallory")
    assert scene.send(mallory, bob).status == 202
    scene.documents.put("lists", bob, blocklist([mallory]))
    assert scene.send(mallory, bob).status == 403
    scene.documents.delete("lists", bob)
    assert scene.send(mallory, bob).status == 202
