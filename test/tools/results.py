# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Results of the last `make check`: *.tsv (name<TAB>pass|fail|skip) and *.xml (junit, with the clause marks as properties)."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path


class Result:
    def __init__(self, name, state, clauses=()):
        self.name, self.state, self.clauses = name, state, tuple(clauses)


def _read_tsv(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, state = line.partition("\t")
        yield Result(name, state.strip())


def _read_junit(path):
    cases = {}
    for case in ElementTree.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        state = "fail" if kinds & {"failure", "error"} else "skip" if "skipped" in kinds else "pass"
        name = f"{case.get('classname', '').replace('.', '/')}::{case.get('name')}"
        clauses = [p.get("value") for p in case.iter("property") if p.get("name") == "clause"]
        # A test that passed and whose teardown failed is written twice.
        old = cases.get(name)
        cases[name] = Result(name, "fail" if old and "fail" in (old.state, state) else state, clauses or (old.clauses if old else ()))
    yield from cases.values()


def read(folder):
    """Every result in the folder, sorted by file and then as written."""
    found = []
    for path in sorted(Path(folder).glob("*")):
        if path.suffix == ".tsv":
            found += _read_tsv(path)
        elif path.suffix == ".xml":
            found += _read_junit(path)
    return found
