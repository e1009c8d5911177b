# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""CPM sessions whose messages go through the server, a B2BUA (8.3.2.1 step 5 and what follows a 200)."""

import re
import secrets
import threading
import time

import pytest
from lib.conversation import ConversationCall, ConversationPhone, chat, talk
from lib.large import MsrpPeer, large_body
from lib.raw import exchange, request
from lib.session import session_headers
from process import wait_until
from sipua import Call, SipAgent, sdp, tag_of

STACK = {"defines": {"WITH_SESSION_BRIDGE": True}}

INSTANCE = "urn:uuid:00000000-0000-4000-8000-0000000000{}"


def counts(scene):
    """Once those of earlier sessions have been counted."""
    log = scene.stack.node.log
    wait_until(lambda: len(re.findall("event=conversation_(?:begun|ended)", log.read_text())) % 2 == 0, 10, "earlier sessions to end")
    stats = scene.statistics()
    return {name: stats[name] for name in ("sessions_bridged", "sessions_unbridged", "session_messages", "session_messages_failed")}


def wait_counts(scene, before, **more):
    wanted = {**before, **{name: before[name] + n for name, n in more.items()}}
    wait_until(lambda: counts(scene) == wanted, 10, f"{wanted}")


@pytest.mark.clause("SE-5", "SE-7")
def test_messages_go_both_ways(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    before = counts(scene)
    call, phone, here, there = talk(scene, alice, bob)
    for n in range(3):
        ask, reply = chat(f"How are you? {n}", alice, bob), chat(f"Fine. {n}", bob, alice)
        assert here.send(ask) == [200] and there.wait_messages(n + 1)[n] == ask
        assert there.send(reply) == [200] and here.wait_messages(n + 1)[n] == reply
    call.hang_up()
    phone.agent.wait_request("BYE")
    wait_counts(scene, before, sessions_bridged=1, session_messages=6)


@pytest.mark.clause("SE-5", "SE-7")
@pytest.mark.parametrize("size", [200, 300000])
def test_a_message_of_unknown_size(scene, size):
    alice, bob = scene.person("alice"), scene.person("bob")
    call, _, here, there = talk(scene, alice, bob)
    body = large_body(alice, bob, size)
    assert set(here.send(body, chunk=50000, totals=False)) == {200}
    assert there.wait_messages(1)[0] == body
    call.hang_up()


@pytest.mark.clause("SE-5", "SE-7")
def test_what_the_client_and_the_caller_see(scene):
    """Both descriptions are our own, and say what the other side takes; Contacts are our own, and say what we are."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, instance=INSTANCE.format("a1"), types="message/cpim text/plain", lines=["a=max-size:5000"])
    lines = ["a=max-size:70000", "a=file-transfer-id:vBnG916bdberum2fFEABR1FR3ExZMUrd", "a=chatroom:private-messages"]
    extra = ["Subject: Lunch", "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session", "Request-Disposition: no-queue"]
    call, phone, here, _ = talk(
        scene, alice, bob, phone=phone, types="message/cpim application/im-iscomposing+xml", lines=lines, extra=extra, contribution="c-1",
    )
    invite = phone.invites[0]
    assert f";gr={INSTANCE.format('a1')}" in invite.uri
    assert re.fullmatch(r'<sip:cpm@[^>]+>;\+g\.3gpp\.icsi-ref="urn%3Aurn-7%3A3gpp-service\.ims\.icsi\.oma\.cpm\.session"', invite.get("Contact"))
    assert invite.get("Conversation-ID") == "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" and invite.get("Contribution-ID") == "c-1"
    assert f"<{alice}>" in invite.get("P-Asserted-Identity") and "oma.cpm.session" in invite.get("Accept-Contact")
    assert invite.get("Subject") == "Lunch" and invite.get("P-Asserted-Service").endswith("oma.cpm.session")
    assert {"fork", "parallel", "no-queue"} <= set(re.split(r"[, ]+", invite.get("Request-Disposition")))
    assert invite.get("User-Agent").startswith("CPM-serv/OMA") and "timer" in invite.get("Supported")
    assert invite.attribute("path").startswith("msrp://") and invite.attribute("path") != here.path
    assert invite.attribute("accept-types") == "message/cpim application/im-iscomposing+xml"
    assert invite.attribute("accept-wrapped-types") == "*" and invite.attribute("max-size") == "70000"
    assert invite.attribute("file-transfer-id") == "vBnG916bdberum2fFEABR1FR3ExZMUrd"
    assert invite.attribute("chatroom") == "private-messages"
    assert invite.attribute("setup") == "passive" and invite.attribute("sendrecv") == ""
    reply = call.reply
    assert "sip:cpm@" in reply.get("Contact") and "oma.cpm.session" in reply.get("Contact")
    assert reply.attribute("path").startswith("msrp://") and reply.attribute("path") != phone.peers[0].path
    assert reply.attribute("accept-types") == "message/cpim text/plain" and reply.attribute("max-size") == "5000"
    assert reply.attribute("setup") == "passive" and reply.attribute("sendrecv") == "" and reply.attribute("chatroom") is None


@pytest.mark.clause("SE-5")
def test_a_list_of_those_who_take_part_goes_on(scene):
    """The SDP is a part of the body: the others go on beside our description."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob)
    lists = '<?xml version="1.0"?>\r\n<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"/>'
    offer = sdp("msrp://127.0.0.1:9/mine;tcp", setup="active")
    body = (f"--b\r\nContent-Type: application/sdp\r\n\r\n{offer}\r\n--b\r\nContent-Type: application/resource-lists+xml\r\n"
            f"Content-Disposition: recipient-list-history\r\n\r\n{lists}\r\n--b--\r\n")
    agent = SipAgent(alice, scene.stack.node.sip)
    scene.closers.append(agent.close)
    headers = [*session_headers(alice), 'Content-Type: multipart/mixed;boundary="b"']
    call = Call(agent, bob, body, headers=headers)
    assert call.status == 200
    invite = phone.invites[0]
    assert invite.get("Content-Type") == 'multipart/mixed;boundary="b"'
    parts = invite.body.split("--b")
    assert parts[2].endswith(f"\r\n\r\n{lists}\r\n") and "recipient-list-history" in parts[2] and parts[3] == "--\r\n"
    assert parts[1].startswith("\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n") and "mine" not in parts[1]
    assert invite.attribute("path").startswith("msrp://")
    assert call.bye() == 200


@pytest.mark.clause("SE-5", "SE-7")
def test_the_first_that_accepts_gets_the_session(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    rings = ConversationPhone(scene, bob, status=180, instance=INSTANCE.format("b1"))
    takes = ConversationPhone(scene, bob, instance=INSTANCE.format("b2"))
    not_for_sessions = ConversationPhone(scene, bob, instance=INSTANCE.format("b3"), tags='+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.'
                                         'ims.icsi.oma.cpm.msg"')
    call, _, here, there = talk(scene, alice, bob, phone=takes)
    rings.agent.wait_request("CANCEL")
    text = chat("Who is there?", alice, bob)
    assert here.send(text) == [200] and there.wait_messages(1) == [text]
    assert not_for_sessions.invites == []
    for phone in (rings, takes):
        assert len(phone.invites) == 1
        assert phone.invites[0].all("Reject-Contact") == [f'*;+sip.instance="<{INSTANCE.format("b3")}>"']
    call.hang_up()
    takes.agent.wait_request("BYE")


@pytest.mark.clause("SE-7")
def test_a_second_client_that_accepts_is_sent_away(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [ConversationPhone(scene, bob) for _ in range(3)]
    call = ConversationCall(scene, alice, bob)
    assert call.status == 200

    def left():
        return [p for p in phones if any(r.method == "BYE" for _, r, _ in p.agent.requests)]

    wait_until(lambda: len(left()) == 2, 10, "two of three to be sent away")
    stays, = [p for p in phones if p not in left()]
    text = chat("Hello", alice, bob)
    assert call.peer.send(text) == [200] and stays.wait_peer().wait_messages(1) == [text]
    call.hang_up()
    stays.agent.wait_request("BYE")


@pytest.mark.clause("SE-5")
def test_a_session_that_is_extended(scene):
    """Session-Replaces: only the client on which the session is hears of it."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [ConversationPhone(scene, bob, instance=INSTANCE.format(f"c{n}")) for n in range(2)]
    first = ConversationCall(scene, alice, bob, contribution="extended-1")
    assert first.status == 200
    wait_until(lambda: sum(any(r.method in ("BYE", "CANCEL") for _, r, _ in p.agent.requests) for p in phones) == 1, 10, "one of two")
    has, = [p for p in phones if not any(r.method in ("BYE", "CANCEL") for _, r, _ in p.agent.requests)]
    second = ConversationCall(scene, alice, bob, extra=["Session-Replaces: extended-1"])
    assert second.status == 200
    assert [len(p.invites) for p in phones] == [2 if p is has else 1 for p in phones]
    assert has.invites[1].get("Session-Replaces") == "extended-1" and has.invites[1].all("Reject-Contact") == []
    for call in (first, second):
        call.hang_up()


@pytest.mark.clause("SE-5")
def test_large_messages_both_ways_at_once(scene):
    """In one frame each: neither side answers before it has sent its own."""
    alice, bob = scene.person("alice"), scene.person("bob")
    before = counts(scene)
    call, phone, here, there = talk(scene, alice, bob)
    bodies = {here: large_body(alice, bob, 12 << 20), there: large_body(bob, alice, 9 << 20)}
    statuses = {}

    def send(peer):
        statuses[peer] = peer.send(bodies[peer], timeout_s=60)

    threads = [threading.Thread(target=send, args=(peer,), daemon=True) for peer in bodies]
    for thread in threads:
        thread.start()
    assert there.wait_messages(1, 60) == [bodies[here]] and here.wait_messages(1, 60) == [bodies[there]]
    for thread in threads:
        thread.join(30)
    assert statuses == {here: [200], there: [200]}
    call.hang_up()
    wait_counts(scene, before, sessions_bridged=1, session_messages=2)


@pytest.mark.clause("SE-5")
def test_many_small_messages_without_waiting(scene):
    """Both sides send a few hundred, one behind the other: each arrives once, in order, and is answered."""
    alice, bob = scene.person("alice"), scene.person("bob")
    before = counts(scene)
    call, phone, here, there = talk(scene, alice, bob)
    count, tids = 300, {}

    def send(peer, sender, recipient):
        tids[peer] = [peer.send(chat(f"{n}", sender, recipient), wait=False)[0] for n in range(count)]

    threads = [threading.Thread(target=send, args=args, daemon=True) for args in ((here, alice, bob), (there, bob, alice))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for peer in (here, there):
        assert {peer.wait_response(tid) for tid in tids[peer]} == {200}
    for peer, names in ((there, (alice, bob)), (here, (bob, alice))):
        assert peer.wait_messages(count) == [chat_of(peer, n, names) for n in range(count)]
    call.hang_up()
    wait_counts(scene, before, sessions_bridged=1, session_messages=2 * count)


def chat_of(peer, n, names):
    """The n-th message that a peer got, if its text is n."""
    message = list(peer.messages.values())[n]
    return bytes(message.body) if bytes(message.body).endswith(f"\r\n\r\n{n}".encode()) else f"not {n} of {names}"


@pytest.mark.clause("SE-5")
def test_a_small_message_between_two_chunks_of_a_large_one(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    body = large_body(alice, bob, 400000)
    half = here.send_frame(here.request(message_id="large", body=body[:200000], byte_range=f"1-*/{len(body)}", flag="+"))
    assert here.wait_response(half.tid) == 200
    small = chat("Do you get the picture?", alice, bob)
    assert here.send(small) == [200] and there.wait_messages(1) == [small]
    rest = here.send_frame(here.request(message_id="large", body=body[200000:], byte_range=f"200001-*/{len(body)}"))
    assert here.wait_response(rest.tid) == 200
    assert sorted(there.wait_messages(2)) == sorted([small, body])
    call.hang_up()


@pytest.mark.clause("SE-5")
def test_as_many_large_messages_at_once_as_may_be(scene):
    """Four, chunk by chunk in turn; one more is refused, and stops none of them."""
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    bodies = [large_body(alice, bob, 300000 + n) for n in range(4)]
    for at in range(0, 300003, 30000):
        for n, body in enumerate(bodies):
            piece = body[at:at + 30000]
            frame = here.send_frame(here.request(message_id=f"m{n}", body=piece, byte_range=f"{at + 1}-{at + len(piece)}/{len(body)}",
                                                 flag="$" if at + len(piece) == len(body) else "+"))
            assert here.wait_response(frame.tid) == 200
        if not at:
            fifth = here.send_frame(here.request(message_id="m4", body=bodies[0][:30000], byte_range=f"1-30000/{len(bodies[0])}", flag="+"))
            assert here.wait_response(fifth.tid) == 413
    assert there.wait_messages(4) == bodies
    call.hang_up()


@pytest.mark.clause("SE-5")
@pytest.mark.parametrize("whose", ["caller", "client"])
def test_who_does_not_read_holds_the_other_back(scene, whose):
    """Back-pressure, both ways; then all arrives."""
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    sender, reader = (here, there) if whose == "client" else (there, here)
    reader.stall()
    body, statuses, taken = large_body(alice, bob, 24 << 20), [], []
    thread = threading.Thread(target=lambda: statuses.extend(sender.send(body, chunk=65536, timeout_s=60)), daemon=True)
    thread.start()

    def stands():
        taken.append(sum(p["octets_in"] for p in scene.stack.rpc("cpm_pf.msrp")["processes"]))
        return len(taken) > 12 and len(set(taken[-10:])) == 1 and taken[-1] > 0

    wait_until(stands, 20, "the sender to be held back", pause_s=0.2)
    assert not statuses and thread.is_alive()
    reader.go_on()
    thread.join(60)
    assert statuses and set(statuses) == {200} and reader.wait_messages(1, 30) == [body]
    call.hang_up()


@pytest.mark.clause("SE-5")
@pytest.mark.parametrize("status, heard", [(413, 413), (415, 415), (403, 403), (400, 408)])
def test_a_message_that_the_other_side_does_not_take(scene, status, heard):
    """The sender hears why, as far as it is about the message; the session goes on."""
    alice, bob = scene.person("alice"), scene.person("bob")
    before = counts(scene)
    phone = ConversationPhone(scene, bob, answer=lambda frame: status if b"unwanted" in frame.body else 200)
    call, phone, here, there = talk(scene, alice, bob, phone=phone)
    assert here.send(chat("unwanted", alice, bob)) == [heard]
    text = chat("and now?", alice, bob)
    assert here.send(text) == [200] and there.wait_messages(2)[1] == text
    # In the middle of one that is not over yet: 413 stops its sender.
    first = here.send_frame(here.request(message_id="m", body=b"unwanted" + b"x" * 99992, byte_range="1-*/300000", flag="+"))
    answers = [here.wait_response(first.tid)]
    while answers[-1] == 200 and len(answers) < 1000:
        at = 100001 + 100 * (len(answers) - 1)
        more = here.send_frame(here.request(message_id="m", body=b"y" * 100, byte_range=f"{at}-{at + 99}/300000", flag="+"))
        answers.append(here.wait_response(more.tid))
    assert answers[-1] == (413 if heard == 408 else heard)
    assert here.send(text) == [200]
    call.hang_up()
    wait_counts(scene, before, sessions_bridged=1, session_messages=2, session_messages_failed=2)


@pytest.mark.clause("SE-5")
def test_what_a_side_does_not_accept(scene):
    """By type 415, by size 413; the other side hears nothing of it."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, types="message/cpim", lines=["a=max-size:3000"])
    call, phone, here, there = talk(scene, alice, bob, phone=phone, types="text/plain message/cpim")
    plain = here.send_frame(here.request(body=b"hello", byte_range="1-5/5", content_type="text/plain"))
    assert here.wait_response(plain.tid) == 415
    assert here.send(large_body(alice, bob, 3001)) == [413]
    # The caller takes both.
    plain = there.send_frame(there.request(body=b"hello", byte_range="1-5/5", content_type="text/plain;charset=utf-8",
                                           headers=[("Content-Disposition", "render")]))
    assert there.wait_response(plain.tid) == 200
    frame, = [f for f in here.frames if f.body == b"hello"]
    assert frame.get("Content-Type") == "text/plain;charset=utf-8" and frame.get("Content-Disposition") == "render"
    assert there.send(large_body(bob, alice, 5000)) == [200]
    assert there.messages == {}
    call.hang_up()


@pytest.mark.clause("SE-5")
def test_signs_of_life_stay_between_neighbours(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    frames = len(there.frames)
    assert here.greet() == 200 and here.greet() == 200
    text = chat("really", alice, bob)
    assert here.send(text) == [200] and there.wait_messages(1) == [text]
    assert [f.method for f in there.frames[frames:] if f.method] == ["SEND"]
    call.hang_up()


@pytest.mark.clause("SE-5")
def test_reports_and_responses_as_wanted(scene):
    """A success report says that the other side has it; Failure-Report is obeyed."""
    alice, bob = scene.person("alice"), scene.person("bob")
    go = threading.Event()

    def answer(frame):
        go.wait(10)
        return 200 if b"good" in frame.body else 413

    call, phone, here, there = talk(scene, alice, bob, phone=ConversationPhone(scene, bob, answer=answer))
    asked = here.request(message_id="asked", body=chat("good", alice, bob), headers=[("Success-Report", "yes")])
    silent = here.request(message_id="silent", body=chat("good, too", alice, bob), headers=[("Failure-Report", "no")])
    failing = here.request(message_id="failing", body=chat("bad", alice, bob), headers=[("Failure-Report", "partial")])
    for frame in (asked, silent, failing):
        frame.headers.insert(3, ("Byte-Range", f"1-{len(frame.body)}/{len(frame.body)}"))
        here.send_frame(frame)
    there.wait_messages(1)
    assert here.reports == [] and asked.tid not in here.responses
    go.set()
    report = here.wait_report()
    assert report.get("Message-ID") == "asked" and report.get("Status") == "000 200 OK"
    assert here.wait_response(asked.tid) == 200 and here.wait_response(failing.tid) == 413
    there.wait_messages(3)
    assert here.greet() == 200
    assert silent.tid not in here.responses and len(here.reports) == 1
    call.hang_up()


@pytest.mark.clause("SE-5", "SE-7")
@pytest.mark.parametrize("who", ["caller", "client"])
def test_one_side_hangs_up(scene, who):
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    if who == "caller":
        call.hang_up()
        phone.agent.wait_request("BYE")
    else:
        assert phone.within("BYE").status == 200
        call.agent.wait_request("BYE")
    here.wait_closed()
    there.wait_closed()
    found = wait_until(lambda: re.search(
        rf"event=conversation_ended id=\S+ user={re.escape(bob)} why={who} s=\d+ received=0 sent=0 failed=0 octets=0",
        scene.stack.node.log.read_text()), 5, "the line of its end")
    assert found
    wait_until(lambda: scene.stack.rpc("cpm_pf.msrp")["processes"][0]["conversations"] == 0, 10, "nothing to be left")


@pytest.mark.clause("SE-5")
@pytest.mark.parametrize("who", ["caller", "client"])
def test_what_was_said_before_the_end_arrives(scene, who):
    """It hangs up behind its last octet, before the other side has read it."""
    alice, bob = scene.person("alice"), scene.person("bob")
    before = counts(scene)
    call, phone, here, there = talk(scene, alice, bob)
    sender, reader = (here, there) if who == "caller" else (there, here)
    body = large_body(alice, bob, 50000)
    reader.stall()
    tid, = sender.send(body, wait=False)
    # Read, and answered, after the last octet.
    assert sender.greet() == 200
    if who == "caller":
        call.hang_up()
    else:
        assert phone.within("BYE").status == 200
    reader.go_on()
    assert reader.wait_messages(1) == [body]
    assert sender.wait_response(tid) == 200
    (phone if who == "caller" else call).agent.wait_request("BYE")
    wait_counts(scene, before, sessions_bridged=1, session_messages=1)


@pytest.mark.clause("SE-5")
@pytest.mark.parametrize("who", ["caller", "client"])
def test_what_is_said_to_who_has_left(scene, who):
    """Its sender hears that it does not arrive, and that the session is over."""
    alice, bob = scene.person("alice"), scene.person("bob")
    before = counts(scene)
    call, phone, here, there = talk(scene, alice, bob)
    leaver, speaker = (here, there) if who == "caller" else (there, here)
    leaver.answer = lambda frame: None
    tid, = speaker.send(chat("Are you still there?", alice, bob), wait=False)
    leaver.wait_messages(1)
    if who == "caller":
        call.hang_up()
    else:
        assert phone.within("BYE").status == 200
    began = time.monotonic()
    assert speaker.wait_response(tid) == 408 and time.monotonic() - began < 3
    (phone if who == "caller" else call).agent.wait_request("BYE")
    wait_counts(scene, before, sessions_bridged=1, session_messages_failed=1)


@pytest.mark.clause("SE-5")
@pytest.mark.parametrize("who", ["caller", "client"])
def test_a_connection_is_lost(scene, who):
    """In the middle of a message: the other side hears that no more of it comes, and both dialogs end at once."""
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    leaver, other = (here, there) if who == "caller" else (there, here)
    leaver.send_frame(leaver.request(message_id="part", body=b"x" * 10000, byte_range="1-*/100000", flag="+"))
    other.wait(lambda: other.messages, 10, "the first octets")
    began = time.monotonic()
    leaver.close()
    call.agent.wait_request("BYE")
    phone.agent.wait_request("BYE")
    assert time.monotonic() - began < 3
    message, = other.messages.values()
    other.wait(lambda: message.aborted, 5, "the end of what was begun")


@pytest.mark.clause("SE-5")
def test_a_sender_gives_a_message_up(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    here.send_frame(here.request(message_id="part", body=b"x" * 10000, byte_range="1-*/100000", flag="+"))
    there.wait(lambda: there.messages, 10, "the first octets")
    here.send_frame(here.request(message_id="part", body=b"x", byte_range="10001-*/100000", flag="#"))
    message, = there.messages.values()
    there.wait(lambda: message.aborted, 5, "its end")
    text = chat("Never mind", alice, bob)
    assert here.send(text) == [200] and there.wait_messages(1) == [text]
    call.hang_up()


@pytest.mark.clause("SE-5")
def test_octets_out_of_order_are_refused(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    hole = here.send_frame(here.request(body=b"x" * 1000, byte_range="50001-*/100000", flag="+"))
    assert here.wait_response(hole.tid) == 413
    text = chat("In order", alice, bob)
    assert here.send(text) == [200] and there.wait_messages(1) == [text]
    call.hang_up()


class FirstWords(ConversationPhone):
    """It connects and speaks before it says 200."""

    words = b""

    def _media(self, peer, path):
        pass

    def _on_invite(self, request):
        status, body, headers = super()._on_invite(request)
        peer = self.peers[-1]
        peer.connect(request.attribute("path"), greet=False)
        self.tid = peer.send(self.words, wait=False)[0]
        time.sleep(0.3)
        return status, body, headers


@pytest.mark.clause("SE-5")
def test_a_client_speaks_before_its_answer_is_here(scene):
    """SIP and MSRP come by different ways: what it says waits."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = FirstWords(scene, bob)
    phone.words = chat("I am here", bob, alice)
    call, phone, here, there = talk(scene, alice, bob, phone=phone)
    assert here.wait_messages(1) == [phone.words] and there.wait_response(phone.tid) == 200
    call.hang_up()


class OnlyWords(FirstWords):
    """It speaks, and never says 200."""

    def _on_invite(self, request):
        super()._on_invite(request)
        return 180, "", []


@pytest.mark.clause("SE-5")
def test_a_client_speaks_and_does_not_accept(scene):
    """Others may be behind the same connection: it does not stand still for long."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = OnlyWords(scene, bob)
    phone.words = chat("I am not here", bob, alice)
    _, cancel, final, acknowledge, _ = invite(scene, alice, bob)
    assert phone.wait_peer().wait_response(wait_until(lambda: getattr(phone, "tid", None), 5, "its words")) == 403
    cancel()
    acknowledge(final())


@pytest.mark.clause("SE-5")
@pytest.mark.parametrize("callers", ["active", "passive", "actpass"])
@pytest.mark.parametrize("clients", ["active", "passive"])
def test_who_connects(scene, callers, clients):
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob, phone=ConversationPhone(scene, bob, setup=clients), setup=callers)
    ask, reply = chat("Hello", alice, bob), chat("Hello, too", bob, alice)
    assert here.send(ask) == [200] and there.wait_messages(1) == [ask]
    assert there.send(reply) == [200] and here.wait_messages(1) == [reply]
    call.hang_up()


def invite(scene, caller, callee, **options):
    """An INVITE whose answer is not waited for: agent, branch, a function that cancels it."""
    agent = SipAgent(caller, scene.stack.node.sip)
    scene.closers.append(agent.close)
    branch, call_id, tag = "z9hG4bK" + secrets.token_hex(8), secrets.token_hex(8), secrets.token_hex(4)
    headers = [*session_headers(caller), "Content-Type: application/sdp"]
    offer = sdp("msrp://127.0.0.1:9/x;tcp", setup="active")
    known = {"call_id": call_id, "from_tag": tag, "branch": branch, "wait": False}
    agent.request("INVITE", callee, headers=headers, body=offer, **known)

    def cancel():
        agent.request("CANCEL", callee, **known)

    def final():
        return wait_until(lambda: next((r for r in agent.replies.get(branch, []) if r.status >= 200 and "INVITE" in r.get("CSeq")), None),
                          10, "the INVITE's answer")

    def acknowledge(reply, **more):
        to_tag = reply.get("To").partition("tag=")[2]
        agent.request("ACK", callee, to_tag=to_tag, **{**known, **more})
        return to_tag

    return agent, cancel, final, acknowledge, known


@pytest.mark.clause("SE-5")
def test_the_caller_cancels_while_clients_ring(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [ConversationPhone(scene, bob, status=180) for _ in range(2)]
    _, cancel, final, acknowledge, _ = invite(scene, alice, bob)
    for phone in phones:
        phone.agent.wait_request("INVITE")
    cancel()
    for phone in phones:
        phone.agent.wait_request("CANCEL")
    reply = final()
    assert reply.status == 487
    acknowledge(reply)


def rung(agent, branch):
    return [r for r in agent.replies.get(branch, []) if r.status == 180]


def ring(phone, count=1):
    """So often it says 180 to its invitation."""
    phone.agent.wait_request("INVITE")
    for _ in range(count):
        phone.agent.reply(phone.invites[0], phone.agent.target, 180)


def accept(phone):
    peer = MsrpPeer()
    phone.peers.append(peer)
    phone.agent.reply(phone.invites[0], phone.agent.target, 200, phone.answer_sdp(peer), ["Supported: timer"])
    phone._media(peer, phone.invites[0].attribute("path"))


@pytest.mark.clause("SE-7")
def test_the_caller_hears_that_a_client_rings(scene):
    """Once, whoever rings and how often; then the 200, in the same dialog."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [ConversationPhone(scene, bob, status=None) for _ in range(2)]
    agent, _, final, acknowledge, known = invite(scene, alice, bob)
    ring(phones[0], 2)
    heard, = wait_until(lambda: rung(agent, known["branch"]), 5, "the 180")
    assert heard.body == "" and heard.get("Content-Type") is None
    ring(phones[1], 2)
    accept(phones[1])
    reply = final()
    assert reply.status == 200 and len(rung(agent, known["branch"])) == 1
    assert tag_of(reply.get("To")) == tag_of(heard.get("To")) and reply.get("Contact") == heard.get("Contact")
    target = re.search(r"<(sip:[^>]+)>", reply.get("Contact")).group(1)
    to_tag = acknowledge(reply, branch="z9hG4bK" + secrets.token_hex(8))
    bye = agent.request("BYE", target, to=bob, cseq=2, to_tag=to_tag, call_id=known["call_id"], from_tag=known["from_tag"])
    assert bye.status == 200
    phones[1].agent.wait_request("BYE")


@pytest.mark.clause("SE-7")
@pytest.mark.parametrize("status", [200, 486])
def test_no_client_rings(scene, status):
    alice, bob = scene.person("alice"), scene.person("bob")
    ConversationPhone(scene, bob, status=status)
    agent, _, final, acknowledge, known = invite(scene, alice, bob)
    reply = final()
    assert reply.status == status and [r.status for r in agent.replies[known["branch"]] if r.status > 100] == [status]
    acknowledge(reply)


@pytest.mark.clause("SE-7")
def test_a_client_that_rang_does_not_accept(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, status=None)
    agent, _, final, acknowledge, known = invite(scene, alice, bob)
    ring(phone)
    wait_until(lambda: rung(agent, known["branch"]), 5, "the 180")
    phone.agent.reply(phone.invites[0], phone.agent.target, 486)
    reply = final()
    assert reply.status == 486
    acknowledge(reply)


@pytest.mark.clause("SE-7")
@pytest.mark.parametrize("method", ["CANCEL", "BYE"])
def test_the_caller_gives_up_what_rings(scene, method):
    """CANCEL, or BYE in the early dialog: 487, and no 180 behind it."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone, late = (ConversationPhone(scene, bob, status=status) for status in (180, None))
    agent, cancel, final, acknowledge, known = invite(scene, alice, bob)
    heard, = wait_until(lambda: rung(agent, known["branch"]), 5, "the 180")
    late.agent.wait_request("INVITE")
    if method == "CANCEL":
        cancel()
    else:
        target = re.search(r"<(sip:[^>]+)>", heard.get("Contact")).group(1)
        bye = agent.request("BYE", target, to=bob, cseq=2, to_tag=tag_of(heard.get("To")), call_id=known["call_id"],
                            from_tag=known["from_tag"])
        assert bye.status == 200
    reply = final()
    assert reply.status == 487 and tag_of(reply.get("To")) == tag_of(heard.get("To"))
    acknowledge(reply)
    phone.agent.wait_request("CANCEL")
    # Cancelled by now; its CANCEL follows its first answer.
    ring(late)
    late.agent.wait_request("CANCEL")
    assert len(rung(agent, known["branch"])) == 1


@pytest.mark.clause("SE-7")
def test_a_client_rings_as_the_caller_cancels(scene):
    """Many times at about the same moment: 487 each, and no 180 behind it."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, status=None)
    for n in range(30):
        agent, cancel, final, acknowledge, known = invite(scene, alice, bob)
        phone.agent.wait_request("INVITE", n + 1)
        phone.agent.reply(phone.invites[n], phone.agent.target, 180)
        cancel()
        reply = final()
        assert reply.status == 487
        acknowledge(reply)
        phone.agent.wait_request("CANCEL", n + 1)
        heard = [r.status for r in agent.replies[known["branch"]] if "INVITE" in r.get("CSeq") and r.status > 100]
        assert heard in ([487], [180, 487])


class Stubborn(ConversationPhone):
    """It accepts although it was cancelled."""

    def __init__(self, *args, **options):
        super().__init__(*args, status=180, connect=False, **options)
        take = self.agent._take

        def taken(message, source):
            if message.method == "CANCEL":
                self.agent.requests.append((None, message, False))
                self.agent.reply(message, source, 200)
                offer = self.invites[0]
                self.agent.reply(offer, source, 200, sdp("msrp://127.0.0.1:9/stubborn;tcp", setup="passive"))
            else:
                take(message, source)

        self.agent._take = taken


@pytest.mark.clause("SE-5", "SE-7")
def test_a_client_accepts_after_the_cancel(scene):
    """Their messages cross: it gets its ACK and a BYE."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = Stubborn(scene, bob)
    _, cancel, final, acknowledge, _ = invite(scene, alice, bob)
    phone.agent.wait_request("INVITE")
    cancel()
    reply = final()
    assert reply.status == 487
    acknowledge(reply)
    phone.agent.wait_request("ACK")
    phone.agent.wait_request("BYE")


@pytest.mark.clause("SE-7")
def test_the_bye_is_right_behind_the_ack(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob)
    agent, _, final, acknowledge, known = invite(scene, alice, bob)
    reply = final()
    assert reply.status == 200
    target = re.search(r"<(sip:[^>]+)>", reply.get("Contact")).group(1)
    branches = {"branch": "z9hG4bK" + secrets.token_hex(8)}
    to_tag = acknowledge(reply, **branches)
    bye = agent.request("BYE", target, to=bob, cseq=2, to_tag=to_tag, call_id=known["call_id"], from_tag=known["from_tag"])
    assert bye.status == 200
    phone.agent.wait_request("BYE")


@pytest.mark.clause("SE-9")
@pytest.mark.parametrize("answers, heard", [((486,), 486), ((480, 603), 603), ((503, 486), 486), ((401,), 480), ((500, 500), 500)])
def test_nobody_accepts(scene, answers, heard):
    """The best of their answers is the caller's."""
    alice, bob = scene.person("alice"), scene.person("bob")
    before = counts(scene)
    phones = [ConversationPhone(scene, bob, status=status) for status in answers]
    call = ConversationCall(scene, alice, bob)
    assert call.status == heard
    assert all(len(phone.invites) == 1 for phone in phones)
    wait_counts(scene, before, sessions_unbridged=1)


@pytest.mark.clause("SE-9")
def test_one_refuses_for_all(scene):
    """A 6xx: no other client rings on."""
    alice, bob = scene.person("alice"), scene.person("bob")
    rings = ConversationPhone(scene, bob, status=180)
    ConversationPhone(scene, bob, status=603)
    assert ConversationCall(scene, alice, bob).status == 603
    rings.agent.wait_request("CANCEL")


@pytest.mark.clause("SE-6")
def test_a_session_with_other_media_goes_past_us(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, connect=False)
    offer = sdp("msrp://127.0.0.1:9/mine;tcp", setup="active") + "m=audio 4000 RTP/AVP 0\r\n"
    before = counts(scene)
    call = ConversationCall(scene, alice, bob, body=offer, connect=False)
    assert call.status == 200
    request = phone.invites[0]
    assert request.get("Record-Route") and request.attribute("path") == "msrp://127.0.0.1:9/mine;tcp"
    assert counts(scene) == before
    call.hang_up()


@pytest.mark.clause("SE-5")
@pytest.mark.parametrize("offer, status", [
    ("v=0\r\ns=-\r\nm=message 9 TCP/MSRP *\r\na=path:msrp://127.0.0.1:9/x;tcp\r\na=setup:maybe\r\n", 400),
    ("v=0\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nm=message 9 TCP/MSRP *\r\na=path:nonsense\r\n", 400),
])
def test_an_offer_that_cannot_be_read(scene, offer, status):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob)
    assert ConversationCall(scene, alice, bob, body=offer, connect=False).status == status
    assert phone.invites == []


@pytest.mark.clause("SE-5")
def test_a_refresh_within_the_session(scene):
    """Session timers: a re-INVITE and an UPDATE of the caller hear what it was told before; they change nothing."""
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    timer = ["Supported: timer", "Session-Expires: 1800;refresher=uac", "Content-Type: application/sdp"]
    again = call.call.within("INVITE", headers=timer, body=sdp(here.path, port=here.port, setup="active"))
    assert again.status == 200 and again.attribute("path") == call.reply.attribute("path")
    call.call.within("ACK", wait=False)
    update = call.call.within("UPDATE", headers=timer[:2])
    assert update.status == 200 and "1800" in update.get("Session-Expires")
    # Other media, none, or another session: it stays as it is.
    offer = sdp(here.path, port=here.port, setup="active")
    elsewhere = sdp("msrp://127.0.0.1:9/elsewhere;tcp", setup="active")
    for other in (offer + "m=audio 4000 RTP/AVP 0\r\n", re.sub(r"m=message \d+", "m=message 0", offer), elsewhere, "v=0\r\ns=-\r\n"):
        assert call.call.within("INVITE", headers=timer, body=other).status == 488
        call.call.within("ACK", wait=False)
    text = chat("Still here", alice, bob)
    assert here.send(text) == [200] and there.wait_messages(1) == [text]
    assert phone.within("UPDATE", cseq=1, headers=timer[:2]).status == 200
    call.hang_up()


class Moved(ConversationPhone):
    """It says where its user is now."""

    to = ()

    def _on_invite(self, request):
        self.invites.append(request)
        return 302, "", ["Contact: " + ", ".join(f"<{uri}>;q=0.5" for uri in self.to)]


@pytest.mark.clause("SE-9")
def test_a_302_is_followed(scene):
    """Once nobody else has accepted; where it leads is told what the clients were told, but for which of them it is not for."""
    alice, bob = scene.person("alice"), scene.person("bob")
    away, busy = Moved(scene, bob, instance=INSTANCE.format("e1")), ConversationPhone(scene, bob, status=486)
    there = ConversationPhone(scene, "sip:bob@elsewhere.test", register=False)
    away.to = [f"sip:bob@{there.agent.address}?Subject=x", f"sip:bob@{there.agent.address}", "tel:+4912345"]
    before = scene.statistics()["redirected"]
    call, _, here, peer = talk(scene, alice, bob, phone=there, contribution="moved-1")
    assert len(away.invites) == len(busy.invites) == len(there.invites) == 1
    request = there.invites[0]
    assert request.uri == f"sip:bob@{there.agent.address}" and request.get("Contribution-ID") == "moved-1"
    assert "oma.cpm.session" in request.get("Contact") and f"<{alice}>" in request.get("P-Asserted-Identity")
    assert request.get("Reject-Contact") is None and scene.statistics()["redirected"] == before + 1
    text = chat("Found you", alice, bob)
    assert here.send(text) == [200] and peer.wait_messages(1) == [text]
    call.hang_up()


@pytest.mark.clause("SE-9")
def test_a_302_that_leads_nowhere(scene):
    """A redirected invitation is not redirected again, nor to where it came from; the caller hears the best answer."""
    alice, bob = scene.person("alice"), scene.person("bob")
    away, further = Moved(scene, bob), Moved(scene, "sip:bob@elsewhere.test", register=False)
    away.to = [f"sip:bob@{further.agent.address}", f"sip:ua@{away.agent.address}"]
    further.to = [f"sip:ua@{away.agent.address}"]
    assert ConversationCall(scene, alice, bob).status == 480
    assert len(away.invites) == len(further.invites) == 1
    busy = ConversationPhone(scene, "sip:bob@elsewhere.test", register=False, status=486)
    away.to = [f"sip:bob@{busy.agent.address}"]
    assert ConversationCall(scene, alice, bob).status == 486


def test_contacts_that_lead_back_to_their_user(scene, stack):
    """RFC 5393: each time there would be twice as many. 60 branches are shared: 30 for each of two, 15, 7, 3, 1, and one cannot be."""
    alice, bob = scene.person("alice"), scene.person("bob")
    back = [("Contact", f"<{bob};way=1>, <{bob};way=2>"), ("Supported", "path"), ("Path", f"<sip:{stack.node.sip};lr>"), ("To", f"<{bob}>"),
            ("Expires", "60")]
    assert exchange(stack.node.sip, request("REGISTER", "sip:cpm.test", back)).status == 200
    before, log = counts(scene), stack.node.log
    seen = len(log.read_text())
    call = ConversationCall(scene, alice, bob)
    assert call.status == 440
    wait_counts(scene, before, sessions_unbridged=1 + 2 + 4 + 8 + 16)
    assert log.read_text()[seen:].count("reason=breadth") == 32


@pytest.mark.clause("SE-5")
def test_a_breadth_that_is_used_up(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [ConversationPhone(scene, bob, instance=INSTANCE.format(f"9{n}"), status=486) for n in range(2)]
    assert ConversationCall(scene, alice, bob, extra=["Max-Breadth: 5"]).status == 486
    assert [phone.invites[0].get("Max-Breadth") for phone in phones] == ["2", "2"]
    assert ConversationCall(scene, alice, bob, extra=["Max-Breadth: 1"]).status == 440
    assert [len(phone.invites) for phone in phones] == [1, 1]
