# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Invitations to CPM sessions where this server is a proxy (8.3.2.1 steps 1 to 4 and 6)."""

import re
import threading

import pytest
from lib.documents import blocklist, forward_to, one, profile, rule, ruleset
from lib.large import large_body
from lib.phones import talk
from lib.raw import Peer, exchange, request
from lib.session import MESSAGE_TAG, SESSION_TAG, SessionCall, SessionPhone, invite_by_hand, media, session_headers
from process import wait_until

INSTANCE = "urn:uuid:00000000-0000-4000-8000-0000000000{}"
SESSION = ("message-session",)


def rejected(invite):
    """The instances that Reject-Contact names."""
    return re.findall(r'\*;\+sip\.instance="<([^>]+)>"', ", ".join(invite.all("Reject-Contact")))


def ended(stack, call):
    """What the caller heard, as the log has it; a line is written behind the answer."""
    pattern = rf"event=session call_id={call.call.call_id} user=(\S+) status=(\d+)"
    return wait_until(lambda: re.findall(pattern, stack.node.log.read_text()), 5, "the line of a session")


def refusals(stack, call):
    return re.findall(rf"event=refused call_id={call.call.call_id} user=(\S+) reason=(\S+) code=(\d+)", stack.node.log.read_text())


@pytest.mark.clause("SE-1")
def test_nobody_is_registered(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    before = scene.statistics()["refused"]
    call = SessionCall(scene, alice, bob)
    assert call.status == 480 and "Temporarily Unavailable" in call.reply.start_line
    assert refusals(stack, call) == [(bob, "no-client", "480")] and scene.statistics()["refused"] == before + 1


@pytest.mark.clause("SE-2")
def test_blocked(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("lists", bob, blocklist([alice]))
    phone = SessionPhone(scene, bob)
    call = SessionCall(scene, alice, bob)
    assert call.status == 403 and "122 Function not allowed" in call.reply.get("Warning")
    assert phone.invites == []


@pytest.mark.clause("SE-3")
@pytest.mark.parametrize("media_list, status", [(None, 480), (SESSION, 480), (("pager-mode-message",), 200)])
def test_do_not_disturb(scene, stack, media_list, status):
    """Also by a rule for sessions alone; one for messages alone is none for sessions."""
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("dnd", ["allow-do-not-disturb"], media=media_list)))
    phone = SessionPhone(scene, bob)
    call = SessionCall(scene, alice, bob)
    assert call.status == status and len(phone.invites) == (status == 200)
    assert refusals(stack, call) == ([(bob, "dnd", "480")] if status == 480 else [])
    if status == 200:
        assert call.call.bye() == 200


@pytest.mark.clause("SE-4")
def test_broken_sdp(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob)
    broken = ["v=0\r\nm=audio x RTP/AVP 0\r\n", "hello", media(*["audio"] * 17)]
    headers = [*session_headers(alice), "Content-Type: application/sdp"]
    assert [SessionCall(scene, alice, bob, body=body, headers=headers).status for body in broken] == [400, 400, 413]
    assert phone.invites == []


@pytest.mark.clause("SE-4")
def test_media_that_the_user_does_not_want(scene, stack):
    """By a rule for file transfer, audio or video; of messages the verdict for the session speaks (403)."""
    alice, bob, carol = scene.person("alice"), scene.person("bob"), scene.person("carol")
    no_audio = rule("no-audio", ["allow-reject-invite"], media=("audio",), identity=one(alice))
    scene.documents.put("policy", bob, ruleset(no_audio, rule("later", ["allow-defer"], media=("file-transfer",))))
    SessionPhone(scene, bob, status=486)
    for sender, kinds, status in (
        (alice, ["message"], 486), (alice, ["message", "audio"], 488), (alice, ["audio:0", "file"], 486),
        (carol, ["message", "audio"], 486),
    ):
        call = SessionCall(scene, sender, bob, body=media(*kinds))
        assert call.status == status
        refused = f'call_id={call.call.call_id} user={bob} reason=media code=488 rule="no-audio" why="audio"'
        assert (refused in stack.node.log.read_text()) == (status == 488)


