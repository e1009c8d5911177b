# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Phones made of SIPp: one that registers and answers MESSAGEs, and one that sends them."""

import itertools
import subprocess
from pathlib import Path

from ports import free_port
from process import Process, wait_until
from stack import host_port, program

from .sip import parse_trace

SCENARIOS = Path(__file__).resolve().parents[2] / "phones"
TRANSPORTS = {"udp": "u1", "tcp": "t1"}
_numbers = itertools.count(1)


class PhoneError(Exception):
    """SIPp itself failed."""


class Reply:
    """The final reply to a request; request and reply are SipMessages. Without any reply status is None."""

    def __init__(self, request, reply):
        self.request, self.reply = request, reply

    @property
    def status(self):
        return self.reply.status if self.reply else None

    @property
    def warning(self):
        return self.reply.get("Warning") if self.reply else None

    def __repr__(self):
        return f"<{self.reply.start_line if self.reply else 'no reply'}>"


class Sipp:
    """Runs SIPp on a port of its own, with its files in folder."""

    def __init__(self, folder, scenario, name, transport="udp", port=None):
        self.name = f"{name}-{next(_numbers)}"
        self.folder, self.transport, self.port = Path(folder), transport, port or free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.scenario = SCENARIOS / f"{scenario}.xml"
        self.trace = self.file("trace")
        self.output = self.file("output")

    def file(self, kind):
        return self.folder / f"{self.name}.{kind}"

    def write(self, kind, content):
        """A file of this phone; a SIPp file name must not hold ']' or ';'."""
        path = self.file(kind)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def argv(self, *options):
        return [
            program("sipp"), "-sf", str(self.scenario), "-i", "127.0.0.1", "-p", str(self.port), "-t", TRANSPORTS[self.transport],
            "-nostdin", "-trace_msg", "-message_file", str(self.trace), "-trace_err", "-error_file", str(self.file("errors")),
            "-default_behaviors", "all,-bye", *options,
        ]

    def run(self, target, *options, timeout_s=60):
        """Runs to its end and returns the trace."""
        with open(self.output, "wb") as out:
            done = subprocess.run(
                self.argv(*options, target), stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=timeout_s, check=False
            )
        if done.returncode not in (0, 1) or not self.trace.exists():
            raise PhoneError(f"sipp ended with {done.returncode}: {self.output.read_text(errors='replace')[-2000:]}")
        return parse_trace(self.trace.read_bytes())


def _final_reply(trace, request):
    replies = [
        m for way, m in trace
        if way == "received" and m.is_reply and m.status >= 200 and m.transaction == request.transaction
    ]
    return replies[0] if replies else None


def _outcomes(trace):
    """One Reply for each call: a request repeated after a challenge counts by its last transaction."""
    calls = {}
    for way, message in trace:
        if way == "sent" and not message.is_reply:
            calls[message.get("Call-ID")] = message
    return [Reply(request, _final_reply(trace, request)) for request in calls.values()]


def _header_lines(headers):
    return "\r\n".join(f"{name}: {value}" for name, value in headers)


class Phone:
    """A client of one user. It listens from start() on, answers MESSAGEs and keeps every request it received.

    answers: what to say to the 1st, 2nd, ... MESSAGE; the last goes for all others. An answer is a status code of
    test/phones/answer.xml or "silence", or a pair (answer, delay_ms)."""

    def __init__(self, folder, aor, *, transport="udp", instance=None, tags="", answers=("200",), port=None, name=None):
        self.aor, self.instance, self.tags, self.answers = aor, instance, tags, answers
        label = name or aor.partition(":")[2].partition("@")[0].strip("+")
        self.sipp = Sipp(folder, "answer", label, transport, port)
        self.folder, self.process = folder, None

    @property
    def address(self):
        return f"127.0.0.1:{self.sipp.port}"

    @property
    def contact_uri(self):
        user = self.aor.partition(":")[2].partition("@")[0]
        return f"sip:{user}@{self.address}" + (";transport=tcp" if self.sipp.transport == "tcp" else "")

    @property
    def contact(self):
        """The Contact value: URI, instance, feature tags."""
        instance = f';+sip.instance="<{self.instance}>"' if self.instance else ""
        return f"<{self.contact_uri}>{instance}{';' + self.tags if self.tags else ''}"

    def start(self):
        lines = [a if isinstance(a, tuple) else (a, 0) for a in self.answers]
        # SIPp begins anew after the last line, so the last answer is written often enough.
        lines += [lines[-1]] * 5000
        table = self.sipp.write("answers", "SEQUENTIAL\n" + "".join(f"{a};{ms};\n" for a, ms in lines))
        self.process = Process.start("sipp", self.sipp.argv("-inf", table), self.sipp.output)
        wait_until(self._listening, 10, f"phone of {self.aor}")
        return self

    def _listening(self):
        if not self.process.alive():
            raise PhoneError(f"sipp ended: {self.sipp.output.read_text(errors='replace')[-2000:]}")
        family = "udp" if self.sipp.transport == "udp" else "tcp"
        with open(f"/proc/net/{family}", encoding="ascii") as table:
            return any(line.split()[1].endswith(f":{self.sipp.port:04X}") for line in table)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process = None

    def register(self, sip, *, expires=600, headers=(), contact=None, user=None, password=None):
        """Registers at host:port; the Reply."""
        sipp = Sipp(self.folder, "register", f"{self.sipp.name}-register", self.sipp.transport)
        lines = _header_lines([("Supported", "gruu, path"), ("User-Agent", "CPM-client/OMA1.0"), *headers])
        options = [
            "-key", "domain", self.aor.partition("@")[2], "-key", "aor", self.aor, "-key", "contact", contact or self.contact,
            "-key", "expires", str(expires), "-key", "headers", sipp.write("headers", lines), "-m", "1",
        ]
        if user:
            options += ["-au", user, "-ap", password or ""]
        return _outcomes(sipp.run(sip, *options))[0]

    def unregister(self, sip, **options):
        return self.register(sip, expires=0, **options)

    def received(self):
        """Every request received, retransmissions left out, in order of arrival."""
        try:
            trace = parse_trace(self.sipp.trace.read_bytes())
        except FileNotFoundError:
            return []
        seen, requests = set(), []
        for way, message in trace:
            if way == "received" and not message.is_reply and message.transaction not in seen:
                seen.add(message.transaction)
                requests.append(message)
        return requests

    def wait_received(self, count=1, deadline_s=10):
        """The requests, once there are at least count."""

        def enough():
            requests = self.received()
            return requests if len(requests) >= count else None

        try:
            return wait_until(enough, deadline_s, f"{count} requests at the phone of {self.aor}", pause_s=0.05)
        except TimeoutError as e:
            raise TimeoutError(f"{e}; it has {len(self.received())}") from None


