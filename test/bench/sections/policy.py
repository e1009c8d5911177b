# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""One decision on compiled documents: block list, 50 rules, do-not-disturb."""

import json

from figures import Figure

FIGURES = [
    Figure("policy_decision_us", "us", at_most=3),
    Figure("policy_decision_100k_us", "us", at_most=3),
    Figure("policy_compile_us", "us"),
    Figure("policy_compile_100k_us", "us"),
]


def run(rig):
    for line in rig.program("policy").splitlines():
        figure = json.loads(line)
        rig.record.add_measured(figure["name"], figure["value"], figure["min"], figure["max"], figure["runs"])
