# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""So many octets may be on their way to the message store, no more: the next message waits in the queue for its turn."""

import pytest
from imapproxy import ImapProxy
from lib.documents import rule, ruleset
from lib.mailbox import Mailbox
from ports import free_port
from process import wait_until

PROXY = free_port()
# Room for two messages of 20,000 octets with their records, not for three.
STACK = {
    "imap": True,
    "modparams": [
        ("cpm_pf", "store_url", f"imap://127.0.0.1:{PROXY}"), ("cpm_pf", "store_max_object_bytes", 30000),
        ("cpm_pf", "store_max_bytes_in_flight", 65536), ("cpm_pf", "store_timeout_ms", 3000),
    ],
}
TEXT = "x" * 20000


@pytest.fixture(scope="module")
def proxy(stack):
    proxy = ImapProxy(stack.dovecot.address, PROXY)
    yield proxy
    proxy.close()


@pytest.mark.clause("PM-4c4", "MS-1")
def test_what_is_too_much_at_once_waits_in_the_queue(scene, stack, proxy):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"])))
    assert scene.send(alice, bob, "hello", disposition=None).status == 200
    assert scene.statistics()["imap_overflow"] == 0
    proxy.set("delay-500")
    sent = scene.send_all(alice, bob, [f"{i} {TEXT}" for i in range(8)], parallel=8, transport="tcp")
    statuses = [s.status for s in sent]
    assert set(statuses) == {200, 202}
    proxy.set("pass")
    box = Mailbox(stack, bob)
    objects = box.wait_objects(9)
    assert len({o["IMDN-Message-ID"] for o in objects}) == 9
    scene.wait_waiting(bob, 0)
    statistics = scene.statistics()
    assert statistics["imap_overflow"] >= statuses.count(202)
    wait_until(lambda: scene.statistics()["imap_octets"] == 0, 5, "nothing is on its way")
    wait_until(lambda: scene.statistics()["balance"] == 0, 5, "the sums agree")
