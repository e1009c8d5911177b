# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Kamailio killed at the worst moments: no message that was acknowledged is lost, a repeat has the same identity."""

import threading

import pytest
from process import wait_until

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
