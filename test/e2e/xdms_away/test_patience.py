# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""An XDMS that says nothing: who waits for it (xdm_stale_ms), and how many may (xdm_max_waiters)."""

import concurrent.futures

import pytest
from lib.documents import blocklist
from process import wait_until

# Whoever waited would hear tm's 408 before the XDMS is given up.
STACK = {
    "defines": {"CPM_XDM_MAX_AGE_MS": 1, "CPM_XDM_STALE_MS": 600000},
    "modparams": [("cpm_pf", "xdm_timeout_ms", 30000), ("cpm_pf", "xdm_max_waiters", 1)],
}
MALLORY = "sip:mallory@cpm.test"


@pytest.mark.clause("PR-1")
def test_a_stale_copy_serves_while_it_is_refreshed(scene, stack):
    bob = scene.person("bob")
    scene.documents.put("lists", bob, blocklist([MALLORY]))
    assert scene.send(MALLORY, bob).status == 403
    scene.documents.put("lists", bob, blocklist(), reload=False)
    with stack.xdms.process.stalled():
        assert [scene.send(MALLORY, bob).status for _ in range(3)] == [403] * 3
    wait_until(lambda: scene.send(MALLORY, bob).status == 202, 10, "the new list")


@pytest.mark.clause("PR-1")
def test_more_than_may_wait(scene, stack):
    """One waits and is served in the end, the other hears at once that there is no place for him."""
    people = [scene.person("bob"), scene.person("carol")]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with stack.xdms.process.stalled():
            sent = [pool.submit(scene.send, "sip:alice@cpm.test", person) for person in people]
            done, waits = concurrent.futures.wait(sent, 10, concurrent.futures.FIRST_COMPLETED)
            assert len(done) == len(waits) == 1
            refused = done.pop().result().reply
            assert refused.status == 503 and "busy" in refused.start_line and refused.get("Retry-After") == "10"
        assert waits.pop().result().status == 202
