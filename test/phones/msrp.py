# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""An MSRP peer for tests, written from RFC 4975 alone: it shares no code with the module.

It connects or listens, or is reached through a relay (RFC 4976), sends messages in chunks of the caller's choice (order, ranges, flags, stalls, aborts), answers
what it receives as told, and writes everything that crossed its socket down, also as a pcap file for other dissectors."""

import collections
import re
import secrets
import select
import socket
import ssl
import struct
import threading
import time

CRLF = b"\r\n"
_START = re.compile(rb"MSRP ([A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}) (?:([A-Z]+)|(\d{3})(?: ([^\r\n]*))?)$")


class MsrpError(Exception):
    """The other side does not speak MSRP, or does not answer."""


def token():
    return secrets.token_hex(10)


def _wait_for(connection, event):
    """A moment; select() cannot, once so many descriptors are open."""
    poll = select.poll()
    poll.register(connection, event)
    poll.poll(50)


class Frame:
    """A request or a response: tid, method or status, headers (in order), body (None: none), flag."""

    def __init__(self, tid, *, method=None, status=None, headers=(), body=None, flag="$"):
        self.tid, self.method, self.status, self.headers, self.body, self.flag = tid, method, status, list(headers), body, flag

    def get(self, name, default=None):
        return next((v for n, v in self.headers if n.lower() == name.lower()), default)

    @property
    def range(self):
        """(first, last or None, total or None)"""
        first, last, total = re.fullmatch(r"(\d+)-(\d+|\*)/(\d+|\*)", self.get("Byte-Range")).groups()
        return int(first), None if last == "*" else int(last), None if total == "*" else int(total)

    def encode(self):
        start = f"MSRP {self.tid} {self.method or self.status}".encode()
        lines = [start, *(f"{n}: {v}".encode() for n, v in self.headers)]
        body = b"" if self.body is None else CRLF + self.body + CRLF
        return CRLF.join(lines) + CRLF + body + f"-------{self.tid}{self.flag}".encode() + CRLF

    def __repr__(self):
        size = "" if self.body is None else f" {len(self.body)} octets"
        return f"<MSRP {self.tid} {self.method or self.status}{size} {self.flag}>"


class Reader:
    """Takes octets and gives whole frames."""

    def __init__(self):
        self.data = b""

    def feed(self, data):
        self.data += data
        frames = []
        while True:
            frame = self._next()
            if frame is None:
                return frames
            frames.append(frame)

    def _next(self):
        line_end = self.data.find(CRLF)
        if line_end < 0:
            if self.data and not b"MSRP ".startswith(self.data[:5]):
                raise MsrpError(f"no MSRP: {self.data[:80]!r}")
            return None
        match = _START.match(self.data[:line_end])
        if not match:
            raise MsrpError(f"no start-line: {self.data[:line_end]!r}")
        tid = match.group(1)
        end = re.compile(rb"\r\n-------" + re.escape(tid) + rb"([$+#])\r\n").search(self.data, line_end)
        if not end:
            return None
        head, blank, body = self.data[line_end + 2 : end.start() + 2].partition(CRLF + CRLF)
        if self.data[line_end + 2 : line_end + 4] == CRLF:
            head, blank, body = b"", CRLF, self.data[line_end + 4 : end.start() + 2]
        headers = [tuple(line.decode().split(": ", 1)) for line in head.split(CRLF) if line]
        raw, self.data = self.data[: end.end()], self.data[end.end() :]
        frame = Frame(
            tid.decode(), method=match.group(2) and match.group(2).decode(), status=match.group(3) and int(match.group(3)),
            headers=headers, body=body[:-2] if blank else None, flag=end.group(1).decode(),
        )
        frame.raw = raw
        return frame


class Message:
    """What was put together from the chunks of one Message-ID."""

    def __init__(self, message_id):
        self.message_id, self.chunks, self.body, self.complete, self.aborted = message_id, [], bytearray(), False, False

    def add(self, frame):
        self.chunks.append(frame)
        first = frame.range[0] if frame.get("Byte-Range") else 1
        data = frame.body or b""
        if len(self.body) < first - 1:
            raise MsrpError(f"a hole: {first} follows {len(self.body)} octets")
        self.body[first - 1 : first - 1 + len(data)] = data
        self.complete |= frame.flag == "$"
        self.aborted |= frame.flag == "#"


class MsrpPeer:
    """One session. answer(frame) says the status for a SEND with a body (200), or None for no response at all."""

    def __init__(self, *, host="127.0.0.1", tls=False, certificate=None, answer=None, report=True, read_bytes=65536):
        self.host, self.tls, self.certificate, self.report, self.read_bytes = host, tls, certificate, report, read_bytes
        self.answer = answer or (lambda frame: 200)
        self.session, self.peer_path, self.relay = token(), None, ""
        self.listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind((host, 0))
        self.listener.listen(4)
        self.port = self.listener.getsockname()[1]
        self.socket, self.error, self.closed = None, None, False
        self.frames, self.responses, self.reports, self.messages, self.wire = [], {}, [], {}, []
        self.reading = threading.Event()
        self.reading.set()
        self._news, self._writing, self._later = threading.Condition(), threading.Lock(), collections.deque()

    @property
    def path(self):
        """For a=path: our URI, the relay's before it."""
        return f"{self.relay} {self.uri}".lstrip()

    @property
    def uri(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'msrps' if self.tls else 'msrp'}://{host}:{self.port}/{self.session};tcp"

    def _begin(self, connection, server_side):
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if self.certificate:
                context.load_cert_chain(self.certificate)
            connection = context.wrap_socket(connection, server_side=server_side)
        connection.settimeout(None)
        if self.tls:
            connection.setblocking(False)
        self.socket = connection
        threading.Thread(target=self._read, daemon=True).start()

    def _dial(self, path):
        host, port = re.match(r"msrps?://(?:[^@/]*@)?\[?([^\]/;]+?)\]?:(\d+)[/;]", path).groups()
        self._begin(socket.create_connection((host, int(port)), timeout=10), False)

    def authenticate(self, relay):
        """From now on behind this relay (a URI): AUTH to it, and its Use-Path goes before ours. What comes and goes does so over this
        connection."""
        self._dial(relay)
        frame = self.send_frame(Frame(token(), method="AUTH", headers=[("To-Path", relay), ("From-Path", self.uri)]))
        if self.wait_response(frame.tid) != 200:
            raise MsrpError(f"the relay answers AUTH with {self.responses[frame.tid]}")
        self.relay = self.responses[frame.tid].get("Use-Path")

    def connect(self, peer_path, *, greet=True):
        """We are active (RFC 6135): connects to the first URI of the path, or has the relay do so, and sends an empty SEND."""
        self.peer_path = f"{self.relay} {peer_path}".lstrip()
        if not self.relay:
            self._dial(peer_path)
        return self.greet() if greet else None

    def accept(self, peer_path, timeout_s=10):
        """We are passive: waits for the connection, which our relay takes for us if there is one."""
        self.peer_path = f"{self.relay} {peer_path}".lstrip()
        if self.relay:
            return
        self.listener.settimeout(timeout_s)
        connection, _ = self.listener.accept()
        self._begin(connection, True)

    def _read(self):
        reader = Reader()
        try:
            while True:
                self.reading.wait()
                data = self._receive()
                if not data:
                    break
                for frame in reader.feed(data):
                    self.wire.append((time.time(), False, frame.raw))
                    self._take(frame)
        except (OSError, MsrpError, ValueError) as e:
            self.error = e
        with self._news:
            self.closed = True
            self._news.notify_all()

    def _receive(self):
        """The next octets; b"" at the end. OpenSSL wants one thread at a time for one connection."""
        if not self.tls:
            return self.socket.recv(self.read_bytes)
        while True:
            try:
                with self._writing:
                    return self.socket.recv(self.read_bytes)
            except ssl.SSLWantReadError:
                _wait_for(self.socket, select.POLLIN)

    def _take(self, frame):
        with self._news:
            self.frames.append(frame)
            if frame.status:
                self.responses[frame.tid] = frame
            elif frame.method == "REPORT":
                self.reports.append(frame)
            elif frame.body is not None:
                message = self.messages.setdefault(frame.get("Message-ID"), Message(frame.get("Message-ID")))
                message.add(frame)
            self._news.notify_all()
        if frame.method and frame.method != "REPORT":
            self._respond(frame)

    def _respond(self, frame):
        status = 200 if frame.body is None else self.answer(frame)
        wish = frame.get("Failure-Report", "yes")
        if status and wish != "no" and (wish != "partial" or status != 200):
            self._write_soon(self.response(frame, status).encode())
        if status == 200 and frame.flag == "$" and frame.get("Success-Report") == "yes" and self.report:
            total = len(self.messages[frame.get("Message-ID")].body)
            self._write_soon(Frame(token(), method="REPORT", headers=[
                ("To-Path", frame.get("From-Path")), ("From-Path", self.uri), ("Message-ID", frame.get("Message-ID")),
                ("Byte-Range", f"1-{total}/{total}"), ("Status", "000 200 OK")]).encode())

    def response(self, frame, status):
        return Frame(frame.tid, status=status, headers=[("To-Path", frame.get("From-Path").split()[0]), ("From-Path", self.uri)])

    def write(self, data):
        with self._writing:
            self._write(data)
        self._write_later()

    def _write(self, data):
        self.wire.append((time.time(), True, data))
        while self.tls and data:
            try:
                data = data[self.socket.send(data) :]
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                _wait_for(self.socket, select.POLLOUT)
        if data:
            self.socket.sendall(data)

    def _write_soon(self, data):
        """At once, or behind the frame that is being written: who reads never waits for who writes."""
        self._later.append(data)
        self._write_later()

    def _write_later(self):
        while self._later and self._writing.acquire(blocking=False):
            try:
                while self._later:
                    self._write(self._later.popleft())
            finally:
                self._writing.release()

    def send_frame(self, frame):
        self.write(frame.encode())
        return frame

    def request(self, *, message_id=None, body=None, byte_range=None, flag="$", content_type="message/cpim", headers=(), tid=None,
                method="SEND"):
        """A SEND with our paths."""
        lines = [("To-Path", self.peer_path), ("From-Path", self.uri), ("Message-ID", message_id or token())]
        lines += [("Byte-Range", byte_range)] if byte_range else []
        lines += list(headers) + ([("Content-Type", content_type)] if body is not None and content_type else [])
        return Frame(tid or token(), method=method, headers=lines, body=body, flag=flag)

    def greet(self):
        """An empty SEND; its status."""
        return self.wait_response(self.send_frame(self.request(byte_range="1-0/0")).tid)

    def send(self, body, *, chunk=None, message_id=None, headers=(), order=None, totals=True, wait=True, timeout_s=30):
        """A whole message in chunks; the statuses of their responses in order of sending. order: a permutation of the chunks;
        totals: announce the total."""
        size, message_id = chunk or max(len(body), 1), message_id or token()
        starts = list(range(0, max(len(body), 1), size))
        total = len(body) if totals else "*"
        tids = []
        for start in order(starts) if order else starts:
            piece = body[start : start + size]
            last = "*" if len(piece) > 2048 else start + len(piece)
            flag = "$" if start + len(piece) == len(body) else "+"
            frame = self.request(
                message_id=message_id, body=piece, byte_range=f"{start + 1}-{last}/{total}", flag=flag, headers=headers
            )
            tids.append(self.send_frame(frame).tid)
        return [self.wait_response(tid, timeout_s) for tid in tids] if wait else tids

    def wait(self, condition, timeout_s=10, what="that"):
        with self._news:
            if not self._news.wait_for(lambda: condition() or self.closed, timeout_s) or not condition():
                raise MsrpError(f"{what} did not come{f', the connection ended: {self.error}' if self.closed else ''}; heard {self.frames}")

    def wait_response(self, tid, timeout_s=10):
        self.wait(lambda: tid in self.responses, timeout_s, f"the response to {tid}")
        return self.responses[tid].status

    def wait_report(self, timeout_s=10):
        self.wait(lambda: self.reports, timeout_s, "a REPORT")
        return self.reports[0]

    def wait_message(self, timeout_s=10):
        """The first message that is complete."""
        self.wait(lambda: any(m.complete for m in self.messages.values()), timeout_s, "a whole message")
        return next(m for m in self.messages.values() if m.complete)

    def wait_messages(self, count, timeout_s=10):
        """The bodies of the messages that are complete, in the order in which they began, once there are so many."""
        def complete():
            return [m for m in self.messages.values() if m.complete]

        self.wait(lambda: len(complete()) >= count, timeout_s, f"{count} whole messages")
        return [bytes(m.body) for m in complete()]

    def wait_closed(self, timeout_s=10):
        with self._news:
            if not self._news.wait_for(lambda: self.closed, timeout_s):
                raise MsrpError("the connection is still open")

    def stall(self):
        """Reads no more, until go_on."""
        self.reading.clear()

    def go_on(self):
        self.reading.set()

    def close(self, *, reset=False):
        self.go_on()
        self.listener.close()
        if self.socket:
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                try:
                    self.socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.socket.close()

    def write_pcap(self, path):
        """What crossed the socket as a TCP connection from 192.0.2.1 (us) to 192.0.2.2, one packet a frame up to 60,000 octets."""
        write_pcap(path, self.wire)


def _packet(sent, sequence, acknowledged, data):
    source, target = (b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02") if sent else (b"\xc0\x00\x02\x02", b"\xc0\x00\x02\x01")
    ports = (2855, 12855) if sent else (12855, 2855)
    tcp = struct.pack("!HHIIBBHHH", *ports, sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF, 5 << 4, 0x18, 65535, 0, 0) + data
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source, target)
    return ip + tcp


def write_pcap(path, wire):
    """wire: (seconds, sent by us, octets). Link type 101: bare IP."""
    positions = {True: 1, False: 1}
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for when, sent, data in wire:
            for at in range(0, len(data), 60000):
                piece = data[at : at + 60000]
                packet = _packet(sent, positions[sent], positions[not sent], piece)
                positions[sent] += len(piece)
                out.write(struct.pack("<IIII", int(when), int(when % 1 * 1000000), len(packet), len(packet)) + packet)
