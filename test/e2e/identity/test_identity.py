# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Who the originator is: an asserted identity from a trusted neighbour, never From alone, and nothing from anybody else."""

import http.client

import pytest
from lib.documents import blocklist
from lib.messages import cpim, pager_headers
from lib.raw import exchange, request
from stack import host_port

STACK = {"defines": {"CPM_TRUSTED": "127.0.0.1"}}
STRANGER = "127.0.0.2"


def test_from_alone_is_no_proof(scene, stack):
    """And the log says from where it came, for whoever blocks sources."""
    def refused():
        return stack.node.log.read_text().count("source=127.0.0.1 reason=unauthenticated")

    before = refused()
    reply = scene.send(scene.person("alice"), scene.person("bob"), asserted=False)
    assert reply.status == 403
    assert refused() == before + 1


@pytest.mark.clause("PM-3")
def test_from_of_another_does_not_hide_a_blocked_originator(scene):
    bob, mallory = scene.person("bob"), scene.person("mallory")
    scene.documents.put("lists", bob, blocklist([mallory]))
    assert scene.send(mallory, bob, from_="<sip:harmless@cpm.test>").status == 403


@pytest.mark.parametrize("method", ["MESSAGE", "INVITE", "SUBSCRIBE"])
def test_what_a_stranger_asserts_is_no_proof(scene, method):
    """Word for word the request that counts when it comes from a trusted address."""
    alice, bob = scene.person("alice"), scene.person("bob")
    headers = pager_headers(alice, extra=[("Contact", "<sip:alice@127.0.0.1:9>"), ("Event", "deferred-messages")])
    data = request(method, alice if method == "SUBSCRIBE" else bob, headers, cpim("hello", alice, bob))
    refused = exchange(scene.stack.node.sip, data, source=STRANGER)
    assert refused.status == 403 and scene.waiting(bob) == []
    assert method == "MESSAGE" or '"127 ' in refused.get("Warning")
    assert exchange(scene.stack.node.sip, data).status != 403


def test_strangers_ask_nothing_and_tell_nothing(scene, stack):
    """RPC over HTTP, and the NOTIFY of an XDMS."""
    for source, status in ((STRANGER, 403), ("127.0.0.1", 200)):
        connection = http.client.HTTPConnection(*host_port(stack.node.sip), timeout=5, source_address=(source, 0))
        connection.request("POST", "/RPC", '{"jsonrpc": "2.0", "id": 1, "method": "cpm_pf.ping", "params": []}')
        assert connection.getresponse().status == status
        connection.close()
    notify = request("NOTIFY", "sip:cpm@cpm.test", [("Event", "xcap-diff"), ("Subscription-State", "active")])
    assert exchange(stack.node.sip, notify, source=STRANGER).status == 403
    assert exchange(stack.node.sip, notify).status == 200
