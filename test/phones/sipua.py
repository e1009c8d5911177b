# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A small SIP user agent over UDP, for sessions that SIPp cannot drive: INVITE both ways, with SDP of the caller's making."""

import re
import secrets
import socket
import threading


class SipError(Exception):
    """No answer, or one that was not expected."""


class Sip:
    """A request or reply as text: start line, headers in order, body."""

    def __init__(self, data):
        head, _, self.body = data.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.start_line = lines[0]
        self.headers = [(n.strip(), v.strip()) for n, _, v in (line.partition(":") for line in lines[1:])]

    def get(self, name, default=None):
        return next((v for n, v in self.headers if n.lower() == name.lower()), default)

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    @property
    def status(self):
        return int(self.start_line.split()[1]) if self.start_line.startswith("SIP/2.0") else None

    @property
    def method(self):
        return None if self.status else self.start_line.split()[0]

    @property
    def uri(self):
        return self.start_line.split()[1]

    def attribute(self, name):
        """Value of an SDP attribute of the body, "" for one without, None when it is not there."""
        found = re.search(rf"^a={name}(?::(.*?))?\r?$", self.body, re.MULTILINE)
        return found and (found.group(1) or "")

    def __repr__(self):
        return f"<{self.start_line}>"


def tag_of(value):
    found = re.search(r";tag=([^;\s]+)", value)
    return found and found.group(1)


def sdp(path, *, host="127.0.0.1", port=9, direction="sendrecv", setup=None, size=None, tls=False, types="message/cpim", extra=()):
    family = "IP6" if ":" in host else "IP4"
    lines = ["v=0", f"o=- 1 1 IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0",
             f"m=message {port} {'TCP/TLS/MSRP' if tls else 'TCP/MSRP'} *", f"a=accept-types:{types}", f"a=path:{path}", f"a={direction}"]
    lines += [f"a=setup:{setup}"] if setup else []
    lines += [f"a=file-selector:size:{size}"] if size is not None else []
    return "\r\n".join([*lines, *extra, ""])


