# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""100,000 messages expire within a minute at one node, which goes on answering others."""

import statistics
import time

from figures import Figure
from rig import LOAD_USERS
from sides import cpu_us, wait_until

FIGURES = [
    Figure("expiry_cpu_share", "of core", at_most=0.6),
    Figure("expiry_202_p99_ratio", "x", at_most=2),
    Figure("expiry_202_p99_us", "us"),
    Figure("expiry_202_worst_p99_us", "us"),
    Figure("expiry_202_idle_p99_us", "us"),
    Figure("expiry_store_cpu_share", "of core"),
    Figure("expiry_late_s", "s"),
]

PROBES = 2000


def probe(rig, side):
    """The p99 of a 202 with one message at a time, of senders who have nothing to do with the others."""
    return rig.load(side, "--latency", "-c", PROBES)["latency_p99_us"]


def run(rig):
    rig.redis.fsync("always")
    messages, first_s, span_s = (5000, 5, 5) if rig.quick else (100000, 30, 60)
    side = rig.cpm("expiry")
    rig.warm_up(side)
    side.empty()
    before = side.sip.counter("sum_expired")
    began = time.monotonic()
    rig.load(side, "-c", messages, "-k", LOAD_USERS, "-x", f"{first_s},{span_s}")
    idle = statistics.median(probe(rig, side) for _ in range(3))
    if time.monotonic() - began > first_s:
        raise RuntimeError(f"the messages could not be stored within {first_s} s")
    time.sleep(began + first_s - time.monotonic())

    sip, store, begin = cpu_us(side.sip.process), cpu_us(side.store.process), time.monotonic()
    probed = []
    while time.monotonic() < began + first_s + span_s - 2:
        probed.append(probe(rig, side))
        time.sleep(2)
    due = began + first_s + span_s
    wait_until(lambda: side.sip.counter("sum_expired") - before >= messages, span_s + 60, "all have expired", pause_s=0.2)
    end = time.monotonic()
    took_us = (max(end, due) - begin) * 1e6
    p99 = statistics.median(probed)
    rig.record.add(
        expiry_cpu_share=(cpu_us(side.sip.process) - sip) / took_us, expiry_store_cpu_share=(cpu_us(side.store.process) - store) / took_us,
        expiry_202_idle_p99_us=idle, expiry_202_p99_us=p99, expiry_202_worst_p99_us=max(probed), expiry_202_p99_ratio=p99 / idle,
        expiry_late_s=max(0.0, end - due),
    )
