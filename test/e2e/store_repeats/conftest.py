# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The nodes and the proxy of PROXY, a module's port, and users of both ways into the message store."""

import pytest
from imapproxy import ImapProxy
from lib.documents import DEFERRED, rule, ruleset
from lib.mailbox import Mailbox
from process import wait_until


@pytest.fixture(scope="module", autouse=True)
def other_name(stack):
    """The nodes are not called the same."""
    node = stack.nodes[1]
    node.process.stop()
    node.modparams.append(("cpm_pf", "hostname", "pf2.example.net"))
    node.start()


@pytest.fixture(scope="module")
def proxy(request, stack):
    proxy = ImapProxy(stack.dovecot.address, request.module.PROXY)
    yield proxy
    proxy.close()


@pytest.fixture(params=["store", "deferred"])
def box(request, scene, stack, proxy):
    """Of a user whose rule says store, for messages (200) or for deferred ones (202)."""
    proxy.set("pass")
    bob = scene.person("bob")
    action = rule("keep", ["allow-store"]) if request.param == "store" else rule("keep", "<oxe:allow-store>true</oxe:allow-store>", media=DEFERRED)
    scene.documents.put("policy", bob, ruleset(action))
    box = Mailbox(stack, bob)
    box.aor = bob
    box.status = 200 if request.param == "store" else 202
    wait_until(lambda: scene.send("sip:probe@cpm.test", probe_user(scene), disposition=None).status == 200, 15, "the message store is there")
    yield box
    proxy.set("pass")


def probe_user(scene):
    probe = scene.person("probe")
    scene.documents.put("policy", probe, ruleset(rule("keep", ["allow-store"])))
    return probe
