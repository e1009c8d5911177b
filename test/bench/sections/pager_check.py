# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The checks of a pager message before a 202, against that 202 alone."""

from figures import Figure

FIGURES = [
    Figure("pager_check_cpu_overhead", "of bare", at_most=0.15),
    Figure("pager_check_us", "us"),
    Figure("bare_cpu_us", "us"),
    Figure("bare_rate", "/s"),
]


def run(rig):
    rig.warm_up(rig.bare, rig.checking)
    for _ in range(rig.rounds):
        bare, check = rig.loads(rig.bare, rig.checking, shorter=4)
        rig.record.add(
            bare_rate=bare["rate"], bare_cpu_us=bare["cpu_us"], pager_check_us=check["cpu_us"] - bare["cpu_us"],
            pager_check_cpu_overhead=check["cpu_us"] / bare["cpu_us"] - 1,
        )