class SipAgent:
    """One agent of one user. Requests that come are kept; INVITEs are answered by on_invite(request) -> (status, sdp, headers), MESSAGE,
    BYE and the methods of also by 200."""

    def __init__(self, aor, server, *, on_invite=None, answer_bye=True, port=0, also=()):
        self.also = also
        self.aor, self.server, self.on_invite, self.answer_bye = aor, server, on_invite, answer_bye
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.address = "%s:%d" % self.socket.getsockname()
        host, _, port = server.rpartition(":")
        self.target = (host, int(port))
        self.requests, self.replies, self.tags = [], {}, {}
        self._news = threading.Condition()
        self._closed = False
        # A thread that waits in recv for ever would keep the port after close().
        self.socket.settimeout(0.1)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self):
        self._closed = True
        self._thread.join()
        self.socket.close()

    def _read(self):
        while not self._closed:
            try:
                data, source = self.socket.recvfrom(65535)
            except TimeoutError:
                continue
            except OSError:
                return
            if len(data) > 8:
                self._take(Sip(data), source)

    def _take(self, message, source):
        branch = re.search(r"branch=([^;,\s]+)", message.get("Via", ""))
        key = branch.group(1) if branch else None
        with self._news:
            if message.status:
                self.replies.setdefault(key, []).append(message)
                self._news.notify_all()
                return
            known = any(key == k and r.method == message.method for k, r, _ in self.requests)
            self.requests.append((key, message, known))
            self._news.notify_all()
        if message.method == "INVITE":
            self._answer_invite(message, source, known)
        elif message.method == "CANCEL":
            self.reply(message, source, 200)
            invite = next((r for k, r, _ in self.requests if k == key and r.method == "INVITE"), None)
            if invite and not known:
                self.reply(invite, source, 487)
        elif message.method == "MESSAGE" or message.method in self.also or (message.method == "BYE" and self.answer_bye):
            self.reply(message, source, 200)

    def _answer_invite(self, message, source, known):
        if known or not self.on_invite:
            return
        status, body, headers = self.on_invite(message)
        if status:
            self.reply(message, source, status, body, headers)

    def reply(self, request, source, status, body="", headers=()):
        to = request.get("To")
        if not tag_of(to):
            to += ";tag=" + self.tags.setdefault(request.get("Call-ID"), secrets.token_hex(6))
        contact = [] if any(h.startswith("Contact:") for h in headers) else [f"Contact: <sip:ua@{self.address}>"]
        lines = [f"SIP/2.0 {status} {'OK' if status == 200 else 'Because'}", *(f"Via: {v}" for v in request.all("Via")),
                 *(f"Record-Route: {v}" for v in request.all("Record-Route")), f"From: {request.get('From')}", f"To: {to}",
                 f"Call-ID: {request.get('Call-ID')}", f"CSeq: {request.get('CSeq')}", *contact, *headers]
        self._send(lines, body, source)

    def _send(self, lines, body, target=None):
        if body:
            lines = [*lines, "Content-Type: application/sdp"] if not any(x.startswith("Content-Type") for x in lines) else lines
        data = body if isinstance(body, bytes) else body.encode()
        lines = [*lines, f"Content-Length: {len(data)}", "", ""]
        try:
            self.socket.sendto("\r\n".join(lines).encode() + data, target or self.target)
        except OSError:
            if not self._closed:
                raise

    def request(
        self, method, uri, *, to=None, headers=(), body="", call_id=None, cseq=1, to_tag=None, from_tag=None, branch=None, timeout_s=10,
        wait=True, target=None,
    ):
        """Sends a request, repeats it as UDP wants, and returns the final reply."""
        branch = branch or "z9hG4bK" + secrets.token_hex(8)
        lines = [f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/UDP {self.address};branch={branch};rport", "Max-Forwards: 70",
                 f"From: <{self.aor}>;tag={from_tag or secrets.token_hex(6)}", f"To: <{to or uri}>" + (f";tag={to_tag}" if to_tag else ""),
                 f"Call-ID: {call_id or secrets.token_hex(12)}", f"CSeq: {cseq} {method}", f"Contact: <sip:ua@{self.address}>", *headers]
        for _ in range(1 if method == "ACK" or not wait else 8):
            self._send(lines, body, target)
            if not wait or method == "ACK":
                return branch
            with self._news:
                if self._news.wait_for(lambda: any(r.status >= 200 for r in self.replies.get(branch, [])), timeout_s / 8):
                    return next(r for r in self.replies[branch] if r.status >= 200)
        raise SipError(f"no final reply to {method}: {self.replies.get(branch)}")

    def register(self, *, expires=600, tags="", instance=None, path=None):
        extra = (f';+sip.instance="<{instance}>"' if instance else "") + (f";{tags}" if tags else "")
        domain = self.aor.partition("@")[2]
        lines = [f"REGISTER sip:{domain} SIP/2.0", f"Via: SIP/2.0/UDP {self.address};branch=z9hG4bK{secrets.token_hex(8)};rport",
                 "Max-Forwards: 70", f"From: <{self.aor}>;tag={secrets.token_hex(6)}", f"To: <{self.aor}>",
                 f"Call-ID: {secrets.token_hex(12)}", "CSeq: 1 REGISTER",
                 f"Contact: <sip:ua@{self.address}>{extra}", f"Expires: {expires}", "Supported: gruu, path"]
        lines += [f"Path: <{path}>"] if path else []
        branch = re.search(r"branch=([^;]+)", lines[1]).group(1)
        self._send(lines, "")
        with self._news:
            if not self._news.wait_for(lambda: self.replies.get(branch), 10):
                raise SipError("no reply to REGISTER")
        return self.replies[branch][-1]

    def wait_request(self, method, count=1, timeout_s=10):
        """The count-th request of a method, repetitions left out."""
        def found():
            return [r for _, r, known in self.requests if r.method == method and not known]

        with self._news:
            if not self._news.wait_for(lambda: len(found()) >= count, timeout_s):
                raise SipError(f"{method} number {count} did not come; heard {[r for _, r, _ in self.requests]}")
            return found()[count - 1]


def routes(message, *, reverse=False):
    """The route set that Record-Route says, as Route header lines: for the callee in order, for the caller reversed."""
    found = [route.strip() for value in message.all("Record-Route") for route in value.split(",")]
    return [f"Route: {route}" for route in (reversed(found) if reverse else found)]


class Call:
    """An INVITE of ours and its dialog."""

    def __init__(self, agent, uri, body, *, headers=(), to=None, timeout_s=10, ack=""):
        self.agent, self.uri, self.call_id, self.from_tag = agent, uri, secrets.token_hex(12), secrets.token_hex(6)
        self.cseq, self.to = 1, to or uri
        self.reply = agent.request(
            "INVITE", uri, to=to, headers=headers, body=body, call_id=self.call_id, from_tag=self.from_tag, timeout_s=timeout_s
        )
        self.to_tag = tag_of(self.reply.get("To", "")) if self.reply.status else None
        contact = re.search(r"<(sip:[^>]+)>", self.reply.get("Contact", ""))
        self.target = contact.group(1) if contact else uri
        self.routes = routes(self.reply, reverse=True)
        if self.reply.status == 200:
            self.within("ACK", wait=False, body=ack)
        elif self.reply.status >= 300:
            via = None
            self.agent.request("ACK", uri, to=to, call_id=self.call_id, from_tag=self.from_tag, to_tag=self.to_tag,
                               branch=re.search(r"branch=([^;,\s]+)", self.reply.get("Via")).group(1), wait=False, target=via)

    @property
    def status(self):
        return self.reply.status

    def within(self, method, *, headers=(), **options):
        """A request in the dialog; its final reply. An ACK is for the last INVITE."""
        if method != "ACK":
            self.cseq += 1
        return self.agent.request(
            method, self.target, to=self.to, call_id=self.call_id, from_tag=self.from_tag, to_tag=self.to_tag, cseq=self.cseq,
            headers=[*self.routes, *headers], **options,
        )

    def bye(self):
        return self.within("BYE").status