@pytest.mark.clause("SE-6", "SE-7")
def test_a_session(scene, stack):
    """Record-Route keeps us on the way of ACK, UPDATE, re-INVITE and BYE, and the messages go past us."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone, before = SessionPhone(scene, bob), scene.statistics()
    call = SessionCall(scene, alice, bob)
    invite = phone.wait_invite()
    ours = f"<sip:{stack.node.sip};lr"
    assert call.status == 200 and call.reply.get("Contact") == f"<{phone.contact}>"
    assert ours in call.reply.get("Record-Route") and ours in invite.get("Record-Route")
    assert invite.uri == phone.contact and invite.get("P-Asserted-Identity") == f"<{alice}>"
    assert invite.get("User-Agent") == "CPM-client/OMA1.0" and len(invite.all("Via")) == 2
    assert invite.get("Contact") == f"<sip:ua@{call.agent.address}>" and invite.attribute("path") == call.peer.path
    ack = phone.agent.wait_request("ACK")
    assert len(ack.all("Via")) == 2 and ack.get("Route") is None
    body = large_body(alice, bob, 5000)
    assert call.peer.send(body) == [200] and bytes(phone.wait_peer().wait_message().body) == body
    assert phone.wait_peer().send(body[:900]) == [200] and bytes(call.peer.wait_message().body) == body[:900]
    for method in ("UPDATE", "INVITE"):
        assert call.call.within(method, body=media("message")).status == 200
        if method == "INVITE":
            call.call.within("ACK", wait=False)
            phone.agent.wait_request("ACK", 2)
    assert phone.within("UPDATE", cseq=10).status == 200
    assert len(call.agent.wait_request("UPDATE").all("Via")) == 2 and len(phone.agent.wait_request("UPDATE").all("Via")) == 2
    assert call.call.bye() == 200
    phone.agent.wait_request("BYE")
    now = scene.statistics()
    assert now["sessions"] == before["sessions"] + 1 and now["sessions_answered"] == before["sessions_answered"] + 1
    assert ended(stack, call) == [(bob, "200")]


@pytest.mark.clause("SE-6", "SE-7")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_session_with_sipp(scene, stack, transport):
    """A caller of others' make; over TCP we record both of our addresses."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob, connect=False)
    headers = [tuple(line.split(": ", 1)) for line in [*session_headers(alice), "Content-Type: application/sdp"]]
    call = talk(scene.folder, stack.node.sip, target=bob, aor=alice, headers=headers, body=media("message").encode(), transport=transport)
    assert call.status == 200 and "BYE" in call.received[-1].get("CSeq") and call.received[-1].status == 200
    assert len(call.reply.all("Record-Route")) == (2 if transport == "tcp" else 1)
    assert len(phone.agent.wait_request("ACK").all("Via")) == len(phone.agent.wait_request("BYE").all("Via")) == 2


@pytest.mark.clause("SE-7")
def test_who_asks_for_privacy_is_not_named_in_the_session_either(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob)
    call, asserted = SessionCall(scene, alice, bob), f"P-Asserted-Identity: <{alice}>"
    for headers in ([asserted], [asserted, "Privacy: id"]):
        assert call.call.within("UPDATE", body=media("message"), headers=headers).status == 200
    named, anonymous = phone.agent.wait_request("UPDATE", 1), phone.agent.wait_request("UPDATE", 2)
    assert (named.get("P-Asserted-Identity"), anonymous.get("P-Asserted-Identity")) == (f"<{alice}>", None)
    assert call.call.bye() == 200


@pytest.mark.clause("SE-7")
def test_the_callee_hangs_up(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob)
    call = SessionCall(scene, alice, bob)
    phone.agent.wait_request("ACK")
    assert call.status == 200 and phone.within("BYE").status == 200
    assert len(call.agent.wait_request("BYE").all("Via")) == 2


