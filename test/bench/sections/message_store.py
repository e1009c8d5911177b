# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Putting messages into an IMAP store before the 200, against a bare client; and what a slow store does to others."""

import imaplib
import json
import re
import subprocess

from figures import Figure
from imapproxy import ImapProxy
from rig import STORE_USERS
from sides import DOMAIN

PARALLEL = (1, 8, 32)
SLOW_MS, SLOW_OUTSTANDING = 500, 16

FIGURES = [
    *(Figure(f"append_rate_vs_bare_{n}", "x", at_least=0.8) for n in PARALLEL),
    Figure("store_slow_defer_latency_ratio", "x", at_most=1.2),
    *(Figure(f"append_rate_{n}", "/s") for n in PARALLEL),
    *(Figure(f"bare_append_rate_{n}", "/s") for n in PARALLEL),
    Figure("append_latency_us", "us"),
    Figure("store_slow_latency_us", "us"),
]


def object_bytes(rig):
    """The size of the last object that a user got: the bare client's are as large."""
    host, _, port = rig.dovecot.address.rpartition(":")
    with imaplib.IMAP4(host, int(port)) as imap:
        imap.login(f"m0@{DOMAIN}", rig.dovecot.password)
        imap.select("Default", readonly=True)
        return int(re.search(rb"RFC822.SIZE (\d+)", imap.fetch("*", "(RFC822.SIZE)")[1][0]).group(1))


def bare(rig, parallel, size):
    port = rig.dovecot.address.rpartition(":")[2]
    text = rig.program(
        "bare_imap", "-p", port, "-w", rig.dovecot.password, "-d", DOMAIN, "-u", "m", "-k", STORE_USERS, "-n", parallel,
        "-b", size, "-t", rig.seconds,
    )
    return json.loads(text)["rate"]


def ours(rig, side, parallel):
    users = min(parallel, STORE_USERS)
    return rig.load(side, "-u", "m", "-k", users, "-n", parallel, "-o", "-a", "display", "-t", rig.seconds, status="200")


def rates(rig, side, size):
    for parallel in PARALLEL:
        theirs, own = [], []
        for _ in range(rig.turns):
            theirs.append(bare(rig, parallel, size))
            own.append(ours(rig, side, parallel))
        rate, limit = sum(o["rate"] for o in own) / len(own), sum(theirs) / len(theirs)
        rig.record.add(**{
            f"append_rate_{parallel}": rate, f"bare_append_rate_{parallel}": limit, f"append_rate_vs_bare_{parallel}": rate / limit,
        })
        if parallel == 1:
            rig.record.add(append_latency_us=own[-1]["latency_p50_us"])


def slow(rig, side):
    """One at a time for other users, while a second generator keeps the store process busy with messages that it cannot end soon."""
    count = 200 if rig.quick else 1000
    side.empty()
    alone = rig.quiet_load(side, "--latency", "-c", count)["latency_p50_us"]
    waiting = subprocess.Popen(
        [
            str(rig.programs / "load"), "-s", side.sip.address, "-d", DOMAIN, "-r", rig.run_id(), "-u", "m", "-k", str(STORE_USERS),
            "-n", str(SLOW_OUTSTANDING), "-a", "display", "-t", "8",
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        beside = rig.load(side, "--latency", "-c", count)["latency_p50_us"]
        if waiting.poll() is not None:
            raise RuntimeError("the slow store did not last as long as the measurement")
    finally:
        waiting.kill()
        waiting.wait()
    rig.record.add(store_slow_defer_latency_ratio=beside / alone, store_slow_latency_us=beside)


def run(rig):
    rig.redis.fsync("always")
    fast = rig.storing("store", rig.dovecot.address)
    proxy = ImapProxy(rig.dovecot.address)
    behind = rig.storing("slow", proxy.address)
    rig.warm_up(behind)
    for parallel in PARALLEL:
        ours(rig, fast, parallel)
    size = object_bytes(rig)
    proxy.set(f"delay-{SLOW_MS}")
    for _ in range(rig.rounds):
        rates(rig, fast, size)
        slow(rig, behind)
    proxy.close()
