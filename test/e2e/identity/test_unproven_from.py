# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A laboratory (WITH_UNPROVEN_FROM): From is believed, but what a stranger asserts is not, and goes no further."""

import pytest
from lib.documents import blocklist
from lib.messages import cpim, pager_headers
from lib.raw import exchange, request

STACK = {"defines": {"CPM_TRUSTED": "127.0.0.1", "WITH_UNPROVEN_FROM": True}}
STRANGER = "127.0.0.2"


def send(scene, sender, recipient, asserted, source):
    headers = pager_headers(sender, asserted=f"<{asserted}>") + [("From", f"<{sender}>;tag=1")]
    return exchange(scene.stack.node.sip, request("MESSAGE", recipient, headers, cpim("hello", sender, recipient)), source=source)


@pytest.mark.clause("PM-3")
def test_an_asserted_identity_counts_from_trusted_addresses_alone(scene):
    alice, bob, mallory = scene.person("alice"), scene.person("bob"), scene.person("mallory")
    scene.documents.put("lists", bob, blocklist([mallory]))
    assert send(scene, mallory, bob, alice, STRANGER).status == 403
    assert send(scene, alice, bob, mallory, STRANGER).status == 202
    assert scene.stack.rpc("cpm_pf.show", scene.waiting(bob)[0])["originator"] == alice
    assert send(scene, mallory, bob, alice, "127.0.0.1").status == 202


def test_what_a_stranger_asserts_is_removed(scene):
    alice, bob, boss = scene.person("alice"), scene.person("bob"), scene.person("boss")
    phone = scene.phone(bob)
    assert send(scene, alice, bob, boss, STRANGER).status == 200
    assert phone.wait_received(1)[0].all("P-Asserted-Identity") == []
    assert send(scene, alice, bob, boss, "127.0.0.1").status == 200
    assert phone.wait_received(2)[1].all("P-Asserted-Identity") == [f"<{boss}>"]
