# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""10,000 users with 3 messages waiting each register within 10 s; and an operator's cap on pushes."""

import time

from figures import Figure
from rig import STORM_USERS

from .memory import SETTLE_S

FIGURES = [
    Figure("registrations_p99_ratio", "x", at_most=2),
    Figure("registrations_lost", "", at_most=0),
    Figure("registrations_repeated", "", at_most=0),
    Figure("registrations_retransmissions", "", at_most=0),
    Figure("registrations_memory_growth_kib", "KiB", at_most=1024),
    Figure("push_rate_kept", "of cap", at_most=1.05),
    Figure("registrations_p99_us", "us"),
    Figure("registrations_idle_p99_us", "us"),
    Figure("registrations_last_ms", "ms"),
    Figure("registrations_memory_peak_kib", "KiB"),
]

WAITING, WITHIN_S, RATE_CAP = 3, 10, 500


def register_all(rig, side, users, *arguments, run=None):
    return rig.phone(side, "-u", "r", "-k", users, "-w", min(users, 1000), "-R", users / WITHIN_S, *arguments, run=run)


def fill_all(rig, side, users):
    run = rig.run_id()
    rig.fill(side, run, users, WAITING, "r")
    time.sleep(SETTLE_S)
    return run


def register_waiting(rig, side, users, run):
    """Everybody registers, with messages waiting."""
    busy = register_all(rig, side, users, "-e", WAITING, run=run)
    rig.record.add(
        registrations_lost=busy["lost"], registrations_repeated=busy["duplicates"], registrations_retransmissions=busy["retransmissions"],
    )
    return busy


def measure(rig, side, users):
    side.empty()
    idle = register_all(rig, side, users)
    time.sleep(SETTLE_S)
    busy = register_waiting(rig, side, users, fill_all(rig, side, users))
    time.sleep(SETTLE_S)
    rig.record.add(
        registrations_p99_ratio=busy["register_p99_us"] / idle["register_p99_us"], registrations_p99_us=busy["register_p99_us"],
        registrations_idle_p99_us=idle["register_p99_us"], registrations_last_ms=busy["last_ms"],
    )


def memory(rig, side, users):
    """Apart from the times: to look at a server's memory every 20 ms delays what it does."""
    side.empty()
    run = fill_all(rig, side, users)
    shared = side.sip.shared_kib()
    with rig.watch(side.sip.shared_kib) as values:
        register_waiting(rig, side, users, run)
    time.sleep(SETTLE_S)
    rig.record.add(registrations_memory_growth_kib=side.sip.shared_kib() - shared, registrations_memory_peak_kib=max(values) - shared)


def cap(rig, side):
    """The rate of pushes where an operator has capped it."""
    run = rig.run_id()
    rig.fill(side, run, STORM_USERS, WAITING, "s")
    rig.record.add(push_rate_kept=rig.phone(side, "-u", "s", "-k", STORM_USERS, "-e", WAITING, run=run)["burst_rate"] / RATE_CAP)


def run(rig):
    rig.redis.fsync("always")
    users = 1000 if rig.quick else 10000
    side = rig.cpm("registrations")
    register_all(rig, side, users)
    for _ in range(1 if rig.quick else 2):
        measure(rig, side, users)
    memory(rig, side, users)
    cap(rig, rig.cpm("capped", push_rate=RATE_CAP))
