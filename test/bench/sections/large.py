# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages: one transfer in and out against the lower of a bare TCP copy and of Redis alone; and many at once beside pager
messages."""

import multiprocessing
import os
import selectors
import socket
import statistics
import sys
import threading
import time
from pathlib import Path

from figures import Figure
from rig import OTHERS_SHARE
from sides import DOMAIN, cpu_us

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "phones")]
from sipua import Call, SipAgent, sdp  # noqa: E402

MIB = 1 << 20
PIECE = 65536
ICSI = "urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm."
ALICE = f"sip:alice@{DOMAIN}"
TAG = f'+g.3gpp.icsi-ref="{ICSI}msg,{ICSI}largemsg,{ICSI}deferred"'

FIGURES = [
    Figure("large_in_vs_limit", "x", at_least=0.6),
    Figure("large_out_vs_limit", "x", at_least=0.6),
    Figure("large_parallel_lost", "", at_most=0),
    Figure("large_parallel_pager_p99_ratio", "x", at_most=2),
    Figure("large_parallel_memory_kib", "KiB", at_most=640),
    Figure("large_in_rate", "MiB/s"),
    Figure("large_out_rate", "MiB/s"),
    Figure("tcp_copy_rate", "MiB/s"),
    Figure("redis_setrange_rate", "MiB/s"),
    Figure("large_parallel_rate", "MiB/s"),
    Figure("large_parallel_pager_p99_us", "us"),
    Figure("large_parallel_idle_p99_us", "us"),
]


def cpim(sender, recipient, size):
    head = f"From: <{sender}>\r\nTo: <{recipient}>\r\n\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
    return head + b"x" * (size - len(head))


def tcp_copy(size):
    """MiB a second through a bare socket pair on the loopback, in pieces as large as the endpoint's."""
    block = bytes(size)
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as out:
            incoming, _ = server.accept()
            began = time.perf_counter()
            thread = threading.Thread(target=out.sendall, args=(block,))
            thread.start()
            memory, left = bytearray(PIECE), size
            while left:
                left -= incoming.recv_into(memory)
            took = time.perf_counter() - began
            thread.join()
            incoming.close()
    return size / MIB / took


