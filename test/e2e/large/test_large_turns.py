# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Clients that take a large message slowly keep nobody else waiting."""

import time

import pytest
from lib.large import LargePhone, large_body, send_large

STACK = {"modparams": [("cpm_pf", "push_parallel", 1)]}


@pytest.mark.clause("PU-5")
def test_the_turn_of_a_slow_client_does_not_count(scene):
    alice = scene.person("alice")
    slow = [scene.person("bob") for _ in range(3)]
    body = large_body(alice, slow[0], 20 << 20)
    for bob in slow:
        assert send_large(scene, alice, bob, body) == [200]
    phones = [LargePhone(scene, bob, read=False) for bob in slow]
    for phone in phones:
        phone.wait_peer()
    carol = scene.person("carol")
    assert scene.send(alice, carol).status == 202
    began = time.monotonic()
    scene.phone(carol).wait_received(1)
    assert time.monotonic() - began < 5
    for phone in phones:
        phone.peers[0].go_on()
        assert phone.wait_message(timeout_s=30) == body
    for bob in slow:
        scene.wait_waiting(bob, 0)
