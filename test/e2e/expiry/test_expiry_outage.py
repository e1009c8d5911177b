# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Many messages that expire while no node runs: afterwards the oldest come first, and not faster than expiry_rate."""

import re
import time

import pytest
from process import wait_until

RATE, USERS, EACH, FIRST_S = 20, 6, 10, 5
STACK = {"modparams": [("cpm_pf", "expiry_rate", RATE)]}
LOG_ALLOW = [r"receive_fd\(\): EOF"]


@pytest.mark.clause("EX-1")
def test_oldest_first_and_not_faster_than_told(scene, stack):
    user_of = {}
    for user in range(USERS):
        bob = scene.person("bob")
        sent = scene.send_all(
            "sip:alice@cpm.test", bob, [f"message {n}" for n in range(EACH)], parallel=EACH, extra=[("Expires", str(FIRST_S + user))])
        assert {r.status for r in sent} == {202}
        user_of.update(dict.fromkeys(scene.waiting(bob), user))
    assert len(user_of) == USERS * EACH
    stack.node.process.kill()
    last = time.time() + FIRST_S + USERS
    wait_until(lambda: time.time() > last, 30, "the time of the last message")
    stack.node.start()
    log = stack.node.log

    def ends():
        found = re.findall(r"event=expired id=(\S+) user=\S+ late_ms=(\d+)", log.read_text())
        return found if len(found) == USERS * EACH else None

    ended = wait_until(ends, 20, "the ends of all messages")
    assert sorted(m for m, _ in ended) == sorted(user_of), "each ends once"
    # The documents of one user may be at hand a moment later than those of the next.
    places = {user: [i for i, (m, _) in enumerate(ended) if user_of[m] == user] for user in range(USERS)}
    order = sorted(places, key=lambda user: sum(places[user]))
    assert order == sorted(order), f"oldest first: {places}"
    # All that one user had expired within one instant: the last of them cannot be earlier than the rate lets it.
    late = [int(ms) for m, ms in ended if user_of[m] == USERS - 1]
    assert max(late) >= (USERS * EACH - RATE // 4) * 1000 // RATE - 1500
