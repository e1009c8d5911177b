# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What the sections measure with: sides (a SIP server and its store), started when a section first asks, and the programs that
load them."""

import contextlib
import functools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from sides import DOMAIN, DovecotServer, MariaDb, RedisServer, SipServer, cpu_us, free_port, tail, wait_until
from users import write_store_users, write_users

CONFIGS = Path(__file__).resolve().parent / "cfg"
# The product's configuration as it is shipped.
PRODUCT = CONFIGS.parents[2] / "cfg" / "kamailio.cfg"

# Users with documents by the prefix of their names: receivers of the load, of the push, of the storm.
LOAD_USERS, STORM_USERS = 100, 500
USERS = {"u": LOAD_USERS, "p": 1, "s": STORM_USERS}
# Users who want everything in their message store.
STORE_USERS = 32

MSILO_CHECK_S = 6
# A load during which processes of others took more of the machine than this is repeated, so often at most.
OTHERS_SHARE, OTHERS_REPEATS = 0.1, 3


def mean_load(results):
    """Several loads of one side as one: by message."""
    sent = sum(result["sent"] for result in results)
    mean = {key: sum(result[key] * result["sent"] for result in results) / sent for key in ("cpu_us", "sip_us", "store_us")}
    return {**mean, "sent": sent, "rate": sent / sum(result["seconds"] for result in results)}


def machine_us():
    """Time that the processors of this machine were not idle so far."""
    fields = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) * 1e6 / os.sysconf("SC_CLK_TCK")


class Side:
    """A SIP server and its store, if it has one."""

    def __init__(self, sip, store=None, empty=None, waiting=None):
        self.sip, self.store, self.empty, self.waiting = sip, store, empty, waiting

    def cpu(self):
        """CPU time of the SIP server and of the store so far."""
        return cpu_us(self.sip.process), cpu_us(self.store.process) if self.store else 0.0

    def check_alive(self):
        if not self.sip.process.alive():
            raise RuntimeError(f"{self.sip.name} ended by itself:\n{tail(self.sip.log)}")


class Rig:
    """Servers and programs. quick: a smoke run."""

    def __init__(self, programs, module, folder, record, quick, rounds):
        self.programs, self.module, self.folder = Path(programs), Path(module).resolve(), Path(folder)
        self.record, self.quick, self.rounds = record, quick, rounds
        self.seconds, self.turns = 1.0, 1 if quick else 3
        self.servers, self.runs = [], 0

    # Servers

    def start(self, server):
        print(f"bench: starting {server.name}", file=sys.stderr, flush=True)
        self.servers.append(server)
        server.start()
        return server

    def stop(self):
        for server in reversed(self.servers):
            if server.process:
                server.process.stop()
            if isinstance(server, DovecotServer):
                server.remove()

    @functools.cached_property
    def redis(self):
        return self.start(RedisServer(self.folder))

    @functools.cached_property
    def mariadb(self):
        return self.start(MariaDb(self.folder))

    @functools.cached_property
    def xcap(self):
        """The root of the users' documents."""
        write_users(self.folder / "xcap", USERS)
        write_store_users(self.folder / "xcap", "m", STORE_USERS)
        return self.folder / "xcap"

    def cpm(self, name, config=PRODUCT, strings=None, **modparams):
        """A SIP server with the module, its store a part of Redis of its own."""
        strings = {
            "CPM_MODULE": self.module, "CPM_REDIS": f"unix:{self.redis.path}", "CPM_XCAP_ROOT": f"file://{self.xcap}",
            "CPM_MSRP": f"127.0.0.1:{free_port()}", **(strings or {}),
        }
        modparams = {"redis_prefix": name, "xdm_cache_mb": 256, **modparams}
        sip = SipServer(name, self.folder, config, strings, [("cpm_pf", *item) for item in modparams.items()])
        return Side(self.start(sip), self.redis, self.empty_redis, self.redis_waiting)

    @functools.cached_property
    def bare(self):
        """A stateful 202 and nothing else."""
        return Side(self.start(SipServer("bare", self.folder, CONFIGS / "bare.cfg")))

    @functools.cached_property
    def checking(self):
        """The module's checks before that 202. Nothing is stored."""
        side = self.cpm("check", CONFIGS / "check.cfg")
        side.store = None
        return side

    @functools.cached_property
    def deferring(self):
        """The product."""
        return self.cpm("cpm")

    @functools.cached_property
    def wide(self):
        """The product with a wide window."""
        return self.cpm("cpm32", push_window=32)

    @functools.cached_property
    def dovecot(self):
        return self.start(DovecotServer(self.folder))

    def storing(self, name, address, **modparams):
        """The product with a message store at an address."""
        strings = {"CPM_IMAP_SERVICE": self.dovecot.service, "CPM_IMAP_PASSWORD": self.dovecot.password, "CPM_IMAP": address, "WITH_STORE": 1}
        return self.cpm(name, strings=strings, store_folder="Default", **modparams)

    @functools.cached_property
    def msilo(self):
        db = self.mariadb
        strings = {"BENCH_DB": db.url, "BENCH_CHECK_TIME": MSILO_CHECK_S}
        sip = SipServer("msilo", self.folder, CONFIGS / "msilo.cfg", strings, environ=db.environ)
        return Side(self.start(sip), db, db.empty, db.rows)

    def redis_waiting(self):
        """Messages in the store."""
        return len(self.redis.command("--scan", "--pattern", "*:m:*").split())

    def empty_redis(self):
        self.redis.command("FLUSHALL")
        self.redis.command("BGREWRITEAOF")
        wait_until(lambda: "aof_rewrite_in_progress:0" in self.redis.command("INFO", "persistence"), 20, "rewrite")

    # Programs

    def run_id(self):
        self.runs += 1
        return f"r{os.getpid()}n{self.runs}"

    def program(self, name, *arguments, timeout_s=120):
        argv = [str(self.programs / name), *map(str, arguments)]
        return subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=True).stdout

    def load(self, side, *arguments, run=None, status="202"):
        """Sends messages; every one must be answered with that status. Adds CPU time a message of the server and of the store."""
        side.check_alive()
        before, began, machine = side.cpu(), time.monotonic(), machine_us()
        text = self.program("load", "-s", side.sip.address, "-d", DOMAIN, "-r", run or self.run_id(), *arguments)
        after, took, machine = side.cpu(), time.monotonic() - began, machine_us() - machine
        result = json.loads(text)
        if result["status"].get(status, 0) != result["sent"]:
            raise RuntimeError(f"{side.sip.name}: of {result['sent']} messages answered: {result['status']}")
        result["sip_us"], result["store_us"] = ((b - a) / result["sent"] for a, b in zip(before, after))
        result["cpu_us"] = result["sip_us"] + result["store_us"]
        ours = result["cpu_us"] * result["sent"] + result["generator_share"] * result["seconds"] * 1e6
        result["others"] = max(0.0, (machine - ours) / (took * 1e6 * os.cpu_count()))
        return result

    def quiet_load(self, side, *arguments):
        """A load that counts: repeated when other processes disturbed it."""
        results = []
        while len(results) <= OTHERS_REPEATS:
            results.append(self.load(side, *arguments))
            if results[-1]["others"] <= OTHERS_SHARE:
                break
        best = min(results, key=lambda result: result["others"])
        self.record.other_shares.append(best["others"])
        self.record.generator_share = max(self.record.generator_share, best["generator_share"])
        return best

    def loads(self, *sides, shorter=1):
        """One round of the sides in short turns, so that what else the machine does meets all alike: there and back again, since what
        it does also comes and goes. shorter: so many times more turns, each so much shorter, where the difference counts."""
        turns = [[] for _ in sides]
        for turn in range(self.turns * shorter):
            for side, results in list(zip(sides, turns))[:: -1 if turn % 2 else 1]:
                results.append(self.quiet_load(side, "-t", self.seconds / shorter))
        return [mean_load(results) for results in turns]

    def phone(self, side, *arguments, run=None):
        side.check_alive()
        text = self.program("phone", "-s", side.sip.address, "-d", DOMAIN, "-r", run or self.run_id(), *arguments)
        result = json.loads(text)
        if result["registered"] != result["users"]:
            raise RuntimeError(f"{side.sip.name}: {result['registered']} of {result['users']} could register")
        return result

    @contextlib.contextmanager
    def watch(self, read):
        """Values of read() every 20 ms while the block runs; the first one is from before."""
        values, done = [read()], threading.Event()

        def look():
            while not done.wait(0.02):
                values.append(read())

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            yield values
        finally:
            done.set()
            watcher.join()

    def warm_up(self, *sides):
        """Until documents are cached, scripts loaded and memory touched."""
        for side in sides:
            self.load(side, "-t", 1 if self.quick else 5)

    def fill(self, side, run, users, waiting, prefix):
        """Messages wait for users, in a known order: never two of one user under way."""
        side.empty()
        self.load(side, "-n", min(64, users), "-c", users * waiting, "-k", users, "-u", prefix, run=run)
