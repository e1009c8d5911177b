# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Phones behind an MSRP relay that is not ours (Kamailio's module msrp, RFC 4976): paths of two URIs, responses hop by hop, reports from
end to end. What the relay answers says nothing of the phone."""

import concurrent.futures
import os
import signal
import time
from contextlib import contextmanager

import pytest
import redis
from lib.large import LargeCall, LargePhone, large_body, send_large
from msrp import Frame, MsrpPeer, token
from process import wait_until
from sipua import sdp
from stack import host_port

# The relay takes frames of 11,240 octets at most.
STACK = {"modparams": [("cpm_pf", "msrp_chunk_bytes", 8000), ("cpm_pf", "msrp_response_ms", 2000), ("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 1),
                       ("cpm_pf", "redis_timeout_ms", 10000), ("cpm_pf", "bridge_wait_ms", 3000)]}


def behind(relay, **options):
    peer = MsrpPeer(**options)
    peer.authenticate(relay.uri)
    return peer


@pytest.mark.clause("LM-4", "LM-8n", "ST-2", "ST-4")
@pytest.mark.parametrize("setup", ["active", "passive", "actpass", None])
def test_a_sender_behind_a_relay(scene, relay, setup):
    alice, bob = scene.person("alice"), scene.person("bob")
    body, peer = large_body(alice, bob, 200000), behind(relay)
    call = LargeCall(scene, alice, bob, size=len(body), setup=setup, peer=peer)
    assert call.reply.status == 200 and " " not in call.reply.attribute("path")
    assert set(peer.send(body, chunk=8000, headers=[("Success-Report", "yes")])) == {200}
    report = peer.wait_report()
    assert report.get("Status") == "000 200 OK" and report.range == (1, len(body), len(body))
    # Our own report, by the whole path: the relay has put itself in front.
    assert report.get("From-Path") == f"{peer.relay} {call.reply.attribute('path')}" and report.get("To-Path") == peer.uri
    assert len(scene.waiting(bob)) == 1
    assert call.call.bye() == 200


@contextmanager
def asleep(stack):
    """Our MSRP process reads nothing."""
    pid, = [p["PID"] for p in stack.rpc("core.psx") if p["DSC"] == "cpm_pf: msrp"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.clause("LM-4", "ST-4")
@pytest.mark.parametrize("there", [False, True])
def test_a_sender_that_hangs_up_with_its_relays_last_answer(scene, stack, relay, there):
    """The relay has said 200 to everything, and we have not yet seen it: it is kept, or goes through to a client that is there."""
    alice, bob = scene.person("alice"), scene.person("bob")
    body, peer = large_body(alice, bob, 300000), behind(relay)
    phone = LargePhone(scene, bob) if there else None
    call = LargeCall(scene, alice, bob, size=len(body), peer=peer)
    with asleep(stack):
        assert set(peer.send(body, chunk=8000)) == {200}
        assert call.call.bye() == 200
    if there:
        assert phone.wait_message() == body
    scene.wait_waiting(bob, 0 if there else 1)


@pytest.mark.clause("LM-4", "LM-8")
def test_a_sender_that_hangs_up_while_a_slow_client_takes_it(scene, relay):
    """The relay has said 200 to everything, and brings it as the client takes it, for seconds after the BYE."""
    alice, bob = scene.person("alice"), scene.person("bob")
    body, peer = large_body(alice, bob, 1000000), behind(relay)
    phone = LargePhone(scene, bob, answer=lambda frame: time.sleep(0.05) or 200)
    call = LargeCall(scene, alice, bob, size=len(body), peer=peer)
    assert set(peer.send(body, chunk=8000)) == {200}
    assert call.call.bye() == 200
    assert phone.wait_message(timeout_s=30) == body
    assert scene.waiting(bob) == []


@pytest.mark.clause("LM-4", "ST-4")
def test_a_sender_that_hangs_up_while_redis_is_slow(scene, stack, relay):
    alice, bob = scene.person("alice"), scene.person("bob")
    body, peer = large_body(alice, bob, 2000000), behind(relay)
    call = LargeCall(scene, alice, bob, size=len(body), peer=peer)
    client = redis.Redis(*host_port(stack.env["CPM_REDIS"]))
    client.client_pause(4000)
    assert set(peer.send(body, chunk=8000)) == {200}
    assert call.call.bye() == 200
    assert client.ping()
    scene.wait_waiting(bob, 1)


@pytest.mark.clause("LM-4")
def test_a_sender_that_hangs_up_in_the_middle(scene, relay):
    """Its relay has no more of it: the fragment is discarded."""
    alice, bob = scene.person("alice"), scene.person("bob")
    before = scene.statistics()["large_discarded"]
    body, peer = large_body(alice, bob, 30000), behind(relay)
    call = LargeCall(scene, alice, bob, size=len(body), peer=peer)
    frame = peer.send_frame(peer.request(body=body[:8000], byte_range=f"1-8000/{len(body)}", flag="+"))
    assert peer.wait_response(frame.tid) == 200 and call.call.bye() == 200
    wait_until(lambda: scene.statistics()["large_discarded"] == before + 1, 10, "the discarded fragment")
    assert scene.waiting(bob) == []


@pytest.mark.clause("PU-5", "SL-2", "SL-3", "SL-4")
@pytest.mark.parametrize("setup", ["active", "passive"])
def test_a_deferred_message_is_pushed_through_a_relay(scene, relay, setup):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 200000)
    send_large(scene, alice, bob, body)
    phone = LargePhone(scene, bob, setup=setup, relay=relay.uri)
    assert phone.wait_message() == body
    phone.agent.wait_request("BYE")
    scene.wait_waiting(bob, 0)
    peer, ours = phone.peers[0], phone.invites[0].attribute("path")
    chunks = peer.wait_message().chunks
    # RFC 4975 section 7.1: the whole path, of which the relay has taken its URI.
    assert {c.get("To-Path") for c in chunks} == {peer.uri} and {c.get("From-Path") for c in chunks} == {f"{peer.relay} {ours}"}
    assert {c.get("Success-Report") for c in chunks} == {"yes"}


@pytest.mark.clause("SL-4", "PU-5")
@pytest.mark.parametrize("says", ["a failure", "nothing", "half"])
def test_the_relays_answers_do_not_count(scene, relay, says):
    """The relay has said 200 to everything; the phone reports that it could not take it, or not all, or nothing at all. It gets it
    again."""
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 30000)
    send_large(scene, alice, bob, body)

    def answer(frame):
        peer = phone.peers[0]
        if len(phone.peers) > 1 or frame.flag != "$":
            return 200
        status, last = {"a failure": ("000 413 Full", len(body)), "half": ("000 200 OK", 15000)}.get(says, (None, 0))
        if status:
            peer.write(report(peer, frame, status, last, len(body)).encode())
        return 413

    phone = LargePhone(scene, bob, relay=relay.uri, answer=answer)
    phone.agent.wait_request("BYE", timeout_s=20)
    assert phone.wait_message(2, timeout_s=20) == body
    scene.wait_waiting(bob, 0)
    assert phone.peers[0].wait_message().body == body, "it had all of it the first time"


def report(peer, frame, status, last, total):
    return Frame(token(), method="REPORT", headers=[
        ("To-Path", frame.get("From-Path")), ("From-Path", peer.uri), ("Message-ID", frame.get("Message-ID")),
        ("Byte-Range", f"1-{last}/{total}"), ("Status", status)])


@pytest.mark.clause("LM-8", "LM-4")
@pytest.mark.parametrize("size", [100000, 2000000])
def test_a_bridge_between_relays(scene, relay, size):
    """Sender and client behind the relay: the sender's report comes when the client's has. All of it goes over one connection of the
    relay's, in which the client's responses are behind what there is no room for yet."""
    alice, bob = scene.person("alice"), scene.person("bob")
    before = scene.statistics()["large_bridged"]
    body, peer = large_body(alice, bob, size), behind(relay)
    phone = LargePhone(scene, bob, relay=relay.uri)
    call = LargeCall(scene, alice, bob, size=len(body), peer=peer)
    assert set(peer.send(body, chunk=8000, headers=[("Success-Report", "yes")])) == {200}
    assert peer.wait_report(30).get("Status") == "000 200 OK"
    assert phone.peers[0].wait_message(0).body == body
    assert call.call.bye() == 200
    phone.agent.wait_request("BYE")
    assert scene.statistics()["large_bridged"] == before + 1


def bind(phone):
    """It comes to us through its relay."""
    peer = phone.wait_peer()
    peer.peer_path = f"{peer.relay} {phone.invites[0].attribute('path')}"
    assert peer.greet() == 200


@pytest.mark.clause("LM-8", "LM-4")
def test_the_sender_waits_for_a_client_that_comes_through_a_relay(scene, relay):
    """What the client says first comes over the connection that the sender's octets come over, and would be behind them."""
    alice, bob = scene.person("alice"), scene.person("bob")
    body, peer = large_body(alice, bob, 1000000), behind(relay)
    phone = LargePhone(scene, bob, relay=relay.uri, connect=False)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        calling = pool.submit(LargeCall, scene, alice, bob, size=len(body), peer=peer)
        assert phone.agent.wait_request("ACK") and not calling.done()
        bind(phone)
        call = calling.result()
    assert set(peer.send(body, chunk=8000)) == {200}
    assert phone.wait_message(timeout_s=30) == body
    assert call.call.bye() == 200


