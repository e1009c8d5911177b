# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A session through the server that goes on to the ISF: no client took it, or a rule of the user says so (8.3.2.1 steps 1b and 5, SE-9)."""

import pytest
from lib.conversation import ConversationCall, ConversationPhone, chat, talk
from lib.documents import rule, ruleset

STACK = {"defines": {"WITH_SESSION_BRIDGE": True, "WITH_SESSION_INTERWORK": True}}


def isf(scene, **options):
    port = int(scene.stack.env["CPM_ISF"].rpartition(":")[2])
    return ConversationPhone(scene, "sip:isf@isf.test", register=False, port=port, setup="passive", **options)


def both_ways(call, here, there, alice, bob):
    ask, reply = chat("Hello", alice, bob), chat("by SMS", bob, alice)
    assert here.send(ask) == [200] and there.wait_messages(1) == [ask]
    assert there.send(reply) == [200] and here.wait_messages(1) == [reply]
    call.hang_up()


@pytest.mark.clause("SE-5", "SE-9")
@pytest.mark.parametrize("how", ["no client takes it", "a rule says so", "no client is there"])
def test_the_isf_takes_it(scene, how):
    """Straight, with the Request-URI and the feature tags that it came with; its answer has the media through us."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, status=486) if how != "no client is there" else None
    if how == "a rule says so":
        scene.documents.put("policy", bob, ruleset(rule("isf", ["allow-interwork"], media=("message-session",))))
    other = isf(scene)
    call, _, here, there = talk(scene, alice, bob, phone=other, contribution="isf-1")
    request = other.invites[0]
    assert request.uri == bob and "oma.cpm.session" in request.get("Accept-Contact") and request.get("Reject-Contact") is None
    assert request.attribute("setup") == "active" and request.attribute("path") != here.path
    assert request.get("Contribution-ID") == "isf-1" and "oma.cpm.session" in request.get("Contact")
    assert phone is None or len(phone.invites) == (how == "no client takes it")
    both_ways(call, here, there, alice, bob)
    other.agent.wait_request("BYE")


@pytest.mark.clause("SE-9")
def test_the_isf_refuses_as_well(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone, other = ConversationPhone(scene, bob, status=486), isf(scene, status=404)
    assert ConversationCall(scene, alice, bob).status == 404
    assert len(phone.invites) == len(other.invites) == 1


@pytest.mark.clause("SE-9")
def test_a_decline_is_the_last_word(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    ConversationPhone(scene, bob, status=603)
    other = isf(scene)
    assert ConversationCall(scene, alice, bob).status == 603
    assert other.invites == []
