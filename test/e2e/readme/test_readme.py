# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""README's "Play with it", typed as it stands."""

import os
import re
import subprocess

from ports import free_port
from stack import TOP

# The stack is the test's own.
NOT_TYPED = ("make up", ". run/env", "make down")


def commands(section):
    """The lines of the section's code blocks."""
    text = (TOP / "README.md").read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = "\n".join(re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)).splitlines()
    return "\n".join(line for line in lines if line not in NOT_TYPED) + "\n"


def test_play_with_it(stack):
    text = commands("Play with it").replace("25060", str(free_port()))
    assert "sipsak" in text
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text], cwd=TOP, capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, **stack.env, "TMPDIR": str(stack.dir)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "action: reject" in done.stdout, "explained: mallory may not"
    assert "SIP/2.0 202 Accepted" in done.stdout
    assert "total: 1" in done.stdout, "the message waits"
    received = done.stdout.rpartition("MESSAGE sip:bob@127.0.0.1")[2]
    assert "Lunch at noon?" in received, "the phone got it"
