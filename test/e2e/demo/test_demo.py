# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""`make demo`: every step does what it says, the exit status tells the truth, and nothing is left running."""

import os
import re
import subprocess
import sys
import tempfile
import uuid

import pytest
from stack import TOP

DEMO = TOP / "test" / "demo" / "demo.py"


def play(folder, **environ):
    """The demo's end, and the ids of processes that it has left behind."""
    mark = f"CPM_DEMO_MARK={uuid.uuid4().hex}"
    name, _, value = mark.partition("=")
    done = subprocess.run(
        [sys.executable, "-B", str(DEMO)], env={**os.environ, "TMPDIR": str(folder), name: value, **environ},
        capture_output=True, text=True, timeout=180, check=False,
    )
    return done, [pid for pid in os.listdir("/proc") if pid.isdigit() and mark.encode() in environment(pid)]


@pytest.fixture
def tmp_folder():
    with tempfile.TemporaryDirectory(prefix="cpm-demo-test-") as folder:
        yield folder


def environment(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return f.read().split(b"\0")
    except OSError:
        return []


def test_the_main_job_is_shown(tmp_folder):
    done, left = play(tmp_folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert left == [] and os.listdir(tmp_folder) == []
    steps = re.split(r"^\d+\. ", done.stdout, flags=re.M)[1:]
    shown = [re.findall(r"\| SIP/2\.0 (\d+)", step) for step in steps]
    # Alice's message waits, Mallory's is refused, do-not-disturb keeps one, the message store takes one.
    assert [s for s in shown if s] == [["200"], ["202"], ["403"], ["202"], ["200"]]
    assert '"122 Function not allowed"' in done.stdout and "WRONG" not in done.stdout
    assert done.stdout.rstrip().endswith("nothing is left running.")


def test_a_demo_that_fails_says_so(tmp_folder):
    """The module is another one; and nothing is left running all the same."""
    done, left = play(tmp_folder, CPM_MODULE="/nonexistent/cpm_pf.so")
    assert done.returncode == 1 and "The demo failed" in done.stderr
    assert left == []
