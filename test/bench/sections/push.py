# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""1,000 messages wait for one user whose phone registers and answers each at once."""

from figures import Figure
from rig import MSILO_CHECK_S
from sides import wait_until

WAITING = 1000

FIGURES = [
    Figure("push_cpu_vs_msilo", "x", at_most=1),
    Figure("push_cpu_vs_msilo_before_removal", "x"),
    Figure("push_burst_vs_msilo", "x", at_least=0.8),
    Figure("push_order_errors", "", at_most=0),
    Figure("push_retransmissions", "", at_most=0),
    Figure("push_cpu_us", "us"),
    Figure("msilo_push_cpu_us", "us"),
    Figure("push_rate", "/s"),
    Figure("push_window32_rate", "/s"),
    Figure("push_window32_cpu_us", "us"),
    Figure("msilo_push_rate", "/s"),
    Figure("push_register_us", "us"),
    Figure("msilo_push_register_us", "us"),
]


def push_one(rig, side):
    run = rig.run_id()
    rig.fill(side, run, 1, WAITING, "p")
    before = sum(side.cpu())
    phone = rig.phone(side, "-u", "p", "-e", WAITING, run=run)
    if phone["lost"]:
        raise RuntimeError(f"{side.sip.name}: {phone['lost']} of {WAITING} pushed messages did not arrive")
    phone["left"] = side.waiting()
    phone["cpu_us"] = (sum(side.cpu()) - before) / WAITING
    wait_until(lambda: side.waiting() == 0, 3 * MSILO_CHECK_S, f"{side.sip.name}: store empty after the push", pause_s=0.5)
    phone["removed_cpu_us"] = (sum(side.cpu()) - before) / WAITING
    return phone


def run(rig):
    rig.redis.fsync("always")
    sides = rig.msilo, rig.deferring, rig.wide
    for side in sides:
        push_one(rig, side)
    for _ in range(rig.rounds):
        msilo, cpm, wide = (push_one(rig, side) for side in sides)
        # A burst takes some 30 ms: a second one of each, the other way round, so that what the machine does meanwhile meets both.
        bursts = [[side["burst_rate"]] for side in (wide, msilo)]
        for side, rates in zip((rig.wide, rig.msilo), bursts):
            rates.append(push_one(rig, side)["burst_rate"])
        burst, msilo_burst = (sum(rates) / len(rates) for rates in bursts)
        rig.record.add(
            push_cpu_vs_msilo=cpm["cpu_us"] / msilo["removed_cpu_us"], push_cpu_us=cpm["cpu_us"], push_rate=cpm["burst_rate"],
            msilo_push_cpu_us=msilo["removed_cpu_us"], msilo_push_rate=msilo_burst,
            push_window32_rate=burst, push_window32_cpu_us=wide["cpu_us"],
            push_burst_vs_msilo=burst / msilo_burst,
            push_order_errors=cpm["order_errors"], push_retransmissions=cpm["retransmissions"] + wide["retransmissions"],
            push_register_us=cpm["register_p50_us"], msilo_push_register_us=msilo["register_p50_us"],
        )
        # msilo's timer that deletes rows may have struck before its phone was done.
        if msilo["left"] == WAITING:
            rig.record.add(push_cpu_vs_msilo_before_removal=cpm["cpu_us"] / msilo["cpu_us"])
