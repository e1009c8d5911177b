# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A push from a queue of 100,000 messages beside pushes from queues of 10."""

from figures import Figure

FIGURES = [
    Figure("deep_push_cpu_ratio", "x", at_most=1),
    Figure("deep_push_cpu_us", "us"),
    Figure("shallow_push_cpu_us", "us"),
    Figure("deep_push_rate", "/s"),
]

# The shallow queues: each user of its own phone, one after the other as a single push is in order. Prefix "u1" and number 0: u10.
SHALLOW, SHALLOW_PREFIXES = 10, [f"u{i}" for i in range(1, 10)]


def push(rig, side, prefixes, waiting):
    """CPU time a message of server and store, and what the last phone saw."""
    run = rig.run_id()
    side.empty()
    for prefix in prefixes:
        rig.load(side, "-n", 1, "-c", waiting, "-k", 1, "-u", prefix, run=run)
    before = sum(side.cpu())
    for prefix in prefixes:
        phone = rig.phone(side, "-u", prefix, "-e", waiting, "-l", 0.1, run=run)
        if phone["lost"]:
            raise RuntimeError(f"{phone['lost']} of {waiting} pushed messages did not arrive")
    return (sum(side.cpu()) - before) / (len(prefixes) * waiting), phone


def run(rig):
    rig.redis.fsync("always")
    deep = 5000 if rig.quick else 100000
    side = rig.cpm("deep", max_user_messages=deep)
    rig.warm_up(side)
    push(rig, side, SHALLOW_PREFIXES, SHALLOW)
    for _ in range(1 if rig.quick else 2):
        shallow_us, _phone = push(rig, side, SHALLOW_PREFIXES, SHALLOW)
        deep_us, phone = push(rig, side, ["p"], deep)
        rig.record.add(
            deep_push_cpu_ratio=deep_us / shallow_us, deep_push_cpu_us=deep_us, shallow_push_cpu_us=shallow_us, deep_push_rate=phone["burst_rate"],
        )
