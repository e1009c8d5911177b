# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The servers under the bench, and what they cost: processes, CPU time, memory."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "stack"))

import dovecot  # noqa: E402
from ports import free_port  # noqa: E402
from process import Process, wait_until  # noqa: E402
from stack import Dovecot, Redis, program, tail  # noqa: E402

DOMAIN = "bench.example"
SHARED_MB, PRIVATE_MB = 3072, 16
# A transaction keeps some 13 KB for wt_timer after its answer (5 s by default). At tens of thousands a second a bench
# of seconds would mostly measure pages touched for the first time; a second on all sides alike is steady after the warm-up.
WT_TIMER_MS = 1000


def cpu_us(process):
    """User and system time of a process and its descendants so far, in microseconds.

    From /proc/PID/task/*/schedstat, in nanoseconds, since the ticks of /proc/PID/stat are too coarse for a
    thousand messages; children that ended count by their ticks."""
    tick_us = 1e6 / os.sysconf("SC_CLK_TCK")
    total = 0.0
    for pid in process.members():
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e3
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            total += (int(fields[13]) + int(fields[14])) * tick_us
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def resident_kib(process):
    """Memory of a group of processes, shared pages counted once."""
    total = 0
    for pid in process.members():
        try:
            total += int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"), re.M).group(1))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