@pytest.mark.clause("LM-8", "LM-10")
@pytest.mark.parametrize("how", ["never comes", "hangs up"])
def test_a_client_that_accepts_and_does_not_come_through_its_relay(scene, relay, how):
    """The message is received here, as when no client accepts."""
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 30000)
    phone = LargePhone(scene, bob, relay=relay.uri, connect=False, status=[200, 480])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        sending = pool.submit(send_large, scene, alice, bob, body)
        phone.agent.wait_request("ACK")
        if how == "hangs up":
            assert phone.within("BYE").status == 200
        sending.result()
    scene.wait_waiting(bob, 1)
    phone.register(expires=0)


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("path", ["msrp://127.0.0.1:9/a;tcp sip:alice@example.net", " ".join(["msrp://127.0.0.1:9/a;tcp"] * 9)])
def test_paths_that_cannot_be_used(scene, path):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob, body=sdp(path, direction="sendonly", setup="active"))
    assert call.status == 400


@pytest.mark.clause("LM-4")
def test_we_are_no_relay(scene):
    """What has a next hop behind us is for no session of ours (RFC 4975 section 7.3)."""
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob, connect=False)
    path = call.reply.attribute("path")
    assert call.peer.connect(f"{path} msrp://127.0.0.1:9/x;tcp") == 481
