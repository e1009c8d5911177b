#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""summary.py FOLDER FILE...: names the failed tests, prints "N passed, N failed, N skipped" over all result files of FOLDER,
and fails when a test failed, none passed, or one of FILEs is missing (its runner broke down)."""

import sys
from pathlib import Path
from xml.etree.ElementTree import ParseError

import results


def main(folder, expected):
    try:
        found = results.read(folder)
    except ParseError as e:
        found = [results.Result(f"junit file: {e}", "fail")]
    found += [results.Result(f"{name}: its runner left no results", "fail") for name in expected if not Path(folder, name).exists()]
    for result in found:
        if result.state == "fail":
            print(f"FAILED {result.name}")
    count = {state: sum(r.state == state for r in found) for state in ("pass", "fail", "skip")}
    print(f"{count['pass']} passed, {count['fail']} failed, {count['skip']} skipped")
    return 1 if count["fail"] or not count["pass"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
