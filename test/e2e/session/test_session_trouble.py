# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Invitations to sessions while something is away: clients, the XDMS, Redis."""

import threading

import pytest
from lib.documents import forward_to, rule, ruleset
from lib.session import SessionCall, SessionPhone, invite_by_hand, tag_of
from process import wait_until

STACK = {
    "modparams": [
        # 0: tm tells of a second 2xx as well.
        ("tm", "reply_relay_mode", 0), ("tm", "fr_timer", 1500), ("cpm_pf", "xdm_fail", "closed"), ("cpm_pf", "xdm_timeout_ms", 1000),
        ("cpm_pf", "xdm_retry_ms", 0),
    ],
    "defines": {"CPM_XDM_MAX_AGE_MS": 0, "WITH_SESSION_INTERWORK": True},
}
LOG_ALLOW = [r"[Rr]edis", "nowhere.invalid", "failure to add branches", "t_forward_noack failed"]


@pytest.mark.clause("SE-9")
def test_no_client_answers(scene, stack):
    """408 after fr_timer; with an ISF that is not there either."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [SessionPhone(scene, bob, status=None) for _ in range(2)]
    call = SessionCall(scene, alice, bob, timeout_s=20)
    assert call.status == 408 and all(phone.invites for phone in phones)
    line = f"event=session call_id={call.call.call_id} user={bob} status=408"
    wait_until(lambda: stack.node.log.read_text().count(line) == 1, 5, "the line of the session")


@pytest.mark.clause("SE-9")
def test_no_client_answers_but_the_isf(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    isf = SessionPhone(scene, "sip:isf@cpm.test", register=False, port=int(scene.stack.env["CPM_ISF"].rpartition(":")[2]))
    SessionPhone(scene, bob, status=None)
    call = SessionCall(scene, alice, bob, timeout_s=20)
    assert call.status == 200 and isf.wait_invite().uri == bob and call.call.bye() == 200


@pytest.mark.clause("SE-9")
def test_an_address_that_cannot_be_resolved(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("gone", forward_to("sip:bob@nowhere.invalid"), media=("message-session",))))
    SessionPhone(scene, bob)
    call = SessionCall(scene, alice, bob)
    line = f"event=refused call_id={call.call.call_id} user={bob} reason=undelivered code=480"
    assert call.status == 480 and line in stack.node.log.read_text()


@pytest.mark.clause("SE-9")
def test_a_302_to_an_address_that_cannot_be_resolved(scene):
    """There is still the ISF, and its answer is the last."""
    alice, bob = scene.person("alice"), scene.person("bob")
    isf = SessionPhone(scene, "sip:isf@cpm.test", register=False, port=int(scene.stack.env["CPM_ISF"].rpartition(":")[2]), status=486)
    SessionPhone(scene, bob, status=302, answer=["Contact: <sip:bob@nowhere.invalid>"])
    assert SessionCall(scene, alice, bob).status == 486 and len(isf.invites) == 1


@pytest.mark.clause("SE-7")
def test_the_caller_gives_up_while_the_documents_are_fetched(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob)
    with stack.xdms.process.stalled():
        peer = invite_by_hand(scene, alice, bob)
        assert peer.receive(lambda m: m.is_reply and m.status == 100)
        peer.send("CANCEL", branch=peer.branch, cseq=1)
        assert peer.final("CANCEL").status == 200 and peer.final("INVITE").status == 487
        peer.send("ACK", branch=peer.branch, cseq=1)
    call = SessionCall(scene, alice, bob)
    assert call.status == 200 and len(phone.invites) == 1 and call.call.bye() == 200


@pytest.mark.clause("SE-7")
def test_two_clients_accept_at_once(scene, stack):
    """Both answers reach the caller (RFC 3261 section 16.7), who keeps the first."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [SessionPhone(scene, bob, connect=False) for _ in range(2)]
    together = threading.Barrier(2)
    for phone in phones:
        answer = phone.agent.on_invite
        phone.agent.on_invite = lambda request, answer=answer: (together.wait(5), answer(request))[1]
    peer = invite_by_hand(scene, alice, bob)
    tags = []
    for _ in phones:
        reply = peer.receive(lambda m: m.is_reply and m.method == "INVITE" and m.status == 200 and tag_of(m.get("To")) not in tags)
        tags.append(tag_of(reply.get("To")))
        dialog = {"to_tag": tag_of(reply.get("To")), "uri": reply.get("Contact").partition("<")[2].partition(">")[0]}
        route = [("Route", reply.get("Record-Route"))]
        peer.send("ACK", route, cseq=1, **dialog)
        peer.send("BYE", route, **dialog)
        assert peer.final("BYE").status == 200
    assert stack.node.log.read_text().count(f"event=session call_id={peer.call_id} ") == 1
    for phone in phones:
        phone.agent.wait_request("ACK")
        assert tag_of(phone.agent.wait_request("BYE").get("To")) in tags


@pytest.mark.clause("SE-2")
def test_documents_that_cannot_be_had(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    with stack.xdms.process.stalled():
        phone = SessionPhone(scene, bob)
        call = SessionCall(scene, alice, bob)
        assert call.status == 503 and call.reply.get("Retry-After") and phone.invites == []


@pytest.mark.clause("SE-6")
def test_redis_is_not_needed(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob)
    stack.redis.process.kill()
    try:
        call = SessionCall(scene, alice, bob)
        assert call.status == 200 and len(phone.invites) == 1 and call.call.bye() == 200
    finally:
        stack.redis.start()
        wait_until(stack.node.answers_rpc, 15, "the queue has its Redis again")
