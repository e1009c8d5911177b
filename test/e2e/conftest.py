# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Fixtures of the end-to-end tests.

A test module gets a stack of its own; a module-level STACK = {...} changes its options (see stack.Stack), LOG_ALLOW = [...]
names the lines of trouble that its tests provoke. After each test: no message that is not accounted for. After the module: no hanging
transaction, no trouble in the log, every process ended by itself. The run folder of a module that failed is kept and named.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from lib import checks
from lib.relay import Relay
from lib.scene import Scene
from stack import MODULE, Stack

WRAP = os.environ.get("CPM_WRAP", "").split()


def pytest_configure(config):
    if not MODULE.exists():
        pytest.exit(f"{MODULE} is not built: run `make build`", 3)


def pytest_collection_modifyitems(items):
    # Into the junit file, for test/tools/conformance.py.
    for item in items:
        for marker in item.iter_markers("clause"):
            item.user_properties += [("clause", clause) for clause in marker.args]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.module._failed = True


@pytest.fixture(scope="module")
def run_dir(request):
    """A folder for the module's servers and phones; kept when a test failed."""
    folder = Path(tempfile.mkdtemp(prefix="cpm-e2e-"))
    yield folder
    if getattr(request.module, "_failed", False):
        print(f"\nrun folder kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def stack(request, run_dir):
    options = dict(getattr(request.module, "STACK", {}))
    # A finished transaction is forgotten after one second, so that the check at the end need not wait for five.
    options["modparams"] = [("tm", "wt_timer", 1000), *options.get("modparams", ())]
    stack = Stack(run_dir, wrap=WRAP, **options)
    with stack:
        yield stack
        try:
            allow = list(getattr(request.module, "LOG_ALLOW", ()))
            for node in stack.nodes:
                if node.process and node.process.alive():
                    checks.assert_no_transactions(node)
                checks.assert_quiet(node, allow)
            checks.assert_balance(stack)
            killed = stack.stop()
            assert not killed, f"did not end by themselves: {killed}"
        except AssertionError:
            request.module._failed = True
            raise


@pytest.fixture(scope="module")
def relay(request, run_dir):
    """An MSRP relay of others' make, for phones to be behind."""
    relay = Relay(run_dir / "relay").start()
    yield relay
    try:
        checks.assert_quiet(relay)
        assert relay.stop(), "the relay did not end by itself"
    except AssertionError:
        request.module._failed = True
        raise


@pytest.fixture
def scene(request, stack, run_dir):
    """People, phones and documents of one test; its users are new, so tests of a module do not meet."""
    scene = Scene(stack, run_dir / "phones" / request.node.name.replace("[", "-").replace("]", "").replace(";", "-")[:60])
    yield scene
    scene.close()
    checks.assert_balance(stack)
