# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The served user's access rules (8.3.1.1 step 4): which rule is found, and reject."""

import pytest
from lib.documents import DEFERRED, blocklist, many, one, rule, ruleset

ALICE = "sip:alice@cpm.test"
REJECT = ["allow-reject-invite"]


def refused(scene, *rules, sender=ALICE, **options):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(*rules))
    status = scene.send(sender, bob, **options).status
    assert status in (202, 403)
    return status == 403


@pytest.mark.clause("PM-4", "PM-4a", "PR-1")
def test_reject_gives_403_with_warning(scene):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("no", REJECT)))
    reply = scene.send(ALICE, bob)
    assert reply.status == 403
    assert reply.warning.endswith('"122 Function not allowed"')
    assert scene.waiting(bob) == []


@pytest.mark.clause("PM-4")
@pytest.mark.parametrize(
    "conditions,expected",
    [
        ({"identity": one(ALICE)}, True),
        ({"identity": one("sip:carol@cpm.test")}, False),
        ({"identity": many("cpm.test")}, True),
        ({"identity": many("cpm.tesT")}, True),
        ({"identity": many("cpm.tes2")}, False),
        ({"identity": many()}, True),
        ({"identity": many("cpm.test", except_ids=[ALICE])}, False),
        ({"identity": many(except_domains=["cpm.test"])}, False),
        ({"identity": many(except_domains=["other.test"])}, True),
        ({"service": "CPM"}, True),
        ({"service": "cpm"}, True),
        ({"service": "PoC"}, False),
        ({"services_except": ["PoC"]}, True),
        ({"services_except": ["CPM"]}, False),
        ({"media": DEFERRED}, False),
        ({"media": ("audio", "pager-mode-message")}, True),
        ({"media_except": ("audio",)}, True),
        ({"media_except": ("pager-mode-message",)}, False),
        ({"validity": [("2001-01-01T00:00:00Z", "2199-01-01T00:00:00Z")]}, True),
        ({"validity": [("2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z")]}, False),
        ({"validity": [("2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z"), ("2001-01-01T00:00:00+02:00", "2199-01-01T00:00:00+02:00")]}, True),
        ({"other_identity": True}, True),
        ({"anonymous": True}, False),
        ({"conditions": '<cp:sphere value="work"/>'}, False),
        ({"conditions": '<unknown xmlns="urn:example:unknown"/>'}, False),
    ],
)
def test_conditions(scene, conditions, expected):
    assert refused(scene, rule("no", REJECT, **conditions)) is expected


@pytest.mark.clause("PM-4")
def test_anonymous_request_is_a_condition(scene):
    assert refused(scene, rule("no", REJECT, anonymous=True), extra=[("Privacy", "id")])


@pytest.mark.clause("PM-4")
def test_external_list(scene):
    bob, alice, carol = scene.person("bob"), scene.person("alice"), scene.person("carol")
    scene.documents.put("lists", bob, blocklist(lists={"colleagues": [alice]}))
    anchor = scene.documents.list_anchor(bob, "colleagues")
    scene.documents.put("policy", bob, ruleset(rule("no", REJECT, external_list=[anchor])))
    assert scene.send(alice, bob).status == 403
    assert scene.send(carol, bob).status == 202


@pytest.mark.clause("PM-4")
def test_identity_goes_before_other_identity(scene):
    rules = [rule("friends", ["allow-defer"], identity=one(ALICE)), rule("others", REJECT, other_identity=True)]
    assert not refused(scene, *rules)
    assert refused(scene, *rules, sender="sip:dave@cpm.test")


@pytest.mark.clause("PM-4")
def test_a_rule_without_match_does_not_end_the_document(scene):
    assert refused(scene, rule("other", REJECT, identity=one("sip:dave@cpm.test")), rule("no", REJECT))


@pytest.mark.clause("PM-4")
def test_false_action_does_not_count(scene):
    assert not refused(scene, rule("no", "<oxe:allow-reject-invite>false</oxe:allow-reject-invite>"))


@pytest.mark.clause("PM-4", "PR-1")
def test_operators_are_told_the_rule(scene):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("night-shift", REJECT)))
    told = scene.stack.rpc("cpm_pf.explain", bob, ALICE, "pager")
    assert told["action"] == "reject"
    assert told["rule"] == "night-shift"
