# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Disposition notifications as senders get them (RFC 5438)."""

import xml.etree.ElementTree as ET

IMDN = "{urn:ietf:params:xml:ns:imdn}"


class Imdn:
    """What a MESSAGE reports: message_id of the reported message, kind ("delivery", ...), status ("failed", ...)."""

    def __init__(self, request):
        self.request = request
        head, _, rest = request.body.partition(b"\r\n\r\n")
        self.content_headers, _, content = rest.partition(b"\r\n\r\n")
        self.headers = [line.partition(": ")[::2] for line in head.decode().split("\r\n")]
        root = ET.fromstring(content)
        assert root.tag == IMDN + "imdn"
        self.message_id = root.findtext(IMDN + "message-id")
        self.datetime = root.findtext(IMDN + "datetime")
        self.recipient = root.findtext(IMDN + "recipient-uri")
        notification = next(child for child in root if child.tag.endswith("-notification"))
        self.kind = notification.tag[len(IMDN) : -len("-notification")]
        self.status = notification.find(IMDN + "status")[0].tag[len(IMDN) :]

    def header(self, name):
        return next((value for n, value in self.headers if n == name), None)


def is_imdn(request):
    return request.method == "MESSAGE" and b"message/imdn+xml" in request.body


def reports(phone):
    """The IMDNs that a phone has received."""
    return [Imdn(r) for r in phone.received() if is_imdn(r)]


def report_names(phone):
    """(reported message id, status) of each, sorted."""
    return sorted((r.message_id, r.status) for r in reports(phone))
