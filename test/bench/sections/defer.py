# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Storing for an offline user before the 202, against msilo; both fsync first."""

from figures import Figure

LATENCY_TURNS = 4

FIGURES = [
    Figure("defer_rate_vs_msilo", "x", at_least=2.5),
    Figure("defer_cpu_vs_msilo", "x", at_most=0.35),
    Figure("defer_latency_vs_msilo", "x", at_most=1.2),
    Figure("defer_rate", "/s"),
    Figure("msilo_rate", "/s"),
    Figure("defer_cpu_us", "us"),
    Figure("defer_cpu_sip_us", "us"),
    Figure("defer_cpu_store_us", "us"),
    Figure("msilo_cpu_us", "us"),
    Figure("defer_latency_us", "us"),
    Figure("msilo_latency_us", "us"),
]


def run(rig):
    rig.redis.fsync("always")
    sides = rig.msilo, rig.deferring
    rig.warm_up(*sides)
    for _ in range(rig.rounds):
        latency = latencies(rig, sides)
        msilo, cpm = rig.loads(*sides)
        rig.record.add(
            defer_rate=cpm["rate"], defer_cpu_us=cpm["cpu_us"], defer_cpu_sip_us=cpm["sip_us"], defer_cpu_store_us=cpm["store_us"],
            msilo_rate=msilo["rate"], msilo_cpu_us=msilo["cpu_us"], defer_rate_vs_msilo=cpm["rate"] / msilo["rate"],
            defer_cpu_vs_msilo=cpm["cpu_us"] / msilo["cpu_us"], defer_latency_us=latency[1], msilo_latency_us=latency[0],
            defer_latency_vs_msilo=latency[1] / latency[0],
        )


def latencies(rig, sides):
    """Each side's time to a 202 with nobody else there: the mean of medians of short turns, there and back."""
    medians = [[] for _ in sides]
    for turn in range(1 if rig.quick else LATENCY_TURNS):
        for side, mine in list(zip(sides, medians))[:: -1 if turn % 2 else 1]:
            side.empty()
            mine.append(rig.quiet_load(side, "--latency", "-c", 200 if rig.quick else 500)["latency_p50_us"])
    return [sum(mine) / len(mine) for mine in medians]
