# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Storing where Redis fsyncs once a second, against a bare loop with the same script."""

import json

from figures import Figure
from rig import mean_load

FIGURES = [
    Figure("defer_rate_vs_bare_redis", "x", at_least=0.6),
    Figure("defer_everysec_rate", "/s"),
    Figure("defer_everysec_cpu_us", "us"),
    Figure("bare_redis_rate", "/s"),
]


def run(rig):
    rig.redis.fsync("everysec")
    try:
        rig.warm_up(rig.deferring)
        for _ in range(rig.rounds):
            measure(rig)
    finally:
        rig.redis.fsync("always")


def measure(rig):
    cpm, bare = [], []
    for _ in range(rig.turns):
        rig.empty_redis()
        cpm.append(rig.quiet_load(rig.deferring, "-t", rig.seconds))
        rig.empty_redis()
        bare.append(json.loads(rig.program("bare_redis", "-s", rig.redis.path, "-t", rig.seconds)))
    cpm, bare_rate = mean_load(cpm), sum(b["messages"] for b in bare) / sum(b["seconds"] for b in bare)
    rig.record.add(
        defer_everysec_rate=cpm["rate"], defer_everysec_cpu_us=cpm["cpu_us"], bare_redis_rate=bare_rate,
        defer_rate_vs_bare_redis=cpm["rate"] / bare_rate,
    )
