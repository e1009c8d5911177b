# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A plain socket for bytes that no phone would send."""

import socket
import uuid

from stack import host_port

from .sip import SipMessage


def exchange(sip, data, *, transport="udp", timeout_s=3):
    """Sends data and returns the first final reply, or None when there is none in time. {via} and {id} in data are filled in."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as s:
        s.settimeout(timeout_s)
        s.connect(host_port(sip))
        call = uuid.uuid4().hex
        via = f"SIP/2.0/{transport.upper()} {'%s:%d' % s.getsockname()};branch=z9hG4bK{call}"
        s.sendall(data.replace(b"{via}", via.encode()).replace(b"{id}", call.encode()))
        received = b""
        while True:
            try:
                piece = s.recv(65536)
            except OSError:
                return None
            if not piece:
                return None
            received = piece if transport == "udp" else received + piece
            while b"\r\n\r\n" in received:
                reply = SipMessage(received)
                if reply.is_reply and reply.status >= 200:
                    return reply
                received = received.partition(b"\r\n\r\n")[2]


def request(method, uri, headers=(), body=b"", *, content_length=None):
    """Bytes of a request with the usual headers; exchange() fills in Via and Call-ID."""
    lines = [f"{method} {uri} SIP/2.0", "Via: {via}", "Max-Forwards: 70", "Call-ID: {id}", f"CSeq: 1 {method}"]
    given = {name.lower() for name, _ in headers}
    if "from" not in given:
        lines.append("From: <sip:alice@cpm.test>;tag={id}")
    if "to" not in given:
        lines.append(f"To: <{uri}>")
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append(f"Content-Length: {len(body) if content_length is None else content_length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + body
