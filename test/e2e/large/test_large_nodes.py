# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Two nodes on one Redis: a large message comes in at one and goes out at the other."""

import pytest
from lib.large import LargePhone, large_body, send_large

STACK = {"nodes": 2}


@pytest.mark.clause("PU-5", "ST-2")
def test_in_here_out_there(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 400000)
    assert send_large(scene, alice, bob, body, node=stack.nodes[0]) == [200]
    scene.wait_waiting(bob, 1)
    assert LargePhone(scene, bob, node=stack.nodes[1]).wait_message() == body
    scene.wait_waiting(bob, 0)
    assert stack.nodes[1].rpc("cpm_pf.stats")["large_sent"] == 1
