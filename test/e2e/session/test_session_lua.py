# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The routes of cfg/kamailio.lua for CPM sessions."""

import pytest
from lib.documents import blocklist, do_not_disturb, rule, ruleset
from lib.raw import Peer
from lib.session import MESSAGE_TAG, SessionCall, SessionPhone, media, session_headers

STACK = {"defines": {"WITH_LUA": True}}
LOG_ALLOW = [r"parse_first_line: bad message", r"parse_msg: message=<HTTP/1.1 503", r"build_sip_msg_from_buf\(\): parsing failed"]
INSTANCE = "urn:uuid:00000000-0000-4000-8000-0000000000e1"


@pytest.mark.clause("SE-1", "SE-2", "SE-3", "SE-4")
def test_refused(scene):
    alice, bob, carol, dave = (scene.person(name) for name in ("alice", "bob", "carol", "dave"))
    scene.documents.put("lists", bob, blocklist([alice]))
    scene.documents.put("policy", carol, do_not_disturb())
    phones = [SessionPhone(scene, user) for user in (bob, carol, dave)]
    assert [SessionCall(scene, alice, user).status for user in (scene.person("nobody"), bob, carol)] == [480, 403, 480]
    headers = [*session_headers(alice), "Content-Type: application/sdp"]
    assert SessionCall(scene, alice, dave, body="hello", headers=headers).status == 400
    assert [phone.invites for phone in phones] == [[], [], []]


@pytest.mark.clause("SE-6", "SE-7")
def test_a_session(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob)
    SessionPhone(scene, bob, tags=MESSAGE_TAG, instance=INSTANCE)
    call = SessionCall(scene, alice, bob)
    invite = phone.wait_invite()
    assert call.status == 200 and invite.get("Record-Route") and INSTANCE in invite.get("Reject-Contact")
    phone.agent.wait_request("ACK")
    assert call.peer.send(b"From: <sip:a@b>\r\n\r\n\r\nhello") == [200]
    assert call.call.within("UPDATE", body=media("message")).status == 200
    assert phone.within("BYE").status == 200
    assert len(call.agent.wait_request("BYE").all("Via")) == 2


@pytest.mark.clause("SE-7")
def test_requests_in_the_dialog(scene, stack):
    """By a GRUU, and by no other address of a user, which a strict Route may name."""
    alice, bob = scene.person("alice"), scene.person("bob")
    gruu = f"{bob};gr={INSTANCE}"
    phone = SessionPhone(scene, bob, instance=INSTANCE, answer=[f"Contact: <{gruu}>"])
    call = SessionCall(scene, alice, bob)
    assert call.status == 200 and call.call.target == gruu
    asserted = [f"P-Asserted-Identity: <{alice}>", "Privacy: id"]
    assert call.call.within("UPDATE", body=media("message"), headers=asserted).status == 200
    assert phone.agent.wait_request("UPDATE").get("P-Asserted-Identity") is None
    peer = Peer(stack.node.sip, alice, bob)
    scene.closers.append(peer.close)
    peer.send("INVITE", [("Route", f"<{bob}>")], to_tag="none", uri=f"sip:{stack.node.sip}")
    assert peer.final("INVITE").status == 404 and len(phone.invites) == 1
    assert call.call.bye() == 200


@pytest.mark.clause("SE-9")
def test_not_accepted(scene):
    alice, bob, carol = scene.person("alice"), scene.person("bob"), scene.person("carol")
    other = SessionPhone(scene, "sip:other@elsewhere.test", register=False)
    SessionPhone(scene, bob, status=302, answer=[f"Contact: <{other.contact}>"])
    call = SessionCall(scene, alice, bob)
    assert call.status == 200 and call.call.bye() == 200 and len(other.invites) == 1
    isf = SessionPhone(scene, "sip:isf@cpm.test", register=False, port=int(scene.stack.env["CPM_ISF"].rpartition(":")[2]))
    scene.documents.put("policy", carol, ruleset(rule("both", ["allow-delivery-and-interwork"], media=("message-session",))))
    phone = SessionPhone(scene, carol, status=486)
    call = SessionCall(scene, alice, carol)
    assert call.status == 200 and call.call.bye() == 200 and len(phone.invites) == len(isf.invites) == 1
