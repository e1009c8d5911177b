# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Free ports on 127.0.0.1 that parallel stacks do not take from each other.

Below the kernel's ephemeral range, so that no outgoing connection sits on them. A name in the abstract socket namespace, which
belongs to the network as ports do, keeps each port for as long as the process that asked lives."""

import random
import socket

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
    count = LAST - FIRST + 1
    start = random.randrange(count)
    for i in range(count):
        port = FIRST + (start + i) % count
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0cpm_pf test port {port}")
        except OSError:
            name.close()
            continue
        if is_free(host, port):
            _held.append(name)
            return port
        name.close()
    raise RuntimeError("no free port on " + host)
