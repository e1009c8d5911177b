# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What must hold at the end of every run."""

import re

from process import wait_until
from rpc import RpcError


# tm says of a transaction that was given back once too often, or never, at level WARNING.
TROUBLE = re.compile(r"\b(ERROR|CRITICAL|ALERT|BUG)\b|free_cell_helper\(\): .* still linked|didn't release transaction")


def troubles(log, allow=()):
    """Lines of a Kamailio log at level ERROR, CRITICAL, ALERT or BUG, or that speak of a lost transaction, that no pattern allows."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    bad = [line for line in text.splitlines() if TROUBLE.search(line)]
    return [line for line in bad if not any(re.search(pattern, line) for pattern in allow)]


def assert_quiet(node, allow=()):
    found = troubles(node.log, allow)
    assert not found, f"{node.log} has {len(found)} lines of trouble:\n" + "\n".join(found[:20])


def assert_no_transactions(node, deadline_s=40):
    """No transaction hangs: tm's table is empty once its own timers have run."""
    try:
        wait_until(lambda: node.rpc("tm.stats")["current"] == 0, deadline_s, f"{node.name}: tm.stats current == 0", pause_s=0.2)
    except TimeoutError:
        raise AssertionError(f"{node.name}: transactions left: {node.rpc('tm.stats')} {node.rpc('tm.list')}") from None


def assert_balance(stack):
    """Every message that was accepted has ended in one way or still waits. Nothing is checked when no node or no Redis is left."""
    for node in stack.nodes:
        if not (node.rpc_url and node.process and node.process.alive()):
            continue
        try:
            stats = node.rpc("cpm_pf.stats")
        except (RpcError, OSError):
            continue
        sums = {name: value for name, value in stats.items() if name.startswith("sum_") or name == "now_waiting"}
        assert stats["balance"] == 0, f"accepted is not what ended and what waits: {sums}"
        assert stats["sum_vanished"] == 0, f"the store has lost messages: {sums}"
        return
