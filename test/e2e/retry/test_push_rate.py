# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""push_rate: an operator's cap on pushes a second, over all users of a queue process."""

import pytest

RATE, COUNT = 20, 30
STACK = {"modparams": [("cpm_pf", "push_rate", RATE)]}


@pytest.mark.clause("PU-2")
def test_no_more_pushes_a_second_than_told(scene):
    people = [scene.person("bob"), scene.person("carol")]
    for person in people:
        sent = scene.send_all("sip:alice@cpm.test", person, [f"message {i}" for i in range(COUNT)], parallel=COUNT)
        assert {r.status for r in sent} == {202}
    phones = [scene.phone(person) for person in people]
    times = sorted(m.time for phone in phones for m in phone.wait_received(COUNT, deadline_s=20))
    burst = RATE // 10
    for i in range(len(times) - RATE - burst - 1):
        assert times[i + RATE + burst + 1] - times[i] > 0.9, "more in one second than the rate and its burst"
    for person in people:
        scene.wait_waiting(person, 0)
