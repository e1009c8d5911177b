# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Senders that are slow, and many that vanish while they wait for their turn."""

import pytest
import redis
from lib.large import LargeCall, large_body
from process import wait_until
from stack import host_port

STACK = {"modparams": [("cpm_pf", "msrp_staging_s", 10)]}


def redis_of(stack):
    return redis.Redis(*host_port(stack.env["CPM_REDIS"]))


@pytest.mark.clause("LM-4", "ST-4")
def test_what_has_come_outlives_its_time_while_more_comes(scene, stack):
    """A little at a time: its octets and the notes of its pieces are given a new time to live before theirs is over."""
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 400000)
    call = LargeCall(scene, alice, bob, size=len(body))
    frame = call.peer.request(body=body, byte_range=f"1-*/{len(body)}")
    data = frame.encode()
    sent = 300000
    call.peer.write(data[:sent])
    client, least, renewed = redis_of(stack), {}, set()

    def a_little_more():
        nonlocal sent
        call.peer.write(data[sent : sent + 100])
        sent += 100
        for key in client.scan_iter("cpm:*:[ac]:*.*", count=100000):
            left = client.pttl(key)
            least[key] = min(left, least.get(key, left))
            if left > least[key] + 1000:
                renewed.add(key)
        return renewed and renewed == set(least)

    wait_until(a_little_more, 9, "a new time to live of octets and notes", pause_s=0.1)
    assert len(renewed) == 2
    call.peer.write(data[sent:])
    assert call.peer.wait_response(frame.tid, 20) == 200
    assert call.call.bye() == 200
    scene.wait_waiting(bob, 1)


@pytest.mark.clause("LM-4")
def test_senders_that_vanish_while_they_wait(scene):
    """Many at once, so that they wait in line for Redis; every second one is gone before its turn. The others get their 200."""
    alice, bob = scene.person("alice"), scene.person("bob")
    bodies = [large_body(alice, bob, 600000, imdn_id=f"line-{i}-{bob}") for i in range(30)]
    calls = [LargeCall(scene, alice, bob, size=len(body)) for body in bodies]
    before = scene.statistics()["large_discarded"]
    frames = [call.peer.request(body=body, byte_range=f"1-*/{len(body)}") for call, body in zip(calls, bodies)]
    for i, (call, frame) in enumerate(zip(calls, frames)):
        data = frame.encode()
        call.peer.write(data[: 500000 if i % 2 else len(data)])
    for call in calls[1::2]:
        call.peer.close()
    assert [call.peer.wait_response(frame.tid, 30) for call, frame in zip(calls[::2], frames[::2])] == [200] * 15
    for call in calls[::2]:
        assert call.call.bye() == 200
    wait_until(lambda: scene.statistics()["large_discarded"] == before + 15, 10, "those that vanished")
    assert len(scene.waiting(bob)) == 15
