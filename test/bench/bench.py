#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""cpm_pf against the alternatives, in one run on one machine. README.md says how, and what each figure is."""

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from figures import Record
from rig import Rig
from sections import SECTIONS


def chosen(words):
    """The sections named in a list with commas or blanks; all without."""
    names = words.replace(",", " ").split()
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        sys.exit(f"bench: there is no section {unknown[0]}: they are {' '.join(SECTIONS)}")
    return {name: module for name, module in SECTIONS.items() if not names or name in names}


def run_section(name, module, rig):
    """What goes wrong is the reason why figures of the section are missing."""
    print(f"bench: {name} ...", file=sys.stderr, flush=True)
    try:
        module.run(rig)
    except Exception as e:  # pylint: disable=broad-except
        if os.environ.get("BENCH_TRACE"):
            traceback.print_exc()
        rig.record.missing(name, str(e) or type(e).__name__)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, help="folder of load, phone, policy and bare_redis")
    parser.add_argument("--module", required=True, help="cpm_pf.so")
    parser.add_argument("--out", default="bench.json")
    options = parser.parse_args()
    only = os.environ.get("BENCH_ONLY", "")
    sections = chosen(only)
    quick = os.environ.get("BENCH_QUICK", "0") not in ("", "0")
    rounds = int(os.environ.get("BENCH_ROUNDS") or (2 if quick else 5))

    # /var/tmp is on a disk where /tmp may be in memory: fsync must mean something.
    folder = tempfile.mkdtemp(prefix="cpm-bench-", dir=os.environ.get("BENCH_DIR", "/var/tmp"))
    record = Record({name: module.FIGURES for name, module in sections.items()})
    rig = Rig(options.programs, options.module, folder, record, quick, rounds)
    began = time.monotonic()
    try:
        for name, module in sections.items():
            run_section(name, module, rig)
    finally:
        rig.stop()
        if os.environ.get("BENCH_KEEP"):
            print(f"bench: kept {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    record.write(Path(options.out), keep_others=bool(only))
    record.print_table(os.path.dirname(folder), time.monotonic() - began)
    return 0 if record.complete() else 1


if __name__ == "__main__":
    sys.exit(main())
