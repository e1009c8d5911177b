# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Plain sockets: for bytes that no phone would send, and for dialogs that go as no phone would let them."""

import hashlib
import re
import socket
import time
import uuid

from stack import host_port

from .sip import SipMessage


def exchange(sip, data, *, transport="udp", timeout_s=3, source="127.0.0.1"):
    """Sends data and returns the first final reply, or None when there is none in time. {via} and {id} in data are filled in."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as s:
        s.settimeout(timeout_s)
        s.bind((source, 0))
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


class Peer:
    """One end of a dialog over UDP, step by step: each request is sent and each message taken by the test."""

    def __init__(self, sip, aor, target, *, source="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.connect(host_port(sip))
        self.address = "%s:%d" % self.socket.getsockname()
        self.aor, self.target, self.remote = aor, target, target
        self.call_id, self.tag, self.to_tag, self.cseq = uuid.uuid4().hex, uuid.uuid4().hex[:8], "", 0
        self.contact, self.asserted = f"<sip:peer@{self.address}>", True
        self.kept = []

    def close(self):
        self.socket.close()

    def send(self, method, headers=(), body=b"", *, cseq=None, branch=None, to_tag=None, uri=None):
        """A request of this call; the next CSeq unless given. Returns its branch."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or f"z9hG4bK{uuid.uuid4().hex}"
        to_tag = self.to_tag if to_tag is None else to_tag
        lines = [
            f"{method} {uri or self.remote} SIP/2.0", f"Via: SIP/2.0/UDP {self.address};branch={branch}", "Max-Forwards: 70",
            f"From: <{self.aor}>;tag={self.tag}", f"To: <{self.target}>" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: {self.call_id}", f"CSeq: {cseq} {method}", f"Contact: {self.contact}",
            *([f"P-Asserted-Identity: <{self.aor}>"] if self.asserted else []), *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body)}",
        ]
        self.socket.send(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        return branch

    def receive(self, wanted, timeout_s=5):
        """The next message for which wanted(message) is true, others are kept for later calls; None when there is none in time."""
        for message in self.kept:
            if wanted(message):
                self.kept.remove(message)
                return message
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                message = SipMessage(self.socket.recv(65536))
            except OSError:
                return None
            if wanted(message):
                return message
            self.kept.append(message)
        return None

    def final(self, method, timeout_s=5):
        """The final reply to a request of this method; a 2xx to an INVITE gives the dialog its To tag and target."""
        reply = self.receive(lambda m: m.is_reply and m.method == method and m.status >= 200, timeout_s)
        if reply and method == "INVITE" and reply.status < 300:
            self.to_tag = reply.get("To").partition("tag=")[2]
            self.remote = reply.get("Contact").partition("<")[2].partition(">")[0]
        return reply

    def request(self, method, timeout_s=5):
        """The next request of this method."""
        return self.receive(lambda m: not m.is_reply and m.method == method, timeout_s)

    def authorization(self, challenge, method, user, password):
        """The header that answers a digest challenge (RFC 2617 without qop)."""
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge.get("WWW-Authenticate") or challenge.get("Proxy-Authenticate")))

        def digest(text):
            return hashlib.md5(text.encode()).hexdigest()

        secret = digest(f"{user}:{fields['realm']}:{password}")
        response = digest(f"{secret}:{fields['nonce']}:{digest(f'{method}:{self.target}')}")
        name = "Authorization" if challenge.status == 401 else "Proxy-Authorization"
        return name, f'Digest username="{user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{self.target}", response="{response}"'

    def answer(self, request, status=200, reason="OK"):
        kept = ["Via", "From", "To", "Call-ID", "CSeq"]
        lines = [f"SIP/2.0 {status} {reason}", *(f"{n}: {v}" for n in kept for v in request.all(n)), "Content-Length: 0"]
        self.socket.send(("\r\n".join(lines) + "\r\n\r\n").encode())
