# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Memory of Kamailio while 1,000 messages are pushed to one phone."""

import time

from figures import Figure
from sides import resident_kib

from .push import WAITING

FIGURES = [
    Figure("push_memory_growth_kib", "KiB", at_most=64),
    Figure("push_resident_growth_kib", "KiB"),
    Figure("push_memory_peak_kib", "KiB"),
    Figure("msilo_push_memory_peak_kib", "KiB"),
]

# Longer than a transaction lives after its final answer.
SETTLE_S = 3


def watched(rig, side):
    """Shared memory: the peak while pushing and what stays when the transactions have gone; resident memory: what stays."""
    run = rig.run_id()
    rig.fill(side, run, 1, WAITING, "p")
    time.sleep(SETTLE_S)
    shared, resident = side.sip.shared_kib(), resident_kib(side.sip.process)
    with rig.watch(side.sip.shared_kib) as values:
        rig.phone(side, "-u", "p", "-e", WAITING, run=run)
    time.sleep(SETTLE_S)
    return max(values) - shared, side.sip.shared_kib() - shared, resident_kib(side.sip.process) - resident


def run(rig):
    rig.redis.fsync("always")
    watched(rig, rig.deferring)
    for _ in range(1 if rig.quick else 2):
        peak, after, resident = watched(rig, rig.deferring)
        msilo = watched(rig, rig.msilo)
        rig.record.add(
            push_memory_growth_kib=after, push_resident_growth_kib=resident, push_memory_peak_kib=peak, msilo_push_memory_peak_kib=msilo[0]
        )
