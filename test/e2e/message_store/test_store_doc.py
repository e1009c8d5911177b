# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""doc/operations.md, "Message store" and "Try the message store by hand", typed as they stand."""

import os
import re
import subprocess

import pytest
from lib.imdn import report_names
from lib.mailbox import Mailbox
from stack import TOP, program

BOB = "sip:bob@cpm.test"
STACK = {"imap": True}


def blocks(section):
    text = (TOP / "doc/operations.md").read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)


def shell(stack, text):
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text.replace("kamcmd", program("kamcmd")).replace("doveadm", program("doveadm")).replace("sipp -sf", f"{program('sipp')} -sf")],
        cwd=TOP, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **stack.env, "TMPDIR": str(stack.dir)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.clause("PM-4c1", "PM-4c2", "PM-4c3", "PM-4c4")
def test_by_hand(scene, stack):
    said = shell(stack, "\n".join(blocks("Try the message store by hand")))
    assert said.count("SIP/2.0 200 OK") == 2
    assert re.search(r"\* 1 FETCH \(UID 1 FLAGS \((\\Recent)?\)\)", said)
    for line in ("Subject: Lunch", "IMDN-Message-ID: s1", "imdn.Disposition-Notification: display", "Lunch now?", "total: 1", "stored: 1"):
        assert line in said, line
    assert said.count("SIP/2.0 202 Accepted") == 1 and "state: store" in said and "reason=quota" in said
    assert "message_store: connected" in said and "duplicates: 1" in said
    first, second = Mailbox(stack, BOB).objects()
    assert first.flags == ["\\Seen"] and second.flags == []
    phone = scene.phone("sip:alice@cpm.test")
    phone.wait_received(2)
    assert report_names(phone) == [("s1", "delivered"), ("s2", "delivered")]
    # The commands of the section before, on what is there now.
    said = shell(stack, next(block for block in blocks("Message store") if block.startswith(". run/env")).partition("\n")[2])
    assert "Default/sip:alice@cpm.test" in said and "Subject: Lunch" in said
