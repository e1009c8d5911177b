# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Several msrp and queue processes: a session lives in one of them, and each has a port."""

import re

from lib.large import LargeCall, LargePhone, large_body
from ports import free_port, is_free


def ports(count):
    """The first of so many free ports in a row."""
    while True:
        first = free_port()
        if all(is_free("127.0.0.1", first + i) for i in range(1, count)):
            return first


FIRST = ports(3)
STACK = {"modparams": [("cpm_pf", "msrp_listen", f"127.0.0.1:{FIRST}"), ("cpm_pf", "msrp_workers", 3), ("cpm_pf", "queue_workers", 2)]}


def port_of(path):
    return int(re.search(r":(\d+)/", path).group(1))


def test_each_takes_its_turn(scene):
    alice = scene.person("alice")
    users = [scene.person("bob") for _ in range(6)]
    bodies = {bob: large_body(alice, bob, 150000) for bob in users}
    calls = [LargeCall(scene, alice, bob, size=len(bodies[bob])) for bob in users]
    assert {port_of(call.reply.attribute("path")) for call in calls} == {FIRST, FIRST + 1, FIRST + 2}
    for call, bob in zip(calls, users):
        assert call.peer.send(bodies[bob], chunk=40000) == [200] * 4
        assert call.call.bye() == 200
    phones = [LargePhone(scene, bob) for bob in users]
    assert [phone.wait_message() for phone in phones] == list(bodies.values())
    assert len({port_of(phone.invites[0].attribute("path")) for phone in phones}) > 1
    for bob in users:
        scene.wait_waiting(bob, 0)
