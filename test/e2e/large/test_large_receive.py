# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages in: answered, received over MSRP, in the queue when whole and safe (8.3.1.2, 8.3.1.4)."""

import re

import pytest
import redis
from lib.large import LargeCall, large_body, large_headers, send_large
from process import wait_until

STACK = {"modparams": [("cpm_pf", "max_large_bytes", 300000)]}


def shown(stack, aor):
    listed = stack.rpc("cpm_pf.list", aor)
    return listed.get("messages", []) if isinstance(listed, dict) else listed


def redis_of(stack):
    host, _, port = stack.env["CPM_REDIS"].rpartition(":")
    return redis.Redis(host, int(port))


def stored_octets(stack, aor):
    """What lies in the store for the one message of a user."""
    client = redis_of(stack)
    message = shown(stack, aor)[0]["id"]
    key, = client.scan_iter(f"cpm:*:b:{message}", count=100000)
    return client.get(key), client.get(key.replace(b":b:", b":m:"))


@pytest.mark.clause("LM-8n", "LM-4", "ST-2", "ST-4")
@pytest.mark.parametrize("chunk", [None, 2048, 100])
def test_a_message_for_an_absent_user_is_kept(scene, stack, chunk):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 20000 if chunk == 100 else 200000, imdn_id="big-1")
    statuses = send_large(scene, alice, bob, body, chunk=chunk)
    assert set(statuses) == {200}
    scene.wait_waiting(bob, 1)
    octets, record = stored_octets(stack, bob)
    assert octets == body
    assert b"kind: large" in record and f"size: {len(body)}".encode() in record and b"imdn-id: big-1" in record
    assert f"request-uri: {bob}".encode() in record and b"content-type: message/cpim" in record


@pytest.mark.clause("LM-4", "LM-3")
def test_the_answer(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob, size=10, headers=large_headers(alice, extra=["Session-Expires: 600;refresher=uac"]))
    reply = call.reply
    assert reply.status == 200
    assert reply.get("Server").startswith("CPM-serv/OMA") and "sip:cpm@" in reply.get("Contact")
    assert reply.get("Session-Expires") == "600;refresher=uac" and reply.get("Require") == "timer"
    assert reply.attribute("setup") == "passive" and reply.attribute("recvonly") == ""
    assert reply.attribute("accept-types") == "message/cpim" and reply.attribute("accept-wrapped-types") == "*"
    assert reply.attribute("path").startswith("msrp://127.0.0.1:") and reply.attribute("max-size") == "300000"
    assert call.call.bye() == 200


@pytest.mark.clause("LM-3")
def test_a_session_interval_that_is_too_short(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob, headers=large_headers(alice, extra=["Session-Expires: 30"]))
    assert call.status == 422 and call.reply.get("Min-SE") == "90"


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("setup", ["actpass", "passive", None])
def test_who_connects(scene, setup):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 5000)
    call = LargeCall(scene, alice, bob, size=len(body), setup=setup)
    assert call.reply.attribute("setup") == {"actpass": "passive", "passive": "active", None: None}[setup]
    assert call.peer.send(body) == [200]
    scene.wait_waiting(bob, 1)
    assert call.call.bye() == 200


@pytest.mark.clause("ST-4")
def test_a_success_report_comes_when_it_is_safe(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob)
    body = large_body(alice, bob, 10000)
    assert call.peer.send(body, chunk=3000, headers=[("Success-Report", "yes"), ("Failure-Report", "partial")], wait=False)
    report = call.peer.wait_report()
    assert report.get("Status") == "000 200 OK" and report.range == (1, len(body), len(body))
    assert len(scene.waiting(bob)) == 1
    # No response but to the greeting.
    assert len(call.peer.responses) == 1


@pytest.mark.clause("ST-2")
def test_chunks_in_any_order(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 40000)
    call = LargeCall(scene, alice, bob)
    assert set(call.peer.send(body, chunk=5000, order=lambda starts: starts[::-1])) == {200}
    scene.wait_waiting(bob, 1)
    assert stored_octets(stack, bob)[0] == body