@pytest.mark.clause("SE-6", "SE-7")
def test_all_clients_are_invited_and_the_first_wins(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    rings = [SessionPhone(scene, bob, status=180, instance=INSTANCE.format(f"a{i}")) for i in range(2)]
    takes = SessionPhone(scene, bob, instance=INSTANCE.format("a7"), connect=False)
    answer, rung = takes.agent.on_invite, threading.Event()
    takes.agent.on_invite = lambda request: rung.wait(5) and answer(request)
    peer = invite_by_hand(scene, alice, bob)
    first = peer.receive(lambda m: m.is_reply and m.status == 180)
    assert peer.receive(lambda m: m.is_reply and m.status == 180 and m.get("To") != first.get("To"))
    rung.set()
    accepted = peer.final("INVITE")
    assert accepted.status == 200 and accepted.get("Contact") == f"<{takes.contact}>"
    route = [("Route", accepted.get("Record-Route"))]
    peer.send("ACK", route, cseq=1)
    for phone in (*rings, takes):
        invite = phone.wait_invite()
        assert rejected(invite) == [] and invite.get("Request-Disposition") == "fork, parallel"
    for phone in rings:
        phone.agent.wait_request("CANCEL")
    takes.agent.wait_request("ACK")
    peer.send("BYE", route)
    assert peer.final("BYE").status == 200
    takes.agent.wait_request("BYE")


@pytest.mark.clause("SE-6")
def test_unsuitable_clients_are_named_and_not_invited(scene):
    """By their feature tags, by the user's profile, by the media that they deny."""
    alice, bob = scene.person("alice"), scene.person("bob")
    instance = {name: INSTANCE.format(name) for name in ("b1", "b2", "b3", "b4", "b5")}
    scene.documents.put("policy", bob, ruleset())
    scene.documents.put("profile", bob, profile({instance["b3"]: {"message-session": False}}))
    takes = SessionPhone(scene, bob, instance=instance["b1"])
    others = [SessionPhone(scene, bob, instance=instance["b2"], tags=MESSAGE_TAG), SessionPhone(scene, bob, instance=instance["b3"]),
              SessionPhone(scene, bob, instance=instance["b4"], tags=f'{SESSION_TAG};message="FALSE"'),
              SessionPhone(scene, bob, tags=MESSAGE_TAG)]
    silent = SessionPhone(scene, bob, instance=instance["b5"], tags="", status=486)
    call = SessionCall(scene, alice, bob, extra=["Request-Disposition: no-fork, no-queue, sequential"])
    invite = takes.wait_invite()
    assert call.status == 200 and sorted(rejected(invite)) == sorted(instance[n] for n in ("b2", "b3", "b4"))
    assert invite.all("Request-Disposition") == ["no-queue, fork, parallel"]
    silent.wait_invite()
    assert all(phone.invites == [] for phone in others)
    assert call.call.bye() == 200


@pytest.mark.clause("SE-6")
def test_a_client_without_messages_takes_what_else_is_offered(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob, tags=f'{SESSION_TAG};message="FALSE"', status=486)
    assert SessionCall(scene, alice, bob, body=media("message", "audio:0")).status == 480
    assert SessionCall(scene, alice, bob, body=media("message", "audio")).status == 486
    assert len(phone.invites) == 1


@pytest.mark.clause("SE-6")
def test_media_that_a_profile_keeps_from_a_client(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("profile", bob, profile({INSTANCE.format("b7"): {"audio": False, "message-session": False}}))
    phone = SessionPhone(scene, bob, instance=INSTANCE.format("b7"), status=486)
    for kinds, status in ((["message", "audio"], 480), (["message", "audio", "video"], 486), (["file"], 486)):
        assert SessionCall(scene, alice, bob, body=media(*kinds)).status == status
    assert len(phone.invites) == 2


@pytest.mark.clause("SE-6")
def test_no_client_suits(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob, tags=MESSAGE_TAG, instance=INSTANCE.format("c1"))
    call = SessionCall(scene, alice, bob)
    assert call.status == 480 and phone.invites == [] and refusals(stack, call) == [(bob, "no-client", "480")]


@pytest.mark.clause("SE-6")
def test_an_invitation_that_extends_a_session(scene, stack):
    """Session-Replaces: to the client that has the session, whatever it can; to all where we do not know of it, or the client is gone."""
    alice, bob, carol = scene.person("alice"), scene.person("bob"), scene.person("carol")
    here = SessionPhone(scene, bob, instance=INSTANCE.format("d1"), status=[200, 486, 486])
    there = SessionPhone(scene, bob, status=486)
    first = SessionCall(scene, alice, bob, contribution="the-1-1-session")
    assert first.status == 200 and ended(stack, first)
    there.wait_invite()
    extending = ["Session-Replaces: the-1-1-session", "Request-Disposition: fork"]
    assert SessionCall(scene, carol, bob, extra=extending, body=media("audio")).status == 486
    assert len(here.invites) == 2 and len(there.invites) == 1
    assert here.invites[1].all("Reject-Contact") == [] and here.invites[1].get("Request-Disposition") == "fork"
    assert SessionCall(scene, carol, bob, extra=["Session-Replaces: another-session"]).status == 486
    assert len(here.invites) == 3 and len(there.invites) == 2
    assert first.call.bye() == 200
    here.register(expires=0)
    assert SessionCall(scene, carol, bob, extra=extending).status == 486
    assert len(here.invites) == 3 and len(there.invites) == 3


@pytest.mark.clause("SE-6")
def test_a_session_of_a_client_without_instance_is_extended(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    here, there = SessionPhone(scene, bob, status=[200, 486]), SessionPhone(scene, bob, status=486)
    call = SessionCall(scene, alice, bob, contribution="plain-session")
    assert ended(stack, call)
    there.wait_invite()
    assert SessionCall(scene, alice, bob, extra=["Session-Replaces: plain-session"]).status == 486
    assert len(here.invites) == 2 and len(there.invites) == 1
    assert call.call.bye() == 200


@pytest.mark.clause("SE-6")
def test_a_gruu_names_the_client(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [SessionPhone(scene, bob, instance=INSTANCE.format(name), status=486) for name in ("e1", "e2")]
    assert SessionCall(scene, alice, f"{bob};gr={INSTANCE.format('e2').upper().replace(':', '%3A')}").status == 486
    assert [len(p.invites) for p in phones] == [0, 1]
    assert SessionCall(scene, alice, f"{bob};gr={INSTANCE.format('e9')}").status == 480
    assert [len(p.invites) for p in phones] == [0, 1]


@pytest.mark.clause("SE-7")
@pytest.mark.parametrize("kind", ["pub", "temp"])
def test_a_gruu_as_contact(scene, kind):
    """Requests in the dialog find the client by it, as the registrar gave it."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob, register=False, instance=INSTANCE.format("f1"))
    registered = phone.agent.register(tags=SESSION_TAG, instance=phone.instance)
    gruu = re.search(rf'{kind}-gruu="([^"]+)"', registered.get("Contact")).group(1)
    phone.answer.append(f"Contact: <{gruu}>")
    other = SessionPhone(scene, bob, status=486, instance=INSTANCE.format("f2"))
    call = SessionCall(scene, alice, bob)
    assert call.status == 200 and call.call.target == gruu
    phone.agent.wait_request("ACK")
    assert call.call.bye() == 200
    phone.agent.wait_request("BYE")
    assert [r for _, r, _ in other.agent.requests if r.method == "BYE"] == []


@pytest.mark.clause("SE-6")
def test_a_route_that_brought_the_invitation_ends_here(scene, stack):
    """RFC 3261 section 16.4: who has it next, on the Path of the client, would follow it. The Path itself is a Route."""
    alice, bob = scene.person("alice"), scene.person("bob")
    edge = SessionPhone(scene, "sip:edge@elsewhere.test", register=False, status=486)
    client, path = SessionPhone(scene, bob, register=False), f"sip:{edge.agent.address};lr"
    client.register(path=path)
    routes = [f"Route: <sip:{stack.node.sip};lr>, <sip:one.elsewhere.test;lr>", "Route: <sip:two.elsewhere.test;lr>"]
    assert SessionCall(scene, alice, bob, extra=routes).status == 486
    invite = edge.wait_invite()
    assert invite.uri == client.contact and invite.all("Route") == [f"<{path}>"] and client.invites == []


def test_a_contact_that_leads_back_to_its_user(scene, stack):
    """RFC 5393: with several of them each time would bring more requests than the last."""
    alice, bob = scene.person("alice"), scene.person("bob")
    back = [("Contact", f"<{bob}>"), ("Supported", "path"), ("Path", f"<sip:{stack.node.sip};lr>"), ("To", f"<{bob}>"), ("Expires", "60")]
    assert exchange(stack.node.sip, request("REGISTER", "sip:cpm.test", back)).status == 200
    before = scene.statistics()
    call = SessionCall(scene, alice, bob)
    assert call.status == 482 and f"event=refused call_id={call.call.call_id} source=127.0.0.1 reason=loop" in stack.node.log.read_text()
    assert scene.send(alice, bob).status == 202
    now = scene.statistics()
    assert (now["sessions"] - before["sessions"], now["relayed"] - before["relayed"]) == (3, 3)


@pytest.mark.clause("SE-1", "SE-6")
def test_a_group_session(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob, status=486)
    headers = [*session_headers(alice, service="session.group"), "Content-Type: application/sdp"]
    assert SessionCall(scene, alice, bob, body=media("message"), headers=headers).status == 486
    phone.wait_invite()


@pytest.mark.clause("SE-7")
def test_an_invitation_without_offer(scene):
    """The answer comes in the ACK (RFC 3264). Sessions are of messages where nothing else is said."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone, other = SessionPhone(scene, bob), SessionPhone(scene, bob, tags=f'{SESSION_TAG};message="FALSE"', status=486)
    call = SessionCall(scene, alice, bob, body="", ack=media("message"))
    ack = phone.agent.wait_request("ACK")
    assert call.status == 200 and call.reply.attribute("path") and "m=message" in ack.body and other.invites == []
    assert call.call.bye() == 200


@pytest.mark.clause("SE-6", "SE-9")
def test_an_anonymous_caller_is_not_named(scene):
    """Nor to where his callee points."""
    alice, bob = scene.person("alice"), scene.person("bob")
    other = SessionPhone(scene, "sip:other@elsewhere.test", register=False, status=486)
    phone = SessionPhone(scene, bob, status=302, answer=[f"Contact: <{other.contact}>"])
    assert SessionCall(scene, alice, bob, extra=["Privacy: id"]).status == 486
    assert phone.wait_invite().get("P-Asserted-Identity") is None and other.wait_invite().get("P-Asserted-Identity") is None


@pytest.mark.clause("SE-7")
@pytest.mark.parametrize("status", [180, None])
def test_the_caller_gives_up(scene, status):
    """CANCEL to every client that has answered anything; 487."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob, status=status)
    peer = invite_by_hand(scene, alice, bob)
    phone.wait_invite()
    assert peer.receive(lambda m: m.is_reply and m.status == (status or 100))
    peer.send("CANCEL", branch=peer.branch, cseq=1)
    assert peer.final("CANCEL").status == 200
    if not status:
        # Now only may it be cancelled (RFC 3261 section 9.1).
        phone.agent.reply(phone.invites[0], phone.agent.target, 180)
    phone.agent.wait_request("CANCEL")
    assert peer.final("INVITE").status == 487
    peer.send("ACK", branch=peer.branch, cseq=1)


@pytest.mark.clause("SE-7")
def test_a_client_accepts_as_it_is_cancelled(scene):
    """Its 200 reaches the caller, who ends the session."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob, status=180)
    reply, crossed = phone.agent.reply, []

    def cross(request, source, status, *rest):
        if status == 487 and not crossed:
            status, rest = 200, (media("message"),)
            crossed.append(request)
        reply(request, source, status, *rest)

    phone.agent.reply = cross
    peer = invite_by_hand(scene, alice, bob)
    assert peer.receive(lambda m: m.is_reply and m.status == 180)
    peer.send("CANCEL", branch=peer.branch, cseq=1)
    accepted = peer.final("INVITE")
    assert accepted.status == 200 and peer.final("CANCEL").status == 200
    route = [("Route", accepted.get("Record-Route"))]
    peer.send("ACK", route, cseq=1)
    peer.send("BYE", route)
    assert peer.final("BYE").status == 200
    phone.agent.wait_request("ACK")


@pytest.mark.clause("SE-9")
def test_a_client_says_where_to_go_on(scene):
    """302 from one, 486 from the other: to the Contact, with what the invitation carries."""
    alice, bob = scene.person("alice"), scene.person("bob")
    other = SessionPhone(scene, "sip:other@elsewhere.test", register=False)
    moved = SessionPhone(scene, bob, status=302, answer=[f"Contact: <{other.contact}?Subject=go%20on>;q=0.5, <mailto:bob@cpm.test>"])
    busy, before = SessionPhone(scene, bob, status=486), scene.statistics()["redirected"]
    call = SessionCall(scene, alice, bob)
    invite = other.wait_invite()
    assert call.status == 200 and invite.uri == other.contact and invite.get("P-Asserted-Identity") == f"<{alice}>"
    assert call.call.bye() == 200
    assert len(other.agent.wait_request("BYE").all("Via")) == 2
    assert len(busy.invites) == len(moved.invites) == 1 and scene.statistics()["redirected"] == before + 1


@pytest.mark.clause("SE-9")
def test_a_second_302_is_not_followed(scene):
    """Nor is one to where we have been: two clients that name each other end it."""
    alice, bob = scene.person("alice"), scene.person("bob")
    first = SessionPhone(scene, bob, status=302)
    second = SessionPhone(scene, "sip:other@elsewhere.test", register=False, status=302, answer=[f"Contact: <{first.contact}>"])
    first.answer[:] = [f"Contact: <{second.contact}>", f"Contact: <{first.contact}>"]
    assert SessionCall(scene, alice, bob).status == 302
    assert len(first.invites) == len(second.invites) == 1


@pytest.mark.clause("SE-9")
def test_another_3xx_is_the_caller_s(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    other = SessionPhone(scene, "sip:other@elsewhere.test", register=False)
    SessionPhone(scene, bob, status=301, answer=[f"Contact: <{other.contact}>"])
    call = SessionCall(scene, alice, bob)
    assert call.status == 301 and call.reply.get("Contact") == f"<{other.contact}>" and other.invites == []


@pytest.mark.clause("SE-9")
def test_the_best_answer_goes_to_the_caller(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    SessionPhone(scene, bob, status=500)
    SessionPhone(scene, bob, status=486)
    before = scene.statistics()["sessions_unanswered"]
    call = SessionCall(scene, alice, bob)
    assert call.status == 486 and ended(stack, call) == [(bob, "486")]
    wait_until(lambda: scene.statistics()["sessions_unanswered"] == before + 1, 5, "the counter")


@pytest.mark.clause("SE-6", "SE-9")
def test_rules_for_sessions(scene, stack):
    """What the user's rules say beside the norm's steps: refuse, forward, and what a conversation cannot do."""
    alice = scene.person("alice")
    other = SessionPhone(scene, "sip:other@elsewhere.test", register=False)
    for actions, status in (
        (["allow-reject-invite"], 403), (forward_to(other.contact), 200), (["allow-defer"], 480), (["allow-store"], 480),
    ):
        bob = scene.person("bob")
        scene.documents.put("policy", bob, ruleset(rule("mine", actions, media=SESSION)))
        phone = SessionPhone(scene, bob)
        call = SessionCall(scene, alice, bob)
        assert (call.status, phone.invites) == (status, [])
        if status == 200:
            assert call.call.bye() == 200
            assert len(other.agent.wait_request("BYE").all("Via")) == 2
    assert refusals(stack, call) == [(bob, "policy", "480")]


@pytest.mark.clause("SE-7")
@pytest.mark.parametrize("method, route, to_contact, status", [
    ("BYE", False, True, 481), ("BYE", True, False, 404), ("MESSAGE", True, True, 481), ("MESSAGE", True, False, 481),
    ("SUBSCRIBE", True, True, 481), ("INFO", True, True, 200),
])
def test_a_route_is_no_way_round_the_rules(scene, stack, method, route, to_contact, status):
    """Requests with a To tag and our Route: to a contact those of a session, to an address of ours none."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob)
    phone.agent.also += ("INFO",)
    peer = Peer(stack.node.sip, alice, bob)
    scene.closers.append(peer.close)
    headers = [("Route", f"<sip:{stack.node.sip};lr>")] if route else []
    peer.send(method, headers, to_tag="none", uri=phone.contact if to_contact else bob)
    assert peer.final(method).status == status
    assert [r.method for _, r, _ in phone.agent.requests] == ([method] if status == 200 else [])


@pytest.mark.clause("SE-7")
@pytest.mark.parametrize("method", ["INVITE", "BYE"])
@pytest.mark.parametrize("target, routes", [
    ("sip:{node}", ["<{bob}>"]), ("sip:{node};gr=a", ["<{bob}>"]), ("sip:x@elsewhere.test", ["<sip:{node};lr>", "<{bob}>"]),
    ("sip:x@elsewhere.test", ["<sip:{node};lr>, <{bob}>"]), ("sip:{node}", ["<sip:{node};lr>", "<{bob}>"]),
])
def test_a_strict_route_is_none_either(scene, stack, method, target, routes):
    """One without lr becomes the Request-URI (RFC 3261 section 16.4): of a user, whose clients it must not reach."""
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("lists", bob, blocklist([alice]))
    phone = SessionPhone(scene, bob)
    peer = Peer(stack.node.sip, alice, bob)
    scene.closers.append(peer.close)
    names = {"node": stack.node.sip, "bob": bob}
    peer.send(method, [("Route", route.format(**names)) for route in routes], to_tag="none", uri=target.format(**names))
    assert peer.final(method).status == 404 and phone.agent.requests == []


@pytest.mark.clause("SE-7")
def test_a_notify_in_a_session(scene):
    """As after a REFER: within our Route it is no NOTIFY of the XDMS."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob)
    phone.agent.also += ("NOTIFY", "REFER")
    call = SessionCall(scene, alice, bob)
    assert call.call.within("REFER", headers=["Refer-To: <sip:carol@cpm.test>"]).status == 200
    assert call.call.within("NOTIFY", headers=["Event: refer", "Subscription-State: active"]).status == 200
    assert call.call.bye() == 200
