# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Free ports on 127.0.0.1 that parallel stacks do not take from each other.

Below the kernel's ephemeral range, so that no outgoing connection sits on them; a lock on a file for each port
holds as long as the process that asked lives."""

import fcntl
import os
import random
import socket
import tempfile

FIRST, LAST = 20000, 29999
_held = []


def is_free(host, port):
    """Whether both UDP and TCP can be bound."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as s:
            if kind == socket.SOCK_STREAM:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((host, port))
            except OSError:
                return False
    return True


def free_port(host="127.0.0.1"):
    folder = os.path.join(tempfile.gettempdir(), f"cpm-ports-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    count = LAST - FIRST + 1
    start = random.randrange(count)
    for i in range(count):
        port = FIRST + (start + i) % count
        handle = open(os.path.join(folder, str(port)), "w", encoding="ascii")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            continue
        if is_free(host, port):
            _held.append(handle)
            return port
        handle.close()
    raise RuntimeError("no free port on " + host)