def send_messages(folder, sip, *, target, from_, to, messages, transport="udp", parallel=1, user=None, password=None, timeout_s=60):
    """Sends MESSAGEs from one sender to one target and returns a Reply for each, in order of sending.
    messages: pairs of (headers, body), headers a list of (name, value). parallel: how many at once."""
    sipp = Sipp(folder, "send", "sender", transport)
    lines = ["SEQUENTIAL"]
    for i, (headers, body) in enumerate(messages):
        lines.append(f"{sipp.write(f'headers{i}', _header_lines(headers))};{sipp.write(f'body{i}', body)};")
    options = [
        "-key", "target", target, "-key", "from", from_, "-key", "to", to, "-inf", sipp.write("messages", "\n".join(lines) + "\n"),
        "-m", str(len(messages)), "-l", str(parallel), "-r", "1000",
    ]
    if user:
        options += ["-au", user, "-ap", password or ""]
    return _outcomes(sipp.run(sip, *options, timeout_s=timeout_s))


class Call:
    """What a phone saw of a dialog that it began: the messages that it sent and received, in order."""

    def __init__(self, trace):
        self.sent = [m for way, m in trace if way == "sent"]
        self.received = [m for way, m in trace if way == "received"]
        self.request = self.sent[0]
        self.reply = _final_reply(trace, self.request)

    @property
    def status(self):
        return self.reply.status if self.reply else None

    @property
    def warning(self):
        return self.reply.get("Warning") if self.reply else None

    def requests(self, method):
        """Requests received within the dialog, retransmissions left out."""
        found = {m.transaction: m for m in self.received if not m.is_reply and m.method == method}
        return list(found.values())

    def __repr__(self):
        return f"<{self.request.start_line}: {self.reply.start_line if self.reply else 'no reply'}>"


def _call(folder, scenario, sip, *, target, aor, headers, options=(), transport="udp", timeout_s=60):
    sipp = Sipp(folder, scenario, scenario, transport)
    options = [
        "-key", "target", target, "-key", "from", f"<{aor}>", "-key", "to", f"<{target}>", "-key", "user",
        aor.partition(":")[2].partition("@")[0], "-key", "headers", sipp.write("headers", _header_lines(headers)),
        *(sipp.write("body", o) if isinstance(o, bytes) else o for o in options), "-m", "1",
    ]
    return Call(sipp.run(sip, *options, timeout_s=timeout_s))


def manage(folder, sip, *, target, aor, headers, body=b"", params="", **options):
    """A management INVITE of a user; the Call. params go behind its Contact."""
    return _call(folder, "manage", sip, target=target, aor=aor, headers=headers, options=("-key", "params", params, "-key", "body", body), **options)


def subscribe(folder, sip, *, target, aor, headers, **options):
    """A SUBSCRIBE of a user; the Call, with the NOTIFY."""
    return _call(folder, "subscribe", sip, target=target, aor=aor, headers=headers, **options)


def talk(folder, sip, *, target, aor, headers, body=b"", **options):
    """An INVITE of a user to a session, and BYE at once; the Call."""
    return _call(folder, "session", sip, target=target, aor=aor, headers=headers, options=("-key", "params", "", "-key", "body", body), **options)
