# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""CPM pager-mode messages."""

import itertools
import uuid

PAGER_ICSI = "urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"
PAGER_TAG = f'+g.3gpp.icsi-ref="{PAGER_ICSI}"'

DEFERRED_TAG = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.deferred"'
SYSTEM_TAG = "+g.oma.cpm.system-message"

_ids = itertools.count(1)


def new_id(prefix="msg"):
    return f"{prefix}-{next(_ids)}-{uuid.uuid4().hex[:8]}"


def cpim(text, sender, recipient, *, imdn_id=None, disposition="positive-delivery, display", extra=()):
    """A CPIM message as bytes. extra: further CPIM header lines."""
    lines = [
        f"From: <{sender}>", f"To: <{recipient}>", "DateTime: 2030-01-01T10:00:00Z", "NS: imdn <urn:ietf:params:imdn>",
        f"imdn.Message-ID: {imdn_id or new_id()}",
    ]
    if disposition:
        lines.append(f"imdn.Disposition-Notification: {disposition}")
    content = text if isinstance(text, bytes) else text.encode()
    head = "\r\n".join([*lines, *extra, "", "Content-Type: text/plain;charset=UTF-8", "", ""])
    return head.encode() + content


def orders(*entries, nested=False):
    """A recipient list of orders as bytes: pairs (message-URI-ID, action); action None says none."""
    inner = "".join(f'<entry uri="{uri}{f";cpm_action={action}" if action else ""}"/>' for uri, action in entries)
    inner = f"<list>{inner}</list>" if nested else inner
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">'
        f"<list>{inner}</list></resource-lists>\n"
    ).encode()


def sdp(port=7654):
    """An offer of one MSRP stream."""
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=message {port} TCP/MSRP *\r\na=path:msrp://127.0.0.1:{port}/abcdefghij;tcp\r\na=accept-types:message/cpim\r\n"
    ).encode()


def multipart(*parts, boundary="boundary1"):
    """A multipart/mixed body of (content type, further header lines, body)."""
    pieces = [
        b"\r\n".join([b"--" + boundary.encode(), f"Content-Type: {kind}".encode(), *(line.encode() for line in lines), b"", body])
        for kind, lines, body in parts
    ]
    return b"\r\n".join(pieces) + b"\r\n--" + boundary.encode() + b"--\r\n"


def pager_headers(sender, *, content_type="message/cpim", asserted=True, extra=()):
    """Header lines of a pager MESSAGE. asserted: P-Asserted-Identity is the sender's; or a value of its own, or False."""
    headers = [
        ("Accept-Contact", f"*;{PAGER_TAG}"),
        ("User-Agent", "CPM-client/OMA1.0"),
        ("Conversation-ID", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ("Contribution-ID", "abcdef-1234-5678-90ab-cdef01234567"),
    ]
    if asserted:
        headers.append(("P-Asserted-Identity", f"<{sender}>" if asserted is True else asserted))
    given = {name.lower() for name, _ in extra}
    headers = [(n, v) for n, v in headers if n.lower() not in given] + list(extra)
    return headers + ([("Content-Type", content_type)] if content_type else [])
