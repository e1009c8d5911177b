# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A pushed message above the core's udp_mtu leaves over TCP, and as a datagram when that fails (RFC 3261 18.1.1)."""

import pytest
from lib.phones import Phone

STACK = {"defines": {"CPM_UDP_MTU": 1300}, "modparams": [("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 2), ("tm", "fr_timer", 2000)]}

# The core says so when nobody listens.
LOG_ALLOW = [r"tcpconn_1st_send", r"tcp_send failed", r"Attempt to send to precreated request failed"]


def defer(scene, bob, size):
    sent = scene.send(scene.person("alice"), bob, "x" * size, transport="tcp")
    assert sent.status == 202
    return sent.request.body


@pytest.mark.clause("PU-4", "SP-1")
def test_over_tcp_where_the_client_listens(scene):
    bob = scene.person("bob")
    body = defer(scene, bob, 3000)
    datagrams = scene.phone(bob, register=False)
    stream = Phone(scene.folder, bob, transport="tcp", port=datagrams.sipp.port).start()
    scene.phones.append(stream)
    scene.register(datagrams)
    assert [m.body for m in stream.wait_received()] == [body]
    scene.wait_waiting(bob, 0)
    assert datagrams.received() == []
    small = scene.send(scene.person("alice"), bob, "x")
    assert small.status == 200 and [m.body for m in datagrams.wait_received()] == [small.request.body]


@pytest.mark.clause("PU-4", "SP-4")
def test_as_a_datagram_where_it_does_not(scene):
    bob = scene.person("bob")
    body = defer(scene, bob, 3000)
    phone = scene.phone(bob)
    assert [m.body for m in phone.wait_received(deadline_s=15)] == [body]
    scene.wait_waiting(bob, 0)
