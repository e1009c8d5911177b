# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The counters of what should not happen: a record that cannot be read, a lease that another took, an answer that comes too late."""

import pytest
import redis
from process import wait_until
from stack import host_port

STACK = {
    "modparams": [
        ("cpm_pf", "push_lease_ms", 1000), ("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 2), ("cpm_pf", "redis_timeout_ms", 10000),
        ("tm", "fr_timer", 2000),
    ],
}
LOG_ALLOW = [r"event=quarantined"]
ALICE = "sip:alice@cpm.test"


@pytest.fixture
def client(stack):
    with redis.Redis(*host_port(stack.env["CPM_REDIS"])) as connection:
        yield connection


def key(kind, message, rest):
    """In the shard of a message, and so of its user."""
    return f"cpm:{{{message.rpartition('-')[2]}}}:{kind}:{rest}"


def wait_counter(scene, name, value):
    wait_until(lambda: scene.statistics()[name] == value, 10, f"{name} == {value}")


@pytest.mark.clause("PU-3", "SP-1")
def test_a_damaged_record_is_set_aside(scene, stack, client):
    """It is kept, its user's other messages are delivered, and an operator is told of it."""
    bob, before = scene.person("bob"), scene.statistics()["quarantined"]
    assert [scene.send(ALICE, bob, text).status for text in ("damaged", "whole")] == [202, 202]
    damaged, _ = scene.waiting(bob)
    kept = client.get(key("m", damaged, damaged))
    client.set(key("m", damaged, damaged), kept.replace(b"cpm-record", b"xpm-record"), keepttl=True)
    phone = scene.phone(bob)
    assert phone.wait_received(1)[0].body.endswith(b"whole")
    wait_counter(scene, "quarantined", before + 1)
    listed, = stack.rpc("cpm_pf.list", bob)["messages"]
    assert (listed["id"], listed["state"]) == (damaged, "quarantined")
    assert scene.statistics()["now_quarantined"] == 1
    assert f"event=quarantined id={damaged} " in stack.node.log.read_text()
    assert len(phone.received()) == 1
    # Whoever can repair it has it all.
    assert client.get(key("m", damaged, damaged)) == kept.replace(b"cpm-record", b"xpm-record")


def test_a_damaged_record_is_listed(scene, stack, client):
    """Before anybody has tried to push it."""
    bob = scene.person("bob")
    assert scene.send(ALICE, bob).status == 202
    message, = scene.waiting(bob)
    place = key("m", message, message)
    kept = client.get(place)
    client.set(place, kept.replace(b"cpm-record", b"xpm-record"), keepttl=True)
    listed, = stack.rpc("cpm_pf.list", bob)["messages"]
    assert (listed["id"], listed["why"]) == (message, "its record cannot be read")
    client.set(place, kept, keepttl=True)
    stack.rpc("cpm_pf.delete", message)


@pytest.mark.clause("PU-4", "SP-3")
def test_a_lease_that_another_took(scene, client):
    """As after a standstill that was longer than the lease: the other goes on, then we do, and nothing is lost."""
    bob, before = scene.person("bob"), scene.statistics()["lost_leases"]
    bodies = [scene.send(ALICE, bob, text).request.body for text in ("first", "second")]
    message = scene.waiting(bob)[0]
    phone = scene.phone(bob, answers=[("200", 1000), "200"])
    phone.wait_received(1)
    client.set(key("l", message, bob), "another", px=2000)
    wait_counter(scene, "lost_leases", before + 1)
    scene.wait_waiting(bob, 0)
    assert {m.body for m in phone.received()} == set(bodies)


@pytest.mark.clause("ST-4")
def test_an_answer_for_a_request_that_is_gone(scene, client):
    """Redis answers later than tm waits: the sender hears no 2xx, and what is safe all the same waits."""
    bob, before = scene.person("bob"), scene.statistics()["unparked"]
    client.execute_command("CLIENT", "PAUSE", 5000, "WRITE")
    assert scene.send(ALICE, bob).status >= 400
    wait_counter(scene, "unparked", before + 1)
    scene.wait_waiting(bob, 1)
