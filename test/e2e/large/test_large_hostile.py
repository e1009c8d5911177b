# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""MSRP peers with bad manners, each cut off and counted, while a large message comes in and pager messages are stored undisturbed."""

import itertools
import random
import socket
import threading
import time

import pytest
from lib.large import LargeCall, LargePhone, large_body
from process import wait_until
from stack import host_port

# A quarter of the connections, and one, may name no session.
STRANGERS = 11
STACK = {"modparams": [
    ("cpm_pf", "msrp_max_connections", 40), ("cpm_pf", "msrp_bind_ms", 15000), ("cpm_pf", "msrp_idle_ms", 3000), ("cpm_pf", "max_large_bytes", 2000000),
]}
# A head has so long (ENDPOINT_CONFIG_DEFAULT).
HEAD_S = 10
ENDLESS_BYTES = 64 << 20


def counted(stack, name):
    return sum(process[name] for process in stack.rpc("cpm_pf.msrp")["processes"])


def wait_counted(stack, before, **grown):
    """The counters have grown by so much, and no further."""
    now = {}

    def there():
        now.update({name: counted(stack, name) - before[name] for name in grown})
        return now == grown

    wait_until(there, 5, f"{grown} counted")


@pytest.fixture
def before(stack):
    """The counters at the beginning."""
    return {name: counted(stack, name) for name in ("slow", "malformed", "turned_away", "refused_413")}


class Others:
    """A large message that comes little by little, and pager messages, until done()."""

    def __init__(self, scene):
        self.scene, self.bob = scene, scene.person("bob")
        self.alice, self.carol = scene.person("alice"), scene.person("carol")
        self.body = large_body(self.alice, self.bob, 1000000)
        self.call = LargeCall(scene, self.alice, self.bob, size=len(self.body))
        self.frame = self.call.peer.request(message_id="m", body=self.body, byte_range=f"1-*/{len(self.body)}")
        self.rest, self.statuses, self.stopped = self.frame.encode(), [], threading.Event()
        self.thread = threading.Thread(target=self._go_on, daemon=True)
        self.thread.start()

    def _write(self, count):
        self.call.peer.write(self.rest[:count])
        self.rest = self.rest[count:]

    def _go_on(self):
        while not self.stopped.is_set():
            self.statuses.append(self.scene.send(self.alice, self.carol).status)
            # Something is left for the end.
            self._write(min(1000, len(self.rest) // 2))

    def done(self):
        self.stopped.set()
        self.thread.join(30)
        assert self.statuses and set(self.statuses) == {202}
        assert self.rest
        self._write(len(self.rest))
        assert self.call.peer.wait_response(self.frame.tid) == 200
        assert self.call.call.bye() == 200
        assert LargePhone(self.scene, self.bob).wait_message() == self.body
        self.scene.wait_waiting(self.bob, 0)


@pytest.fixture
def others(scene):
    others = Others(scene)
    yield others
    others.stopped.set()
    others.thread.join(30)


@pytest.fixture
def guest(scene, others):
    """Somebody with a session of his own: (the call, its MSRP side)."""
    call = LargeCall(scene, scene.person("mallory"), scene.person("victim"))
    assert call.status == 200
    return call, call.peer


def stranger(stack):
    return socket.create_connection(host_port(stack.env["CPM_MSRP"]), timeout=20)


def ended(connection):
    """Waits until the other side has closed it."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def drip(write, octets, pause_s=0.1):
    """Writes them one by one, and more, until that fails: how long it took."""
    begin = time.monotonic()
    for i in itertools.count():
        try:
            write(octets[i : i + 1] or b"y")
        except OSError:
            return time.monotonic() - begin
        assert time.monotonic() - begin < 30, "nobody stops it"
        time.sleep(pause_s)


def test_heads_octet_by_octet(stack, others, guest, before):
    """Each octet is in time, the head is not. A session does not help: without a message in it it ends sooner."""
    call, peer = guest
    connection = stranger(stack)
    took = {}
    head = b"MSRP 12345678 SEND\r\nSubject: " + b"y" * 60
    drips = [
        threading.Thread(target=lambda: took.update(guest=drip(peer.write, head)), daemon=True),
        threading.Thread(target=lambda: took.update(stranger=drip(connection.sendall, head)), daemon=True),
    ]
    for thread in drips:
        thread.start()
    for thread in drips:
        thread.join(40)
    assert took["guest"] < HEAD_S - 1 < took["stranger"] < HEAD_S + 4
    connection.close()
    call.agent.wait_request("BYE")
    wait_counted(stack, before, slow=1, malformed=0)
    assert "does not finish a head in time" in stack.node.log.read_text()
    others.done()


def test_a_chunk_without_end(stack, others, guest, before):
    """413 when it is past the maximum; whoever goes on all the same is cut off."""
    call, peer = guest
    frame = peer.request(message_id="endless", body=b"", byte_range="1-*/*")
    head, blank, _ = frame.encode().partition(b"\r\n\r\n")
    peer.write(head + blank)
    sent = 0
    with pytest.raises(OSError):
        while sent < ENDLESS_BYTES:
            peer.write(b"x" * 65536)
            sent += 65536
    peer.wait_closed()
    assert peer.responses[frame.tid].status == 413
    call.agent.wait_request("BYE")
    wait_counted(stack, before, refused_413=1, malformed=1)
    others.done()


def test_connections_that_name_no_session(scene, stack, others, before):
    """The oldest gives way; who has a session stays, and who has one to name gets in."""
    crowd = [stranger(stack) for _ in range(3 * STRANGERS)]
    wait_counted(stack, before, turned_away=2 * STRANGERS)
    assert all(ended(connection) for connection in crowd[: 2 * STRANGERS])
    for connection in crowd[2 * STRANGERS :]:
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    alice, dave = scene.person("alice"), scene.person("dave")
    call = LargeCall(scene, alice, dave)
    body = large_body(alice, dave, 100000)
    assert call.peer.send(body) == [200]
    assert call.call.bye() == 200
    scene.wait_waiting(dave, 1)
    for connection in crowd:
        connection.close()
    others.done()


@pytest.mark.parametrize("seed", range(4))
def test_noise_in_a_session(stack, others, guest, before, seed):
    call, peer = guest
    assert peer.greet() == 200
    try:
        peer.write(random.Random(seed).randbytes(100000))
    except OSError:
        pass
    peer.wait_closed()
    call.agent.wait_request("BYE")
    wait_counted(stack, before, malformed=1, slow=0)
    others.done()


def test_a_peer_that_takes_no_answers(stack, others, guest, before):
    """What waits for it is bounded, so it is not listened to any more, and then not waited for."""
    call, peer = guest
    peer.stall()
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sign = peer.request(byte_range="1-0/0", tid="12345678").encode()
    sent = 0
    with pytest.raises(OSError):
        while sent < ENDLESS_BYTES:
            peer.write(sign * 100)
            sent += len(sign) * 100
    call.agent.wait_request("BYE")
    wait_counted(stack, before, slow=1, malformed=0)
    others.done()
