# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Kamailio killed when Redis has stored a message, but before the sender has heard 202."""

import threading

import pytest
import redis
from lib.proxy import Proxy
from ports import free_port
from process import wait_until
from stack import host_port

LOG_ALLOW = [r"receive_fd\(\): EOF"]


@pytest.fixture(scope="module", autouse=True)
def proxy(request):
    """Between Kamailio and Redis; runs before the stack."""
    address = f"127.0.0.1:{free_port()}"
    between = Proxy(address)
    request.module.STACK = {"environ": {"CPM_REDIS": address}, "modparams": [("cpm_pf", "redis_address", between.address)]}
    yield between
    between.close()


@pytest.mark.clause("PM-4e", "ST-4")
def test_a_repeat_is_told_from_a_new_message(scene, stack, proxy):
    alice, bob = scene.person("alice"), scene.person("bob")
    replies = []
    host, port = host_port(stack.env["CPM_REDIS"])
    with redis.Redis(host, port) as client:
        proxy.hold()
        writer = threading.Thread(target=lambda: replies.append(scene.send(alice, bob)))
        writer.start()
        wait_until(lambda: any(client.scan_iter(f"*:u:{bob}")), 10, "Redis has stored the message")
        stack.node.process.kill()
    assert not replies
    proxy.release()
    stack.node.start()
    # The sender has repeated its request meanwhile, as nobody answered.
    writer.join()
    assert replies[0].status == 202
    assert scene.statistics()["duplicates"] == 1
    assert len(scene.waiting(bob)) == 1
    phone = scene.phone(bob)
    phone.wait_received(1)
    scene.wait_waiting(bob, 0)
    assert [m.imdn_id for m in phone.received()] == [replies[0].request.imdn_id]