@pytest.mark.clause("LM-4")
def test_chunks_that_jump_to_and_fro(scene, stack):
    """Small pieces that never join: they wait their turn, are not lost, and leave the store to others."""
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 60000)
    message, half = "to-and-fro-1", len(body) // 2
    call = LargeCall(scene, alice, bob)
    tids, data = [], b""
    for i in range(0, half, 20):
        for at in (i, half + i):
            end = min(at + 20, half if at < half else len(body))
            frame = call.peer.request(message_id=message, body=body[at:end], byte_range=f"{at + 1}-{end}/{len(body)}",
                                      flag="$" if end == len(body) else "+")
            tids.append(frame.tid)
            data += frame.encode()
    rest = half + (half + 19) // 20 * 20
    assert rest >= len(body), "the last chunk has the end"
    call.peer.write(data)
    assert {call.peer.wait_response(tid, 30) for tid in tids} == {200}
    scene.wait_waiting(bob, 1)
    assert stored_octets(stack, bob)[0] == body


@pytest.mark.clause("LM-4")
def test_we_hang_up_when_the_sender_does_not(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob)
    assert call.peer.send(large_body(alice, bob, 100)) == [200]
    call.agent.wait_request("BYE", timeout_s=20)


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("how", ["connection", "bye", "abort"])
def test_a_fragment_is_discarded(scene, stack, how):
    alice, bob = scene.person("alice"), scene.person("bob")
    before = scene.statistics()["large_discarded"]
    call = LargeCall(scene, alice, bob)
    body = large_body(alice, bob, 100000)
    frame = call.peer.request(body=body[:70000], byte_range=f"1-*/{len(body)}", flag="#" if how == "abort" else "+")
    call.peer.send_frame(frame)
    assert call.peer.wait_response(frame.tid) == 200
    if how == "connection":
        call.peer.close()
        call.agent.wait_request("BYE")
    elif how == "bye":
        assert call.call.bye() == 200
    wait_until(lambda: scene.statistics()["large_discarded"] == before + 1, 10, "the discarded fragment")
    assert scene.waiting(bob) == []
    if how == "abort":
        assert call.peer.send(body) == [200]
        scene.wait_waiting(bob, 1)
        assert call.call.bye() == 200


@pytest.mark.clause("LM-4")
def test_too_large_as_announced(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob, size=300001)
    assert call.status == 403 and '"122 ' in call.reply.get("Warning")


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("totals", [True, False])
def test_too_large_in_fact(scene, totals):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob)
    statuses = call.peer.send(large_body(alice, bob, 310000), chunk=50000, totals=totals)
    assert 413 in statuses and scene.waiting(bob) == []
    assert call.call.bye() == 200


@pytest.mark.clause("ST-5b")
def test_message_expires(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    send_large(scene, alice, bob, large_body(alice, bob, 100), headers=large_headers(alice, extra=["Message-Expires: 100"]))
    send_large(scene, alice, bob, large_body(alice, bob, 100))
    times = []
    for key in redis_of(stack).scan_iter("cpm:*:m:*", count=100000):
        record = redis_of(stack).get(key).decode(errors="replace")
        if f"aor: {bob}\n" in record:
            times.append(int(re.search(r"expires-ms: (\d+)", record)[1]) - int(re.search(r"arrived-ms: (\d+)", record)[1]))
    assert sorted(times) == [100000, 3 * 24 * 3600 * 1000]


def test_the_same_message_twice_is_kept_once(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 70000, imdn_id=f"twice-{bob}")
    assert send_large(scene, alice, bob, body) == [200]
    assert send_large(scene, alice, bob, body) == [200]
    assert len(scene.waiting(bob)) == 1


def test_no_cpim(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob)
    assert call.peer.send(b"no colon\r\n\r\n") == [400]
    assert scene.waiting(bob) == []
    assert call.call.bye() == 200


@pytest.mark.parametrize("body", [
    "v=0\r\ns=-\r\n", "nonsense", "v=0\r\no=- 1 1 IN IP4 a\r\ns=-\r\nc=IN IP4 a\r\nt=0 0\r\nm=audio 1 RTP/AVP 0\r\n",
])
def test_offers_without_msrp(scene, body):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob, body=body)
    assert call.status == (400 if body == "nonsense" else 488)


def test_a_session_is_bound_to_one_connection(scene):
    from msrp import MsrpPeer

    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob)
    other = MsrpPeer()
    scene.closers.append(other.close)
    assert other.connect(call.reply.attribute("path")) == 506
    assert other.connect(call.reply.attribute("path").replace(";tcp", "x;tcp")) == 481
    assert call.peer.send(large_body(alice, bob, 100)) == [200]
    assert call.call.bye() == 200
