# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Kamailio killed at the worst moments: no message that was acknowledged is lost, a repeat has the same identity."""

import os
import signal
import threading

import pytest
import redis
from process import wait_until
from stack import host_port

# The processes do not die in the same instant: one may see the end of another.
LOG_ALLOW = [r"receive_fd\(\): EOF"]
STACK = {"modparams": [("cpm_pf", "push_lease_ms", 1000)]}


def restart(stack):
    stack.node.process.kill()
    stack.node.start()


@pytest.mark.clause("ST-4", "SP-3")
def test_between_the_clients_2xx_and_the_removal(scene, stack):
    """The phone has the message, its 200 comes too late for the node that sent it."""
    bob = scene.person("bob")
    sent = scene.send("sip:alice@cpm.test", bob)
    assert sent.status == 202
    phone = scene.phone(bob, answers=[("200", 500), "200"])
    phone.wait_received(1)
    restart(stack)
    assert len(scene.waiting(bob)) == 1
    scene.register(phone)
    got = phone.wait_received(2, deadline_s=20)
    assert {m.imdn_id for m in got} == {sent.request.imdn_id}
    assert {m.body for m in got} == {sent.request.body}
    scene.wait_waiting(bob, 0)


def unread(port):
    """Whether a TCP connection to this port has octets that its server has not read."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return any(row[1].endswith(f":{port:04X}") and int(row[4].partition(":")[2], 16) for row in rows)


@pytest.mark.clause("PM-4e", "ST-4")
def test_between_the_store_and_the_202(scene, stack):
    """Redis stores the message, the node that would have said 202 is dead by then: the sender's repeat is told from a new message."""
    alice, bob = scene.person("alice"), scene.person("bob")
    assert scene.send(alice, scene.person("other")).status == 202
    host, port = host_port(stack.env["CPM_REDIS"])
    replies = []
    os.kill(stack.redis.process.pid, signal.SIGSTOP)
    try:
        writer = threading.Thread(target=lambda: replies.append(scene.send(alice, bob)))
        writer.start()
        wait_until(lambda: unread(port), 10, "the message is on its way to Redis")
        stack.node.process.kill()
        assert not replies
    finally:
        os.kill(stack.redis.process.pid, signal.SIGCONT)
    with redis.Redis(host, port) as client:
        wait_until(lambda: sum(1 for _ in client.scan_iter("*:u:sip:bob*")) == 1, 10, "Redis has stored it")
    stack.node.start()
    writer.join()
    assert replies[0].status == 202
    assert scene.statistics()["duplicates"] == 1
    assert len(scene.waiting(bob)) == 1
    phone = scene.phone(bob)
    phone.wait_received(1)
    scene.wait_waiting(bob, 0)
    assert [m.imdn_id for m in phone.received()] == [replies[0].request.imdn_id]


@pytest.mark.clause("PM-4e", "ST-4")
def test_while_messages_are_stored(scene, stack):
    """A sender writes without pause when the node dies: every message with a 202 is there afterwards."""
    bob = scene.person("bob")
    before = scene.statistics()["accepted"]
    replies = []

    def write():
        replies.extend(scene.send_all("sip:alice@cpm.test", bob, [f"message {i}" for i in range(400)], parallel=10, timeout_s=120))

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: scene.statistics()["accepted"] - before >= 50, 20, "50 messages accepted")
    restart(stack)
    writer.join()
    safe = {r.request.imdn_id for r in replies if r.status == 202}
    assert len(safe) >= 50
    phone = scene.phone(bob)
    scene.wait_waiting(bob, 0, deadline_s=30)
    assert safe <= {m.imdn_id for m in phone.received()}
