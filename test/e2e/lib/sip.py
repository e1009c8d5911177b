# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""SIP messages as the phones saw them."""

import re

COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "c": "content-type", "l": "content-length",
    "k": "supported", "s": "subject", "a": "accept-contact", "j": "reject-contact", "d": "request-disposition", "e": "content-encoding",
}


class SipMessage:
    """A request or a reply: start line, headers in order, body bytes. time: seconds since the epoch, or None."""

    def __init__(self, data, time=None):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = re.sub(rb"\r\n[ \t]+", b" ", head).decode("utf-8", "surrogateescape").split("\r\n")
        self.raw, self.time, self.start_line = data, time, lines[0]
        self.headers = [(n.strip(), v.strip()) for n, _, v in (line.partition(":") for line in lines[1:])]

    @property
    def is_reply(self):
        return self.start_line.startswith("SIP/2.0 ")

    @property
    def status(self):
        return int(self.start_line.split()[1]) if self.is_reply else None

    @property
    def method(self):
        return self.all("CSeq")[0].split()[1] if self.is_reply else self.start_line.split()[0]

    @property
    def uri(self):
        """The Request-URI."""
        return self.start_line.split()[1]

    def all(self, name):
        """Every value of a header, in order."""
        name = name.lower()
        return [v for n, v in self.headers if COMPACT.get(n.lower(), n.lower()) == name]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    @property
    def transaction(self):
        """The same for a request and its retransmissions."""
        branch = re.search(r"branch=([^;,\s]+)", self.get("Via", ""))
        return self.get("Call-ID"), self.get("CSeq"), branch and branch.group(1)

    @property
    def imdn_id(self):
        """The imdn.Message-ID of a CPIM body."""
        found = re.search(rb"^imdn\.Message-ID: *([^\r\n]+)", self.body, re.MULTILINE)
        return found and found.group(1).decode()

    def __repr__(self):
        return f"<{self.start_line}>"


_SECTION = re.compile(
    rb"^-{40,} (\d{4}-\d\d-\d\d)[T \t](\d\d:\d\d:\d\d\.\d+)\r?\n(?:UDP|TCP|TLS) message (received|sent) [\[(](\d+)[\])]? ?bytes\)? ?:\r?\n\r?\n",
    re.MULTILINE,
)


def parse_trace(data):
    """The messages of a SIPp trace_msg log: (direction, SipMessage) in order. A message still being written is left for the next time."""
    import datetime

    messages = []
    for match in _SECTION.finditer(data):
        begin, length = match.end(), int(match.group(4))
        if len(data) < begin + length:
            break
        stamp = f"{match.group(1).decode()}T{match.group(2).decode()}"
        when = datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f").timestamp()
        messages.append((match.group(3).decode(), SipMessage(data[begin : begin + length], when)))
    return messages
