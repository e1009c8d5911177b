# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A node dies between the append and its answer, and the message comes again: it is stored once."""

import threading

import pytest
from lib.mailbox import Mailbox
from lib.repeats import history_user, phone_at_both, stored_once, two_nodes
from ports import free_port
from process import wait_until

PROXY = free_port()
STACK = two_nodes(PROXY)
# What a killed node's processes say of each other.
LOG_ALLOW = [r"receive_fd\(\): EOF"]


@pytest.mark.clause("PM-4c2", "PM-4c4", "MS-1")
@pytest.mark.parametrize("second", [0, 1], ids=["after-the-restart", "at-another-node"])
@pytest.mark.parametrize("manners", ["mute-answer", "late-600", "cut-literal"])
def test_node_killed_between_the_append_and_its_answer(scene, stack, proxy, box, manners, second):
    """Nobody knows whether the object is there. The repeat looks for it, and waits for what may still arrive."""
    alice = scene.person("alice")
    # The folder is there.
    assert scene.send(alice, box.aor, disposition=None).status == box.status
    appends, seen = proxy.appends, []
    proxy.set(manners, 1)
    writer = threading.Thread(target=lambda: seen.append(scene.send(alice, box.aor, imdn_id="killed-1", timeout_s=5)), daemon=True)
    writer.start()
    wait_until(lambda: proxy.appends > appends, 10, "the APPEND has left the node")
    if manners == "mute-answer":
        box.wait_objects(2)
    stack.nodes[0].process.kill()
    try:
        # With a new request at the other node, or with a repetition of the old one at the node that is back.
        if second:
            assert scene.send(alice, box.aor, imdn_id="killed-1", node=stack.nodes[1]).status in (200, 202)
    finally:
        stack.nodes[0].start()
    phone = phone_at_both(scene, stack, alice)
    if not second:
        assert scene.send(alice, box.aor, imdn_id="killed-1").status in (200, 202)
    stored_once(scene, box, phone, "killed-1", others=1)
    writer.join(20)
    assert scene.send(alice, box.aor, imdn_id="killed-1", node=stack.nodes[1]).status in (200, 202)
    box.wait_objects(2)


@pytest.mark.clause("PM-6", "HI-1")
def test_node_killed_while_it_records(scene, stack, proxy):
    """The recording is there, its message never left: the repeat is delivered with it."""
    proxy.set("pass")
    alice, bob = scene.person("alice"), history_user(scene, "bob")
    phone = phone_at_both(scene, stack, bob)
    assert scene.send(alice, bob).status == 200
    appends = proxy.appends
    proxy.set("mute-answer", 1)
    writer = threading.Thread(target=lambda: scene.send(alice, bob, imdn_id="killed-2", timeout_s=5), daemon=True)
    writer.start()
    wait_until(lambda: proxy.appends > appends, 10, "the APPEND has left the node")
    stored = Mailbox(stack, bob).wait_objects(2)[1]
    stack.nodes[0].process.kill()
    try:
        assert scene.send(alice, bob, imdn_id="killed-2", node=stack.nodes[1]).status == 200
        assert phone.wait_received(2)[1].get("Message-UID").partition(";")[0] == str(stored.uid)
    finally:
        stack.nodes[0].start()
    writer.join(20)
    Mailbox(stack, bob).wait_objects(2)
