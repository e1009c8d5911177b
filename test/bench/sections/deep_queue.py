# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A push from a queue of 100,000 messages beside pushes from queues of 10."""

from figures import Figure
from rig import LOAD_USERS

FIGURES = [
    Figure("deep_push_cpu_ratio", "x", at_most=1),
    Figure("deep_push_cpu_us", "us"),
    Figure("shallow_push_cpu_us", "us"),
    Figure("deep_push_rate", "/s"),
    Figure("deep_push_order_errors", "", at_most=0),
]

SHALLOW = 10


def push(rig, side, prefix, users, waiting, *arguments):
    """CPU time a message of server and store, and what the phones saw."""
    run = rig.run_id()
    rig.fill(side, run, users, waiting, prefix)
    before = sum(side.cpu())
    phone = rig.phone(side, "-u", prefix, "-k", users, "-e", waiting, *arguments, run=run)
    if phone["lost"]:
        raise RuntimeError(f"{phone['lost']} of {users * waiting} pushed messages did not arrive")
    return (sum(side.cpu()) - before) / (users * waiting), phone


def run(rig):
    rig.redis.fsync("always")
    deep = 5000 if rig.quick else 100000
    side = rig.cpm("deep", max_user_messages=deep)
    rig.warm_up(side)
    for _ in range(1 if rig.quick else 3):
        # One user after the other.
        shallow_us, _phone = push(rig, side, "u", LOAD_USERS, SHALLOW, "-w", 1)
        deep_us, phone = push(rig, side, "p", 1, deep)
        rig.record.add(
            deep_push_cpu_ratio=deep_us / shallow_us, deep_push_cpu_us=deep_us, shallow_push_cpu_us=shallow_us, deep_push_rate=phone["burst_rate"],
            deep_push_order_errors=phone["order_errors"],
        )
