# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Sessions that go to the interworking function (8.3.2.1 step 1 and its end). Each waits for documents first."""

import pytest
from lib.documents import profile, rule, ruleset
from lib.session import MESSAGE_TAG, SessionCall, SessionPhone

STACK = {"defines": {"WITH_SESSION_INTERWORK": True, "CPM_XDM_MAX_AGE_MS": 0}}
INSTANCE = "urn:uuid:00000000-0000-4000-8000-0000000000e1"


@pytest.fixture
def isf(scene):
    return SessionPhone(scene, "sip:isf@cpm.test", register=False, port=int(scene.stack.env["CPM_ISF"].rpartition(":")[2]))


def bye(call, phone):
    assert call.status == 200 and call.call.bye() == 200
    assert len(phone.agent.wait_request("BYE").all("Via")) == 2


@pytest.mark.clause("SE-1")
def test_nobody_is_registered(scene, isf):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = SessionCall(scene, alice, bob)
    invite = isf.wait_invite()
    assert invite.uri == bob and invite.get("P-Asserted-Identity") == f"<{alice}>" and invite.get("Record-Route")
    bye(call, isf)


@pytest.mark.clause("SE-1")
def test_the_answer_of_the_isf_counts(scene, isf):
    isf.status = 404
    assert SessionCall(scene, scene.person("alice"), scene.person("bob")).status == 404


@pytest.mark.clause("SE-9")
def test_nobody_accepts(scene, isf):
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [SessionPhone(scene, bob, status=486), SessionPhone(scene, bob, status=480)]
    call = SessionCall(scene, alice, bob)
    assert isf.wait_invite().uri == bob and [len(p.invites) for p in phones] == [1, 1]
    bye(call, isf)


@pytest.mark.clause("SE-9")
@pytest.mark.parametrize("client", [404, 302])
def test_the_isf_is_asked_once(scene, isf, client):
    """Its answer is the last, though those before were better (tm's failure_reply_mode): they would bring their failure routes again."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone, isf.status = SessionPhone(scene, bob, status=client), 500
    if client == 302:
        phone.answer[:] = [f"Contact: <{SessionPhone(scene, 'sip:other@elsewhere.test', register=False, status=500).contact}>"]
    assert SessionCall(scene, alice, bob).status == 500
    assert len(phone.invites) == len(isf.invites) == 1


@pytest.mark.clause("SE-9")
def test_an_anonymous_caller_is_named_to_the_isf_alone(scene, isf):
    alice, bob = scene.person("alice"), scene.person("bob")
    other = SessionPhone(scene, "sip:other@elsewhere.test", register=False, status=486)
    phone = SessionPhone(scene, bob, status=302, answer=[f"Contact: <{other.contact}>"])
    call = SessionCall(scene, alice, bob, extra=["Privacy: id"])
    assert [p.wait_invite().get("P-Asserted-Identity") for p in (phone, other, isf)] == [None, None, f"<{alice}>"]
    bye(call, isf)


@pytest.mark.clause("SE-9")
def test_nobody_accepts_where_a_client_pointed_to(scene, isf):
    alice, bob = scene.person("alice"), scene.person("bob")
    other = SessionPhone(scene, "sip:other@elsewhere.test", register=False, status=486)
    SessionPhone(scene, bob, status=302, answer=[f"Contact: <{other.contact}>"])
    call = SessionCall(scene, alice, bob)
    assert isf.wait_invite().uri == bob and len(other.invites) == 1
    bye(call, isf)


@pytest.mark.clause("SE-9")
def test_who_declines_for_all_is_left_alone(scene, isf):
    alice, bob = scene.person("alice"), scene.person("bob")
    SessionPhone(scene, bob, status=603)
    assert SessionCall(scene, alice, bob).status == 603 and isf.invites == []


@pytest.mark.clause("SE-6")
def test_no_client_suits(scene, isf):
    """As a proxy: 480, whatever the policy."""
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("profile", bob, profile({INSTANCE: {"message-session": False}}))
    SessionPhone(scene, bob, instance=INSTANCE)
    SessionPhone(scene, bob, tags=MESSAGE_TAG)
    assert SessionCall(scene, alice, bob).status == 480 and isf.invites == []


@pytest.mark.clause("SE-6", "SE-9")
def test_rules_for_interworking(scene, isf):
    alice, bob, carol = scene.person("alice"), scene.person("bob"), scene.person("carol")
    for user, action in ((bob, "allow-interwork"), (carol, "allow-delivery-and-interwork")):
        scene.documents.put("policy", user, ruleset(rule("isf", [action], media=("message-session",))))
    first, second = SessionPhone(scene, bob), SessionPhone(scene, carol, status=486)
    bye(SessionCall(scene, alice, bob), isf)
    assert first.invites == [] and isf.invites[0].uri == bob
    call = SessionCall(scene, alice, carol)
    assert call.status == 200 and len(second.invites) == 1 and isf.invites[1].uri == carol
    assert call.call.bye() == 200