class SipServer:
    """A Kamailio with one of cfg/*.cfg or the product's own. All sides: four workers, the same allocator and memory."""

    def __init__(self, name, folder, config, strings=None, modparams=(), environ=None):
        self.name, self.folder, self.config = name, Path(folder) / name, Path(config)
        self.address = f"127.0.0.1:{free_port()}"
        self.strings = {"CPM_DOMAIN": DOMAIN, "CPM_RUN": self.folder, "CPM_SIP_HOST": self.address, **(strings or {})}
        self.modparams, self.environ = [("tm", "wt_timer", WT_TIMER_MS), *modparams], environ
        self.log = self.folder / "kamailio.log"
        self.process = None

    def write_config(self):
        lines = ["#!KAMAILIO", f"#!define CPM_SIP_ADDR {self.address}", "#!define CPM_WORKERS 4"]
        # What is no number becomes a quoted token, and is replaced inside strings as well.
        for name, value in self.strings.items():
            lines.append(f"#!define {name} {value}" if isinstance(value, int) else f'#!substdefs "|{name}|{value}|g"')
        lines.append(f'include_file "{self.config}"')
        lines.append("maxbuffer=4194304")
        for module, name, value in self.modparams:
            lines.append(f'modparam("{module}", "{name}", {value if isinstance(value, int) else json.dumps(value)})')
        path = self.folder / "kamailio.cfg"
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
        return path

    def start(self):
        self.folder.mkdir(parents=True)
        argv = [
            program("kamailio"), "-f", str(self.write_config()), "-P", str(self.folder / "pid"), "-Y", str(self.folder), "-w", str(self.folder),
            "-x", "tlsf", "-X", "tlsf", "-m", str(SHARED_MB), "-M", str(PRIVATE_MB), "-DD", "-E",
        ]
        self.process = Process.start(self.name, argv, self.log, self.environ)

        def ready():
            if not self.process.alive():
                raise RuntimeError(f"{self.name} did not start:\n{tail(self.log)}")
            return self.command("core.uptime") is not None

        wait_until(ready, 20, self.name, pause_s=0.1)

    def command(self, *words):
        """The text of a kamcmd answer, None when there is none."""
        argv = [program("kamcmd"), "-s", f"unix:{self.folder}/kamailio.ctl", *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
        return done.stdout if done.returncode == 0 else None

    def shared_kib(self):
        """Shared memory in use."""
        return int(re.search(r"real_used: (\d+)", self.command("core.shmmem")).group(1)) // 1024

    def counter(self, name):
        """One of the module's sums or statistics."""
        return int(re.search(rf"\b{name}: (\d+)", self.command("cpm_pf.stats")).group(1))


class RedisServer(Redis):
    """Redis with an append-only file. Rewriting of the file is off: the bench empties the store between rounds."""

    def __init__(self, folder):
        self.name, folder = "redis", Path(folder) / "redis"
        super().__init__(folder, f"unix:{folder}/redis.sock", {"auto-aof-rewrite-percentage": "0", "appendfsync": "always"})

    @property
    def path(self):
        return self.address.removeprefix("unix:")

    def command(self, *words):
        argv = [program("redis-cli"), "-s", self.path, *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout

    def fsync(self, policy):
        self.command("CONFIG", "SET", "appendfsync", policy)

    def used_bytes(self):
        return int(re.search(r"^used_memory:(\d+)", self.command("INFO", "memory"), re.M).group(1))


class DovecotServer(Dovecot):
    """The message store of the stack, with processes at the ready for as many users as the bench has."""

    service, password = dovecot.SERVICE, dovecot.PASSWORD

    def __init__(self, folder):
        self.name = "dovecot"
        super().__init__(Path(folder) / "dovecot", f"127.0.0.1:{free_port()}", spare=64)


class MariaDb:
    """A private MariaDB that fsyncs at each commit, on a unix socket, with msilo's table."""

    def __init__(self, folder):
        self.name, self.folder = "mariadb", Path(folder) / "mariadb"
        self.socket = self.folder / "sock"
        self.log = self.folder / "mariadb.log"
        self.process, self.emptied = None, 0

    # The client library takes the socket's name from the environment.
    url = "mysql://bench:bench@localhost/kamailio"

    @property
    def environ(self):
        return {"MYSQL_UNIX_PORT": str(self.socket), "MARIADB_UNIX_PORT": str(self.socket)}

    def start(self):
        self.folder.mkdir(parents=True)
        data = self.folder / "data"
        config = self.folder / "my.cnf"
        config.write_text(
            f"[mysqld]\ndatadir={data}\nsocket={self.socket}\npid-file={self.folder}/pid\nskip-networking\n"
            "innodb_flush_log_at_trx_commit=1\ninnodb_buffer_pool_size=256M\ninnodb_log_file_size=256M\n"
            + ("user=root\n" if os.getuid() == 0 else ""), encoding="ascii",
        )
        with open(self.log, "ab") as log:
            subprocess.run(
                [program("mariadb-install-db"), f"--defaults-file={config}", "--auth-root-authentication-method=normal", "--skip-test-db"],
                stdout=log, stderr=log, check=True, timeout=120,
            )
        self.process = Process.start("mariadb", [program("mariadbd"), f"--defaults-file={config}"], self.log)

        def ready():
            if not self.process.alive():
                raise RuntimeError(f"mariadbd did not start:\n{tail(self.log)}")
            return self.socket.exists() and self.run("SELECT 1") is not None

        wait_until(ready, 60, "mariadbd", pause_s=0.2)
        schema = Path("/usr/share/kamailio/mysql")
        self.run(
            "CREATE DATABASE kamailio; USE kamailio; "
            + "".join((schema / f"{name}-create.sql").read_text(encoding="utf-8") for name in ("standard", "msilo"))
            + "CREATE USER bench@localhost IDENTIFIED BY 'bench'; GRANT ALL ON kamailio.* TO bench@localhost;", must=True,
        )

    def run(self, sql, must=False):
        """What the statement prints; None when it fails."""
        argv = [program("mariadb"), "--no-defaults", "-S", str(self.socket), "-uroot", "-N", "-B"]
        done = subprocess.run(argv, input=sql, capture_output=True, text=True, timeout=60, check=False)
        if must and done.returncode:
            raise RuntimeError(f"mariadb: {done.stderr.strip()}")
        return done.stdout if done.returncode == 0 else None

    def empty(self):
        """Removes the messages. Numbers are never used again: msilo remembers those that it has sent until its timer deletes them."""
        self.emptied += 1
        self.run(f"TRUNCATE kamailio.silo; ALTER TABLE kamailio.silo AUTO_INCREMENT = {self.emptied * 1000000}", must=True)

    def rows(self):
        return int(self.run("SELECT COUNT(*) FROM kamailio.silo", must=True))
