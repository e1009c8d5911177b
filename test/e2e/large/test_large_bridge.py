# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages to clients that are there: a B2BUA between the sender and the first that accepts (8.3.1.2 steps 4 and 8 to 10)."""

import secrets
import threading
import time

import pytest
from lib.documents import profile
from lib.large import LargeCall, LargePhone, large_body, large_headers, send_large
from process import wait_until
from sipua import SipAgent, sdp

INSTANCE = "urn:uuid:00000000-0000-4000-8000-0000000000{}"


def octets_in(scene):
    """Octets of bodies that the MSRP processes have read."""
    return sum(p["octets_in"] for p in scene.stack.rpc("cpm_pf.msrp")["processes"])


def bridged(scene):
    return scene.statistics()["large_bridged"]


@pytest.mark.clause("LM-4", "LM-8", "LM-8e")
def test_each_client_is_invited_and_the_first_that_accepts_gets_it(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    rings = LargePhone(scene, bob, status=180, instance=INSTANCE.format("c1"))
    takes = LargePhone(scene, bob, instance=INSTANCE.format("c2"))
    body, before = large_body(alice, bob, 300000), bridged(scene)
    assert send_large(scene, alice, bob, body, chunk=2048)[-1] == 200
    assert takes.wait_message() == body
    for phone, instance in ((rings, "c1"), (takes, "c2")):
        invite = phone.invites[0]
        assert len(phone.invites) == 1 and f";gr={INSTANCE.format(instance)}" in invite.uri
        assert "oma.cpm.largemsg" in invite.get("Accept-Contact") and "sip:cpm@" in invite.get("Contact")
        assert invite.get("User-Agent").startswith("CPM-serv/OMA") and f"<{alice}>" in invite.get("P-Asserted-Identity")
        assert invite.attribute("path").startswith("msrp://") and invite.attribute("sendonly") == ""
        assert invite.attribute("file-selector") == f"size:{len(body)}" and invite.attribute("setup") == "passive"
    assert rings.invites[0].attribute("path") != takes.invites[0].attribute("path")
    rings.agent.wait_request("CANCEL")
    takes.agent.wait_request("BYE")
    assert bridged(scene) == before + 1 and scene.waiting(bob) == []


@pytest.mark.clause("LM-4", "LM-8")
def test_a_second_client_that_accepts_is_sent_away(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [LargePhone(scene, bob), LargePhone(scene, bob)]
    body = large_body(alice, bob, 50000)
    assert send_large(scene, alice, bob, body)[-1] == 200
    for phone in phones:
        phone.agent.wait_request("BYE")
    got = [peer.messages for phone in phones for peer in phone.peers if peer.messages]
    assert len(got) == 1


@pytest.mark.clause("LM-8")
def test_the_profile_chooses_the_clients(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("profile", bob, profile({INSTANCE.format("d1"): {"large-message": False}}))
    spared, wanted = LargePhone(scene, bob, instance=INSTANCE.format("d1")), LargePhone(scene, bob, instance=INSTANCE.format("d2"))
    body = large_body(alice, bob, 1000)
    assert send_large(scene, alice, bob, body)[-1] == 200
    assert wanted.wait_message() == body and not spared.invites


@pytest.mark.clause("LM-4")
def test_the_sender_waits_for_the_client(scene):
    """Back-pressure: while the client reads nothing the sender cannot send it all; then all arrives."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob, read=False)
    body = large_body(alice, bob, 24 << 20)
    call = LargeCall(scene, alice, bob, size=len(body))
    statuses = []
    sender = threading.Thread(target=lambda: statuses.extend(call.peer.send(body, chunk=65536, timeout_s=60)), daemon=True)
    sender.start()
    peer = phone.wait_peer()
    taken = []

    def stands():
        """Nothing has gone through for a while: the same number of octets, time after time."""
        taken.append(octets_in(scene))
        return len(taken) > 12 and len(set(taken[-10:])) == 1 and taken[-1] > 0

    wait_until(stands, 20, "the sender to be held back", pause_s=0.2)
    assert not statuses and sender.is_alive()
    peer.go_on()
    sender.join(60)
    assert statuses and statuses[-1] == 200
    assert phone.wait_message(timeout_s=30) == body
    call.call.bye()


@pytest.mark.clause("LM-10")
def test_nobody_accepts(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [LargePhone(scene, bob, status=[486]), LargePhone(scene, bob, status=[480])]
    assert send_large(scene, alice, bob, large_body(alice, bob, 1000))[-1] == 200
    waiting = scene.stack.rpc("cpm_pf.list", bob)["messages"]
    assert [m["cause"] for m in waiting] == ["undelivered"]
    for phone in phones:
        assert len(phone.invites) == 1
        phone.register(expires=0)


@pytest.mark.clause("LM-4")
def test_the_end_comes_after_the_last_octet(scene):
    """The client cannot confirm what its sender has not ended: the sender's last SEND, an empty one, gets its answer."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob)
    body = large_body(alice, bob, 30000)
    call = LargeCall(scene, alice, bob, size=len(body))
    frame = call.peer.request(body=body, byte_range=f"1-*/{len(body)}", flag="+")
    call.peer.send_frame(frame)
    assert call.peer.wait_response(frame.tid) == 200
    peer = phone.wait_peer()
    peer.wait(lambda: sum(len(f.body or b"") for f in peer.frames) >= len(body) - 1, 10, "all but the last octet")
    end = call.peer.request(message_id=frame.get("Message-ID"), body=b"", byte_range=f"{len(body) + 1}-{len(body)}/{len(body)}")
    call.peer.send_frame(end)
    assert call.peer.wait_response(end.tid) == 200
    assert phone.wait_message() == body
    assert call.call.bye() == 200


@pytest.mark.clause("LM-4")
def test_more_octets_than_announced(scene):
    """The client gets no part of it as if it were the whole."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob)
    body = large_body(alice, bob, 30000)
    call = LargeCall(scene, alice, bob, size=len(body) // 2)
    call.peer.send_frame(call.peer.request(body=body, byte_range="1-*/*"))
    call.agent.wait_request("BYE", timeout_s=20)
    phone.agent.wait_request("BYE")
    assert not any(m.complete for m in phone.peers[0].messages.values())


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("how, status", [("refuses", 413), ("forbids", 403), ("is lost", 413), ("hangs up", 413)])
def test_the_client_takes_no_more(scene, how, status):
    """In the middle: the sender is told to stop by the response to what it is sending, and both dialogs end within seconds, long
    before any time-out."""
    alice, bob = scene.person("alice"), scene.person("bob")
    seen = []

    def answer(frame):
        seen.append(frame)
        if how in ("refuses", "forbids"):
            return 413 if how == "refuses" else 403
        if len(seen) == 3:
            if how == "is lost":
                phone.peers[0].close(reset=True)
            else:
                threading.Thread(target=phone.within, args=("BYE",), daemon=True).start()
                phone.peers[0].stall()
                return None
        return 200

    phone = LargePhone(scene, bob, answer=answer)
    body, before = large_body(alice, bob, 4 << 20), scene.statistics()["large_unbridged"]
    call = LargeCall(scene, alice, bob, size=len(body))
    frame = call.peer.request(message_id="whole", body=body[: 3 << 20], byte_range=f"1-*/{len(body)}", flag="+")
    began = time.monotonic()
    sender = threading.Thread(target=call.peer.send_frame, args=(frame,), daemon=True)
    sender.start()
    assert call.peer.wait_response(frame.tid) == status
    if how != "hangs up":
        phone.agent.wait_request("BYE")
    call.agent.wait_request("BYE")
    assert time.monotonic() - began < 8
    sender.join(10)
    assert not any(m.complete for m in phone.peers[0].messages.values())
    wait_until(lambda: scene.statistics()["large_unbridged"] == before + 1, 10, "the failure to be counted")
    assert scene.waiting(bob) == []


@pytest.mark.clause("LM-4")
def test_a_sender_between_two_chunks_hears_it_with_the_next(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob)
    call = LargeCall(scene, alice, bob, size=100000)
    first = call.peer.request(message_id="halves", body=b"x" * 50000, byte_range="1-*/100000", flag="+")
    call.peer.send_frame(first)
    assert call.peer.wait_response(first.tid) == 200
    assert phone.within("BYE").status == 200
    second = call.peer.request(message_id="halves", body=b"x" * 50000, byte_range="50001-*/100000")
    call.peer.send_frame(second)
    assert call.peer.wait_response(second.tid) == 413
    assert call.call.bye() == 200


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("how, status", [("refuses", 413), ("forbids", 403), ("fails", 408), ("is lost", 408), ("hangs up", 408)])
def test_the_client_does_not_confirm_the_last_octet(scene, how, status):
    """The sender has sent everything: the status says why."""
    alice, bob = scene.person("alice"), scene.person("bob")

    def answer(frame):
        if how == "is lost":
            phone.peers[0].close(reset=True)
        elif how == "hangs up":
            threading.Thread(target=phone.within, args=("BYE",), daemon=True).start()
        return {"refuses": 413, "forbids": 403, "fails": 400}.get(how)

    phone = LargePhone(scene, bob, answer=answer)
    body = large_body(alice, bob, 1500)
    call = LargeCall(scene, alice, bob, size=len(body))
    began = time.monotonic()
    assert call.peer.send(body, timeout_s=10) == [status]
    assert call.call.bye() == 200
    if how != "hangs up":
        phone.agent.wait_request("BYE")
    assert time.monotonic() - began < 8
    assert scene.waiting(bob) == []


@pytest.mark.clause("LM-4")
def test_a_client_that_hangs_up_before_its_last_response(scene):
    """Its BYE and its responses come by different ways: what it confirms a moment later counts."""
    alice, bob = scene.person("alice"), scene.person("bob")

    def answer(frame):
        assert phone.within("BYE").status == 200
        return 200

    phone = LargePhone(scene, bob, answer=answer)
    body, before = large_body(alice, bob, 1500), bridged(scene)
    call = LargeCall(scene, alice, bob, size=len(body))
    assert call.peer.send(body) == [200]
    assert call.call.bye() == 200
    assert bridged(scene) == before + 1


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("how", ["hangs up", "is lost", "gives up"])
def test_the_sender_goes_away(scene, how):
    """The client hears at once that no more comes, and both dialogs end."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob)
    call = LargeCall(scene, alice, bob, size=100000)
    call.peer.send_frame(call.peer.request(message_id="part", body=b"x" * 10000, byte_range="1-*/100000", flag="+"))
    peer = phone.wait_peer()
    peer.wait(lambda: peer.messages, 10, "the first octets")
    began = time.monotonic()
    if how == "hangs up":
        assert call.call.bye() == 200
    elif how == "is lost":
        call.peer.close()
    else:
        call.peer.send_frame(call.peer.request(message_id="part", body=b"x", byte_range="10001-*/100000", flag="#"))
    phone.agent.wait_request("BYE")
    assert time.monotonic() - began < 3
    if how != "hangs up":
        call.agent.wait_request("BYE")
    message, = peer.messages.values()
    peer.wait(lambda: message.aborted, 5, "the end of what was begun")
    assert not message.complete
    assert scene.waiting(bob) == []


@pytest.mark.clause("LM-4")
def test_a_sender_that_goes_once_everything_is_sent(scene):
    """What is here as a whole goes through."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob, read=False)
    body, before = large_body(alice, bob, 100000), bridged(scene)
    call = LargeCall(scene, alice, bob, size=len(body))
    phone.wait_peer()
    call.peer.send(body, wait=False)
    # Read, and answered, after the last octet.
    assert call.peer.greet() == 200
    assert call.call.bye() == 200
    phone.peers[0].go_on()
    assert phone.wait_message() == body
    phone.agent.wait_request("BYE")
    wait_until(lambda: bridged(scene) == before + 1, 5, "it to be counted")


@pytest.mark.clause("LM-4")
def test_the_sender_cancels(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob, status=180)
    agent = SipAgent(alice, scene.stack.node.sip)
    scene.closers.append(agent.close)
    branch, call_id, tag = "z9hG4bK" + secrets.token_hex(8), secrets.token_hex(8), secrets.token_hex(4)
    headers = [*large_headers(alice), "Content-Type: application/sdp"]
    offer = sdp("msrp://127.0.0.1:9/x;tcp", direction="sendonly", setup="active", size=10)
    agent.request("INVITE", bob, headers=headers, body=offer, call_id=call_id, from_tag=tag, branch=branch, wait=False)
    phone.agent.wait_request("INVITE")
    agent.request("CANCEL", bob, call_id=call_id, from_tag=tag, branch=branch, wait=False)
    phone.agent.wait_request("CANCEL")
    wait_until(lambda: any(r.status == 487 for r in agent.replies.get(branch, [])), 10, "487")
    final = next(r for r in agent.replies[branch] if r.status == 487)
    agent.request("ACK", bob, call_id=call_id, from_tag=tag, to_tag=final.get("To").partition("tag=")[2], branch=branch, wait=False)


@pytest.mark.clause("LM-4")
def test_octets_out_of_order_are_refused(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob)
    call = LargeCall(scene, alice, bob, size=100000)
    call.peer.send_frame(call.peer.request(body=b"x" * 1000, byte_range="50001-*/100000", flag="+"))
    call.agent.wait_request("BYE")
    phone.agent.wait_request("BYE")
    assert scene.waiting(bob) == []


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("size", [None, 5000])
def test_the_size_need_not_be_announced(scene, size):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob)
    body = large_body(alice, bob, 400000 if size is None else 5000)
    call = LargeCall(scene, alice, bob, size=None)
    assert call.peer.send(body, chunk=30000, totals=False)[-1] == 200
    assert phone.wait_message() == body
    assert call.call.bye() == 200


@pytest.mark.clause("LM-4")
def test_the_client_is_faster_than_the_last_end_line(scene):
    """All octets are through and confirmed before the sender ends its message: it gets its 200 all the same."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob)
    body, before = large_body(alice, bob, 5000), bridged(scene)
    call = LargeCall(scene, alice, bob, size=len(body))
    first = call.peer.request(message_id="halves", body=body, byte_range=f"1-*/{len(body)}", flag="+")
    call.peer.send_frame(first)
    assert call.peer.wait_response(first.tid) == 200
    assert phone.wait_message() == body
    last = call.peer.request(message_id="halves", body=b"", byte_range=f"{len(body) + 1}-{len(body)}/{len(body)}", flag="$")
    call.peer.send_frame(last)
    assert call.peer.wait_response(last.tid) == 200
    assert bridged(scene) == before + 1
    assert call.call.bye() == 200


@pytest.mark.clause("LM-4")
def test_octets_past_the_total_are_refused(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob)
    call = LargeCall(scene, alice, bob, size=1000)
    call.peer.send_frame(call.peer.request(body=b"x" * 1001, byte_range="1-*/*", flag="+"))
    call.agent.wait_request("BYE")
    phone.agent.wait_request("BYE")
    assert scene.waiting(bob) == []


class SlowToRing(LargePhone):
    """It answers nothing, not even provisionally, until `go` is set."""

    def __init__(self, *args, **options):
        self.go = threading.Event()
        super().__init__(*args, **options)

    def _on_invite(self, request):
        self.go.wait(20)
        return super()._on_invite(request)


@pytest.mark.clause("LM-4", "LM-8")
def test_a_client_that_rings_when_another_has_accepted_is_cancelled(scene):
    """No CANCEL may go before its first response (RFC 3261 section 9.1), so it goes then."""
    alice, bob = scene.person("alice"), scene.person("bob")
    slow, takes = SlowToRing(scene, bob, status=180), LargePhone(scene, bob)
    body = large_body(alice, bob, 1000)
    assert send_large(scene, alice, bob, body)[-1] == 200
    assert takes.wait_message() == body
    slow.go.set()
    slow.agent.wait_request("CANCEL")
