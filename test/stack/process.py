# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Server processes of a test stack: started in a session of their own, known by pid and start time, ended with all their children."""

import contextlib
import os
import signal
import subprocess
import time


def wait_until(condition, deadline_s=10.0, what="condition", pause_s=0.02):
    """Returns the first true value of condition(); raises TimeoutError after deadline_s."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {deadline_s} s")
        time.sleep(pause_s)


def _stat(pid):
    """State, session and start time of a process, or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[3]), int(fields[19])


class Process:
    """A session leader and its descendants. A recycled pid is told from ours by its start time."""

    def __init__(self, name, pid, started, popen=None):
        self.name, self.pid, self.started, self._popen = name, pid, started, popen

    @classmethod
    def start(cls, name, argv, log, environ=None):
        with open(log, "ab") as out:
            popen = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env={**os.environ, **(environ or {})}
            )
        stat = _stat(popen.pid)
        return cls(name, popen.pid, stat[2] if stat else 0, popen)

    def members(self):
        """Pids of the leader and its descendants that still run."""
        if self._popen:
            self._popen.poll()
        leader = _stat(self.pid)
        if leader and leader[2] != self.started:
            return []
        found = []
        for entry in os.listdir("/proc"):
            stat = _stat(entry) if entry.isdigit() else None
            if stat and stat[1] == self.pid and stat[0] not in "ZX":
                found.append(int(entry))
        return found

    def alive(self):
        """Whether the leader runs."""
        if self._popen:
            self._popen.poll()
        stat = _stat(self.pid)
        return bool(stat and stat[2] == self.started and stat[0] not in "ZX")

    def signal(self, number):
        """To the leader alone."""
        if self.alive():
            os.kill(self.pid, number)

    @contextlib.contextmanager
    def stalled(self):
        """While the block runs it does nothing, nor do its descendants: connections stay, and answers do not come."""
        stopped = self.members()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    def kill(self):
        """SIGKILL to all at once, as when the machine loses power; waits for the end."""

        def gone():
            pids = self.members()
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not pids

        wait_until(gone, 10, f"{self.name}: end after SIGKILL")

    def stop(self, deadline_s=10):
        """Asks the leader to end and waits; what is left at the deadline is killed. True when it ended by itself."""
        self.signal(signal.SIGTERM)
        try:
            wait_until(lambda: not self.alive(), deadline_s, self.name)
            wait_until(lambda: not self.members(), 2, self.name)
            return True
        except TimeoutError:
            self.kill()
            return False
