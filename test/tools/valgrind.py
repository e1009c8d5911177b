#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""valgrind.py [TEST...]: runs these or a choice of end-to-end tests with Kamailio under valgrind, and fails when valgrind blames cpm_pf.

Kamailio's own allocator hides overruns inside its pools; the unit tests under valgrind and the sanitizers look there."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

E2E = Path(__file__).resolve().parents[1] / "e2e"
TESTS = ["dialog", "manage", "subscribe", "changes", "notify", "blocked", "do_not_disturb", "delivery", "interwork", "operators", "malformed",
         "events", "session/test_session.py", "session/test_session_interwork.py", "session_bridge/test_session_bridge.py",
          "large/test_large_receive.py", "large/test_large_push.py", "message_store", "history", "session_record", "reports/test_reports.py", "expiry/test_expiry.py", "expiry/test_expiry_script.py"]


def blamed(log):
    """The reports of a valgrind log that name a function of the module."""
    reports = re.split(r"(?m)^==\d+== *\n", log.read_text(encoding="utf-8", errors="replace"))
    return [r for r in reports if "cpm_pf.so" in r or "modules/cpm_pf/" in r]


def main(tests):
    with tempfile.TemporaryDirectory(prefix="cpm-valgrind-") as folder:
        # Which bytes of the shared memory are defined no process can know alone: another one wrote them.
        wrap = f"valgrind -q --undef-value-errors=no --fullpath-after= --trace-children=yes --child-silent-after-fork=no --log-file={folder}/%p.log"
        done = subprocess.run(
            [sys.executable, "-B", "-m", "pytest", "-q", "-n", "2", *(tests or TESTS)], cwd=E2E, env={**os.environ, "CPM_WRAP": wrap}, check=False
        )
        found = [r for log in sorted(Path(folder).glob("*.log")) for r in blamed(log)]
    for report in found:
        print(report)
    print(f"valgrind blames cpm_pf {len(found)} times")
    return 1 if found or done.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