def setrange(rig, size, under_way=4):
    """MiB a second of SETRANGE alone, so many pieces under way."""
    block = b"x" * PIECE
    with socket.socket(socket.AF_UNIX) as redis:
        redis.connect(str(rig.redis.path))
        replies = redis.makefile("rb")
        began, sent, done, count = time.perf_counter(), 0, 0, size // PIECE
        while done < count:
            while sent < count and sent - done < under_way:
                at = str(sent * PIECE).encode()
                redis.sendall(b"*4\r\n$8\r\nSETRANGE\r\n$5\r\nbench\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(at), at, PIECE, block))
                sent += 1
            replies.readline()
            done += 1
        took = time.perf_counter() - began
        redis.sendall(b"*2\r\n$6\r\nUNLINK\r\n$5\r\nbench\r\n")
        replies.readline()
    return size / MIB / took


class Sender:
    """A session in which a message can be sent. Its agent is shared, and the caller's to close."""

    def __init__(self, agent, number, size):
        self.sender, self.recipient, self.agent = agent.aor, f"sip:large{number}@{DOMAIN}", agent
        self.path = f"msrp://127.0.0.1:9/bench{number};tcp"
        headers = [f'Accept-Contact: *;+g.3gpp.icsi-ref="{ICSI}largemsg"', "User-Agent: CPM-client/OMA1.0",
                   f"P-Asserted-Identity: <{self.sender}>", "Content-Type: application/sdp"]
        self.call = Call(self.agent, self.recipient, sdp(self.path, direction="sendonly", setup="active", size=size), headers=headers)
        if self.call.status != 200:
            raise RuntimeError(f"INVITE of a large message: {self.call.reply}")
        self.target = self.call.reply.attribute("path")
        if not self.target:
            raise RuntimeError(f"the answer to an INVITE has no path: {self.call.reply.headers} {self.call.reply.body!r}")
        host, _, port = self.target.partition("//")[2].partition("/")[0].rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        body = cpim(self.sender, self.recipient, size)
        head = (f"MSRP bench SEND\r\nTo-Path: {self.target}\r\nFrom-Path: {self.path}\r\nMessage-ID: m{number}\r\n"
                f"Byte-Range: 1-*/{size}\r\nContent-Type: message/cpim\r\n\r\n").encode()
        self.data = memoryview(head + body + b"\r\n-------bench$\r\n")

    def send(self):
        """Until its 200."""
        self.socket.sendall(self.data)
        answer = self.socket.recv(1000)
        if b" 200 " not in answer:
            raise RuntimeError(f"a large message: {answer}")

    def close(self):
        self.call.bye()
        self.socket.close()


class Receiver:
    """A client that takes one message and confirms every chunk."""

    def __init__(self, side, number):
        self.done, self.took = threading.Event(), None
        self.agent = SipAgent(f"sip:large{number}@{DOMAIN}", side.sip.address, on_invite=self.invited)
        self.path = f"msrp://127.0.0.1:9/phone{number};tcp"

    def invited(self, request):
        threading.Thread(target=self.take, args=(request.attribute("path"),), daemon=True).start()
        return 200, sdp(self.path, direction="recvonly", setup="active"), []

    def take(self, target):
        host, _, port = target.partition("//")[2].partition("/")[0].rpartition(":")
        with socket.create_connection((host, int(port))) as connection:
            began = time.perf_counter()
            paths = f"To-Path: {target}\r\nFrom-Path: {self.path}\r\n".encode()
            connection.sendall(b"MSRP hello SEND\r\n" + paths + b"Message-ID: h\r\nByte-Range: 1-0/0\r\n-------hello$\r\n")
            data, flag = bytearray(), b""
            while flag != b"$":
                data += connection.recv(4 * PIECE)
                flag = self.answer(connection, data, paths)
            self.took = time.perf_counter() - began
        self.done.set()

    @staticmethod
    def answer(connection, data, paths):
        """Confirms the chunks that are whole; the flag of the last one of a message."""
        while True:
            tid = bytes(data[5 : data.find(b" ", 5)])
            end_line = b"-------" + tid
            head = data.find(b"\r\n\r\n")
            response = data[5 : data.find(b"\r\n")].endswith(b"OK")
            # Chunks are of one size: look where the end is to be.
            at = data.find(end_line, 0 if response else min(head + PIECE, len(data))) if head >= 0 or response else -1
            if at < 0 and head >= 0:
                at = data.find(end_line, head)
            if at < 0 or len(data) < at + len(end_line) + 3:
                return b""
            flag = bytes(data[at + len(end_line) : at + len(end_line) + 1])
            del data[: at + len(end_line) + 3]
            if response:
                continue
            connection.sendall(b"MSRP " + tid + b" 200 OK\r\n" + paths + end_line + b"$\r\n")
            if flag == b"$":
                return flag

    def close(self):
        self.agent.close()


def transfer(rig, side, number, size):
    """MiB a second in, and out to a client that registers then."""
    agent = SipAgent(ALICE, side.sip.address)
    sender = Sender(agent, number, size)
    began = time.perf_counter()
    sender.send()
    rate_in = size / MIB / (time.perf_counter() - began)
    sender.close()
    agent.close()
    receiver = Receiver(side, number)
    receiver.agent.register(tags=TAG)
    if not receiver.done.wait(60):
        raise RuntimeError("the large message did not come")
    receiver.agent.wait_request("BYE")
    receiver.close()
    return rate_in, size / MIB / receiver.took


def media_process(side):
    """The process id of "cpm_pf: msrp": the one that listens at the MSRP port."""
    port = int(side.sip.strings["CPM_MSRP"].rpartition(":")[2])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    inode = next(row[9] for row in rows if row[3] == "0A" and int(row[1].partition(":")[2], 16) == port)
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(link.readlink().name == f"socket:[{inode}]" for link in folder.iterdir()):
                return folder.parent
        except OSError:
            continue
    raise RuntimeError("no process listens at the MSRP port")


def resident_kib(process):
    fields = dict(line.split(":", 1) for line in (process / "status").read_text(encoding="ascii").splitlines())
    return int(fields["VmRSS"].split()[0])


class Crowd:
    """Peers that send all at once. They stand for other machines: a process of their own that takes a processor only when nobody
    else wants it."""

    def __init__(self, senders, process):
        self.senders, self.process = senders, process
        self.pipe, self.end = multiprocessing.Pipe()
        self.child = multiprocessing.get_context("fork").Process(target=self.push, daemon=True)
        self.child.start()
        self.end.close()

    def push(self):
        """In that process: tells when all are under way; then when each was confirmed, and the largest resident memory meanwhile."""
        os.nice(19)
        selector, left, confirmed, peak, looked, begun = selectors.DefaultSelector(), {}, [], 0, 0, set()
        for sender in self.senders:
            sender.socket.setblocking(False)
            left[sender] = sender.data
            selector.register(sender.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, sender)
        deadline = time.monotonic() + 120
        while left and time.monotonic() < deadline:
            for key, events in selector.select(1):
                sender = key.data
                if events & selectors.EVENT_WRITE and left[sender]:
                    left[sender] = left[sender][sender.socket.send(left[sender][:PIECE]) :]
                    if not left[sender]:
                        selector.modify(sender.socket, selectors.EVENT_READ, sender)
                    if sender not in begun:
                        begun.add(sender)
                        if len(begun) == len(self.senders):
                            self.end.send(time.monotonic())
                if events & selectors.EVENT_READ:
                    if b" 200 " in sender.socket.recv(1000):
                        confirmed.append(time.monotonic())
                    selector.unregister(sender.socket)
                    del left[sender]
            if time.monotonic() - looked > 0.05:
                looked = time.monotonic()
                peak = max(peak, resident_kib(self.process))
        self.end.send((confirmed, peak))

    def members(self):
        """For cpu_us."""
        return [self.child.pid]

    def begun(self):
        """When all were under way."""
        return self.receive(30)

    def over(self):
        return self.pipe.poll(0)

    def result(self):
        result = self.receive(130)
        self.child.join()
        return result

    def receive(self, timeout_s):
        if not self.pipe.poll(timeout_s):
            raise RuntimeError("the peers of the large messages are stuck")
        return self.pipe.recv()


def pager_p99(rig, side, crowd=None):
    """Of the time to a pager message's 202, one after the other; and what part of the machine others took meanwhile. The third
    largest of 300 says little, so of many."""
    before = cpu_us(crowd) if crowd else 0
    load = rig.load(side, "--latency", "-c", 300 if rig.quick else 2000)
    ours = (cpu_us(crowd) - before) / (load["seconds"] * 1e6 * os.cpu_count()) if crowd else 0
    return load["latency_p99_us"], max(0.0, load["others"] - ours)


def undisturbed(rig, samples):
    """Those during which others left the machine alone; when there are none, those during which they did so most."""
    limit = max(OTHERS_SHARE, min(others for _, others in samples) + 0.02)
    chosen = [sample for sample in samples if sample[1] <= limit]
    rig.record.other_shares.append(statistics.median(others for _, others in chosen))
    return statistics.median(p99 for p99, _ in chosen)


def parallel(rig, side):
    count, size = (50 if rig.quick else 500), MIB
    side.empty()
    idle = [pager_p99(rig, side) for _ in range(3)]
    process = media_process(side)
    agent = SipAgent(ALICE, side.sip.address)
    senders = [Sender(agent, 1000 + i, size) for i in range(count)]
    before = resident_kib(process)
    beside, ended = [], []
    crowd = Crowd(senders, process)
    began = crowd.begun()
    while not crowd.over():
        beside.append(pager_p99(rig, side, crowd))
        ended.append(time.monotonic())
    confirmed, peak = crowd.result()
    for sender in senders:
        sender.close()
    agent.close()
    # Only what was measured while most of them were under way.
    half = confirmed[len(confirmed) // 2] if confirmed else 0
    beside = beside[: sum(end <= half for end in ended)]
    if not beside:
        raise RuntimeError("the large messages were over before the pager messages were")
    side.empty()
    idle += [pager_p99(rig, side) for _ in range(3)]
    idle_us, beside_us = undisturbed(rig, idle), undisturbed(rig, beside)
    rig.record.add(
        large_parallel_lost=count - len(confirmed), large_parallel_rate=count * size / MIB / (confirmed[-1] - began),
        large_parallel_memory_kib=max(0, peak - before) / count, large_parallel_pager_p99_us=beside_us,
        large_parallel_idle_p99_us=idle_us, large_parallel_pager_p99_ratio=beside_us / idle_us,
    )


def run(rig):
    size = (16 if rig.quick else 64) * MIB
    rig.redis.fsync("always")
    side = rig.cpm("large", msrp_max_sessions=1000)
    rig.warm_up(side)
    for number in range(rig.rounds):
        limits = tcp_copy(size), setrange(rig, size)
        rates = transfer(rig, side, number, size)
        limit = min(limits)
        rig.record.add(
            tcp_copy_rate=limits[0], redis_setrange_rate=limits[1], large_in_rate=rates[0], large_out_rate=rates[1],
            large_in_vs_limit=rates[0] / limit, large_out_vs_limit=rates[1] / limit,
        )
        side.empty()
    for _ in range(1 if rig.quick else max(2, rig.rounds // 2)):
        parallel(rig, side)
        side.empty()
