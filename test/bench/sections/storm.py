# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""500 users with 10 messages waiting each register at once."""

from figures import Figure
from rig import STORM_USERS

WAITING = 10

FIGURES = [
    Figure("storm_lost", "", at_most=0),
    Figure("storm_retransmissions", "", at_most=0),
    Figure("storm_order_errors", "", at_most=0),
    Figure("storm_register_p50_ratio", "x", at_most=2),
    Figure("storm_register_p50_us", "us"),
    Figure("storm_register_idle_p50_us", "us"),
    Figure("storm_last_ms", "ms"),
    Figure("msilo_storm_lost", ""),
    Figure("msilo_storm_retransmissions", ""),
    Figure("msilo_storm_register_p50_ratio", "x"),
    Figure("waiting_message_bytes", "B"),
]


def register_all(rig, side, *arguments, run=None):
    return rig.phone(side, "-u", "s", "-k", STORM_USERS, *arguments, run=run)


def storm(rig, side):
    """The storm, beside the same registrations with nothing waiting."""
    side.empty()
    idle = register_all(rig, side)
    run = rig.run_id()
    in_redis = side.store is rig.redis
    before = side.store.used_bytes() if in_redis else 0
    rig.fill(side, run, STORM_USERS, WAITING, "s")
    stored = side.store.used_bytes() - before if in_redis else 0
    result = register_all(rig, side, "-e", WAITING, run=run)
    result["idle_p50_us"] = idle["register_p50_us"]
    result["ratio"] = result["register_p50_us"] / idle["register_p50_us"]
    result["bytes"] = stored / (STORM_USERS * WAITING)
    # Lost, or brought more than once.
    result["wrong"] = result["lost"] + result["duplicates"]
    return result


def run(rig):
    rig.redis.fsync("always")
    for side in (rig.deferring, rig.msilo):
        storm(rig, side)
    for _ in range(1 if rig.quick else max(2, rig.rounds - 2)):
        cpm, msilo = storm(rig, rig.deferring), storm(rig, rig.msilo)
        rig.record.add(
            storm_lost=cpm["wrong"], storm_retransmissions=cpm["retransmissions"], storm_last_ms=cpm["last_ms"],
            storm_order_errors=cpm["order_errors"], storm_register_p50_ratio=cpm["ratio"], storm_register_p50_us=cpm["register_p50_us"],
            storm_register_idle_p50_us=cpm["idle_p50_us"], waiting_message_bytes=cpm["bytes"],
            msilo_storm_lost=msilo["wrong"], msilo_storm_retransmissions=msilo["retransmissions"], msilo_storm_register_p50_ratio=msilo["ratio"],
        )
