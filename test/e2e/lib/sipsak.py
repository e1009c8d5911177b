# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""sipsak, the quick check from a shell: it sends the text that it is given and says what was answered."""

import subprocess

from stack import program

from .phones import Reply
from .sip import SipMessage


def request_text(method, uri, *, from_, to, call_id, headers=(), body=""):
    """A request as one would type it. sipsak adds the Via, turns LF into CRLF and ends the text with a line end, which the length counts."""
    lines = [
        f"{method} {uri} SIP/2.0", "Max-Forwards: 70", f"From: <{from_}>;tag=1", f"To: <{to}>", f"Call-ID: {call_id}", f"CSeq: 1 {method}",
        *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body.encode()) + 2 if body else 0}", "", body,
    ]
    return "\n".join(lines) + ("\n" if body else "")


def run(sip, text):
    """Sends the text to host:port. (exit status, the answer or None): 0 is for 2xx, 1 for another answer."""
    argv = [program("sipsak"), "-v", "-s", f"sip:{sip}", "-f", "-"]
    done = subprocess.run(argv, input=text.encode(), capture_output=True, timeout=60, check=False)
    begin = done.stdout.find(b"SIP/2.0 ")
    if begin < 0:
        return done.returncode, None
    # What is printed has line ends of both kinds, and blank lines behind it.
    lines = done.stdout[begin:].replace(b"\r\n", b"\n").rstrip().split(b"\n")
    return done.returncode, SipMessage(b"\r\n".join(lines) + b"\r\n\r\n")


def send(sip, text):
    """The Reply to a request."""
    return Reply(SipMessage(text.replace("\n", "\r\n").encode()), run(sip, text)[1])
