# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""CPM pager-mode messages."""

import itertools
import uuid

PAGER_ICSI = "urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"
PAGER_TAG = f'+g.3gpp.icsi-ref="{PAGER_ICSI}"'

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
