# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Figures: what they must reach, what was measured, and the report."""

import json
import os
import platform
import re
import statistics
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure of a section. at_most or at_least is its target."""

    name: str
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def target(self):
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return f">= {self.at_least:g}" if self.at_least is not None else ""

    def verdict(self, value):
        if value is None:
            return "not measured"
        if not self.target:
            return ""
        kept = value <= self.at_most if self.at_most is not None else value >= self.at_least
        return "reached" if kept else "missed"


def first_line(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return argv[0] + ": not found"
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def file_system(folder):
    """Of the mounted file systems, the one that holds the folder."""
    mounts = (line.split()[:3] for line in open("/proc/mounts", encoding="utf-8"))
    held = [(point, kind, device) for device, point, kind in mounts if f"{folder}/".startswith(point.rstrip("/") + "/")]
    return "{1}, {2}".format(*max(held, key=lambda mount: len(mount[0])))


def machine(folder):
    """What the figures were measured on."""
    cpu = re.search(r"^model name\s*: (.*)$", open("/proc/cpuinfo", encoding="utf-8").read(), re.M)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return [
        f"{cpu.group(1) if cpu else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}",
        "stores on " + file_system(folder),
        first_line("kamailio", "-v").removeprefix("version: "), first_line("redis-server", "--version"), first_line("mariadbd", "--version"),
    ]


class Record:
    """Measured values by figure, and why some are missing. sections: name -> its figures."""

    def __init__(self, sections):
        self.sections = sections
        self.known = {figure.name for figures in sections.values() for figure in figures}
        self.values, self.measured, self.reasons = {}, {}, {}
        self.generator_share = 0.0
        self.other_shares = []

    def add(self, **values):
        """One round's values."""
        for name, value in values.items():
            self._check(name)
            self.values.setdefault(name, []).append(float(value))

    def add_measured(self, name, value, least, greatest, runs):
        """A figure that comes with its own median."""
        self._check(name)
        self.measured[name] = {"value": value, "min": least, "max": greatest, "runs": runs}

    def missing(self, section, reason):
        self.reasons[section] = reason

    def _check(self, name):
        if name not in self.known:
            raise KeyError(f"{name} is a figure of no section")

    def numbers(self, name):
        if name in self.measured:
            return self.measured[name]
        values = self.values.get(name)
        if not values:
            return {"value": None, "min": None, "max": None, "runs": 0}
        numbers = {"value": statistics.median(values), "min": min(values), "max": max(values)}
        return {**{k: round(v, 4) for k, v in numbers.items()}, "runs": len(values)}

    def as_list(self):
        return [
            {"name": figure.name, "unit": figure.unit, **self.numbers(figure.name)} for figures in self.sections.values() for figure in figures
        ]

    def complete(self):
        return not self.reasons and all(entry["value"] is not None for entry in self.as_list())

    def write(self, path, keep_others):
        """The list as JSON; with keep_others the figures of other sections stay as they are there."""
        mine = self.as_list()
        if keep_others and path.exists():
            names = {entry["name"] for entry in mine}
            mine = [entry for entry in json.loads(path.read_text(encoding="utf-8")) if entry["name"] not in names] + mine
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")

    def print_table(self, folder, seconds):
        print("\n".join(machine(folder)))
        row = "{:<34}{:>12} {:<8}{:>25}{:>6}  {:<9}{}"
        print()
        print(row.format("figure", "median", "unit", "min - max", "runs", "target", "verdict"))
        for section, figures in self.sections.items():
            for figure in figures:
                numbers = self.numbers(figure.name)
                text = [number(numbers[key]) for key in ("value", "min", "max")]
                spread = f"{text[1]} - {text[2]}"
                verdict = figure.verdict(numbers["value"])
                print(row.format(figure.name, text[0], figure.unit, spread, numbers["runs"], figure.target, verdict).rstrip())
            if section in self.reasons:
                print(f"  {section}: {self.reasons[section]}")
        self._print_doubts()
        print(f"{seconds:.0f} s in all; a missed target is reported, it is no failure")

    def _print_doubts(self):
        if self.generator_share > 0.9:
            print(f"the load generator used up to {self.generator_share:.0%} of a processor: it was the limit somewhere")
        if self.other_shares:
            shares = sorted(self.other_shares)
            middle, worst = statistics.median(shares), shares[-1]
            print(f"processes of others used {middle:.0%} of the machine while it was measured (median; at worst {worst:.0%})")


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"
