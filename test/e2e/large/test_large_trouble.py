# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages while Redis or the node goes away, and peers with bad manners."""

import concurrent.futures
import contextlib
import os
import signal
import socket

import pytest
import redis
from lib.large import LargeCall, LargePhone, large_body, send_large
from process import wait_until
from stack import host_port

STACK = {"modparams": [
    ("cpm_pf", "push_lease_ms", 1000), ("cpm_pf", "redis_timeout_ms", 500), ("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 2),
    ("cpm_pf", "msrp_idle_ms", 2000), ("cpm_pf", "msrp_bind_ms", 2000), ("cpm_pf", "msrp_response_ms", 2000),
]}
LOG_ALLOW = [r"[Rr]edis", r"receive_fd\(\): EOF", r"store", r"event=octets_lost"]


@pytest.fixture
def people(scene):
    return scene.person("alice"), scene.person("bob")


@pytest.fixture
def client(stack):
    with redis.Redis(*host_port(stack.env["CPM_REDIS"])) as connection:
        yield connection


def octets(client):
    """The keys of large messages, whole or coming."""
    return list(client.scan_iter("cpm:*:[abc]:*", count=100000))


def begin(scene, people, body, part):
    """A sender in the middle of its message; the rest of the frame is left to the caller."""
    call = LargeCall(scene, *people, size=len(body))
    frame = call.peer.request(message_id="m", body=body, byte_range=f"1-*/{len(body)}")
    data = frame.encode()
    call.peer.write(data[:part])
    return call, frame, data[part:]


@contextlib.contextmanager
def redis_in_trouble(stack, client, how):
    if how == "killed":
        stack.redis.process.kill()
    elif how == "stalled":
        os.kill(stack.redis.process.pid, signal.SIGSTOP)
    elif how == "full":
        client.config_set("maxmemory", 1)
    else:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        yield
    finally:
        if how == "killed":
            stack.redis.start()
        elif how == "stalled":
            os.kill(stack.redis.process.pid, signal.SIGCONT)
        elif how == "full":
            client.config_set("maxmemory", 0)
        else:
            client.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.clause("ST-4")
@pytest.mark.parametrize("how", ["killed", "stalled", "full", "read-only"])
def test_redis_goes_away_in_the_middle(scene, stack, people, client, how):
    body = large_body(*people, 3000000, imdn_id=f"away-{people[1]}")
    known = set(octets(client))
    call, frame, rest = begin(scene, people, body, 1000000)
    wait_until(lambda: set(octets(client)) - known, 10, "the first octets in Redis")
    with redis_in_trouble(stack, client, how):
        call.peer.write(rest)
        assert call.peer.wait_response(frame.tid, 20) == 408
        assert call.call.bye() == 200
        assert LargeCall(scene, *people).status == 503
    wait_until(stack.node.answers_rpc, 15, "the queue has its Redis again")
    wait_until(lambda: send_once(scene, people, body), 15, "large messages are taken again")
    assert len(scene.waiting(people[1])) == 1
    assert LargePhone(scene, people[1]).wait_message(timeout_s=30) == body


def send_once(scene, people, body):
    call = LargeCall(scene, *people, size=len(body))
    if call.status != 200:
        return False
    taken = call.peer.send(body) == [200]
    call.call.bye()
    return taken


@pytest.mark.clause("ST-4", "LM-4")
def test_the_node_dies_while_it_receives(scene, stack, people, client):
    before = len(octets(client))
    _, _, _ = begin(scene, people, large_body(*people, 3000000), 1000000)
    wait_until(lambda: len(octets(client)) > before, 10, "the first octets in Redis")
    stack.node.process.kill()
    stack.node.start()
    assert scene.waiting(people[1]) == []
    # What is left of it vanishes by itself.
    assert all(client.ttl(key) > 0 for key in octets(client))


@pytest.mark.clause("ST-4", "LM-4")
def test_redis_loses_octets_that_it_had_confirmed(scene, people, client):
    """As a replica that lagged does when it takes over: it has all that was written up to a moment, and takes the rest."""
    body = large_body(*people, 3000000)
    known = set(octets(client))
    call, frame, rest = begin(scene, people, body, 1000000)

    def coming():
        return {key: client.dump(key) for key in octets(client) if key not in known}

    def octets_there():
        return sum(client.strlen(key) for key in coming() if b":c:" in key)

    wait_until(octets_there, 10, "the first octets in Redis")
    then = coming()
    call.peer.write(rest[:1000000])
    before = octets_there()
    wait_until(lambda: octets_there() > max(before, 1500000), 10, "more octets in Redis")
    for key, value in then.items():
        client.restore(key, 900000, value, replace=True)
    call.peer.write(rest[1000000:])
    assert call.peer.wait_response(frame.tid, 20) == 408
    assert call.call.bye() == 200
    assert scene.waiting(people[1]) == []
    wait_until(lambda: not coming(), 5, "what is left of it to go")
    # Its sender repeats it, and not an octet is missing.
    assert send_large(scene, *people, body) == [200]
    assert LargePhone(scene, people[1]).wait_message() == body


@pytest.mark.clause("SL-4", "SP-3")
def test_the_node_dies_while_it_sends(scene, stack, people):
    body = large_body(*people, 2000000)
    send_large(scene, *people, body)
    phone = LargePhone(scene, people[1], read=False)
    phone.wait_peer()
    stack.node.process.kill()
    stack.node.start()
    phone.read = True
    phone.peers.clear()
    phone.register()
    assert phone.wait_message(timeout_s=30) == body
    scene.wait_waiting(people[1], 0)


@pytest.mark.clause("SL-4")
@pytest.mark.parametrize("how", ["killed", "stalled"])
def test_redis_goes_away_while_it_sends(scene, stack, people, client, how):
    """The client hears that no more comes; the message waits, and comes again from its first octet."""
    body = large_body(*people, 20000000)
    assert send_large(scene, *people, body) == [200]
    before = counted(stack, "octets_out")
    phone = LargePhone(scene, people[1], read=False)
    phone.wait_peer()
    wait_until(lambda: counted(stack, "octets_out") > before, 10, "its first octets to be on their way")
    with redis_in_trouble(stack, client, how):
        phone.read = True
        phone.peers[0].go_on()
        phone.agent.wait_request("BYE", timeout_s=20)
        # Its BYE may be faster than the end of the chunk, which is the first that it can read as a frame.
        wait_until(lambda: phone.peers[0].messages, 10, "the end of what it had got")
        message, = phone.peers[0].messages.values()
        wait_until(lambda: message.aborted, 10, "the sign that no more comes")
        assert not message.complete
    wait_until(stack.node.answers_rpc, 15, "the queue has its Redis again")
    assert phone.wait_message(2, timeout_s=30) == body
    scene.wait_waiting(people[1], 0)


@pytest.mark.clause("LM-4")
def test_a_sender_that_falls_silent(scene, people):
    call, _, _ = begin(scene, people, large_body(*people, 100000), 50000)
    before = counted(scene.stack, "slow")
    call.peer.wait_closed(10)
    wait_until(lambda: counted(scene.stack, "slow") == before + 1, 5, "it to be counted")
    call.agent.wait_request("BYE")
    assert scene.waiting(people[1]) == []


@pytest.mark.clause("LM-4")
def test_a_sender_that_never_connects(scene, people):
    call = LargeCall(scene, *people, connect=False)
    call.agent.wait_request("BYE")
    assert call.status == 200


@pytest.mark.clause("SL-4")
def test_a_client_that_takes_nothing(scene, people):
    send_large(scene, *people, large_body(*people, 20000000))
    phone = LargePhone(scene, people[1], read=False)
    phone.agent.wait_request("BYE", timeout_s=20)
    assert len(scene.waiting(people[1])) == 1
    phone.read = True
    assert len(phone.wait_message(2, timeout_s=30)) > 20000000
    scene.wait_waiting(people[1], 0)


def counted(stack, name):
    return sum(process[name] for process in stack.rpc("cpm_pf.msrp")["processes"])


HOSTILE = [
    b"GET / HTTP/1.1\r\n\r\n", b"MSRP x\r\n-------x$\r\n", b"MSRP 1234 SEND\r\n" + b"X: y\r\n" * 5000,
    b"MSRP 1234 SEND\r\nX: " + b"y" * 100000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"MSRP 1234 SEND\r\n-------1235$\r\n",
]


@pytest.mark.parametrize("octets", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_msrp_is_cut_off_and_nobody_else(scene, stack, people, octets):
    body = large_body(*people, 200000)
    call, frame, rest = begin(scene, people, body, 50000)
    before = counted(stack, "malformed")
    with socket.create_connection(host_port(stack.env["CPM_MSRP"]), timeout=10) as hostile:
        try:
            hostile.sendall(octets)
            assert hostile.recv(1000) == b""
        except ConnectionError:
            pass
    wait_until(lambda: counted(stack, "malformed") == before + 1, 5, "it to be counted")
    call.peer.write(rest)
    assert call.peer.wait_response(frame.tid) == 200
    scene.wait_waiting(people[1], 1)
    assert call.call.bye() == 200


def while_others_send(scene, work):
    """Messages are being stored until the work is done. What it gave."""
    done = concurrent.futures.ThreadPoolExecutor(1).submit(work)
    while not done.done():
        assert scene.send("sip:alice@cpm.test", scene.person("carol")).status == 202
    return done.result()


def test_large_messages_give_way_to_others_and_come_all_the_same(scene, people):
    body = large_body(*people, 3000000)
    assert scene.send("sip:alice@cpm.test", scene.person("carol")).status == 202
    assert while_others_send(scene, lambda: send_large(scene, *people, body)) == [200]
    assert while_others_send(scene, lambda: LargePhone(scene, people[1]).wait_message()) == body
    # Chunks that jump back and forth, so that each is a piece of its own.
    alice, dave = people[0], scene.person("dave")
    body = large_body(alice, dave, 500000)
    call = LargeCall(scene, alice, dave, size=len(body))
    swapped = {"chunk": 5000, "order": lambda starts: [start for i in range(0, len(starts), 2) for start in starts[i : i + 2][::-1]]}
    assert set(while_others_send(scene, lambda: call.peer.send(body, **swapped))) == {200}
    assert call.call.bye() == 200
    assert LargePhone(scene, dave).wait_message() == body


def test_many_at_once(scene, people):
    bodies = [large_body(*people, 100000, imdn_id=f"many-{i}-{people[1]}") for i in range(40)]
    calls = [begin(scene, people, body, 60000) for body in bodies]
    for call, _, rest in calls:
        call.peer.write(rest)
    for call, frame, _ in calls:
        assert call.peer.wait_response(frame.tid, 20) == 200
        assert call.call.bye() == 200
    assert len(scene.waiting(people[1])) == 40
