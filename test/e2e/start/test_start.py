# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What stops the start, with one line that says what to write instead; and a Redis that does not make a 202 safe."""

import itertools
import re

import pytest
from ports import free_port
from stack import Kamailio, Redis, StackError

_numbers = itertools.count(1)


@pytest.fixture
def node(stack, run_dir):
    """Makes a node beside the stack's, with these parameters; not started."""
    made = []

    def make(*modparams, **strings):
        folder = run_dir / f"start-{next(_numbers)}"
        folder.mkdir()
        own = {"CPM_RUN": str(folder), "CPM_MSRP": f"127.0.0.1:{free_port()}"}
        own = {**stack.node.strings, **own, **strings}
        made.append(Kamailio("kamailio", folder, f"127.0.0.1:{free_port()}", strings=own, modparams=modparams))
        return made[-1]

    yield make
    for node in made:
        if node.process:
            node.process.stop()


@pytest.fixture
def forgetful(run_dir):
    """A Redis that keeps nothing over its end."""
    redis = Redis(run_dir / "forgetful", f"127.0.0.1:{free_port()}", {"appendonly": "no"})
    redis.start()
    yield redis
    redis.process.stop()


def complaints(node):
    """What the module says at level ERROR, without what the core says of that."""
    return re.findall(r"ERROR: cpm_pf \[[^]]*\]: \S+: (.*)", node.log.read_text())


@pytest.mark.parametrize(
    "name, value, line",
    [
        ("push_window", 0, "parameter push_window is 0: write a number from 1 to 1000"),
        ("max_message_bytes", 65536, "parameter max_message_bytes is 65536: write a number from 1 to 65535"),
        ("expired", "keep", "parameter expired"),
        ("xdm_fail", "shut", "parameter xdm_fail"),
        ("min_version", "2.0", "parameter min_version"),
        ("isf_uri", "127.0.0.1:5070", "parameter isf_uri"),
        ("redis_address", "127.0.0.1", "redis"),
        ("xcap_root", "ftp://127.0.0.1/xcap", "documents: "),
        ("store_url", "http://127.0.0.1", "parameter store_url"),
        ("store_session_folder", "Default/{session}", "parameter store_session_folder"),
        ("msrp_listen", "localhost:2855", "msrp_listen"),
    ],
)
def test_bad_parameter(node, name, value, line):
    needs = [("cpm_pf", "store_url", "imap://127.0.0.1")] if name == "store_session_folder" else []
    started = node(*needs, ("cpm_pf", name, value))
    with pytest.raises(StackError):
        started.start()
    told = complaints(started)
    assert len(told) == 1 and line in told[0], told


def test_redis_must_be_durable(node, forgetful):
    started = node(("cpm_pf", "redis_require_durable", 1), CPM_REDIS=forgetful.address)
    with pytest.raises(StackError):
        started.start()
    assert "appendonly is off" in started.log.read_text()


def test_redis_should_be_durable(node, forgetful):
    started = node(CPM_REDIS=forgetful.address)
    started.start()
    assert re.search(r"WARNING.*a 202 is not fully safe: appendonly is off", started.log.read_text())
