# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The XDMS down, slow, answering rubbish: copies at hand serve on; without one, xdm_fail = closed refuses with 503."""

import time

import pytest
from lib.documents import blocklist
from process import wait_until

RESOURCE_LISTS = b'<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">%s</resource-lists>'


def entries(count):
    """A block list of so many strangers."""
    return RESOURCE_LISTS % (b'<list name="oma_blockedcontacts">%s</list>' % b"".join(b'<entry uri="sip:%d@x.y"/>' % i for i in range(count)))


def attributes(count):
    """An element with so many attributes."""
    return RESOURCE_LISTS % (b"<list%s/>" % b"".join(b' a%d=""' % i for i in range(count)))


# The last good copy serves on, whatever the XDMS says.
BAD_LISTS = {
    "empty": b"",
    "html": b"<html>no</html>",
    "cut": b"<resource-lists",
    "binary": b"\xff\xfe\x00\x01" * 100,
    "dtd": b'<!DOCTYPE x [<!ENTITY a "b">]>' + RESOURCE_LISTS % b'<list name="&a;"/>',
    "outer-entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + RESOURCE_LISTS % b"<list>&a;</list>",
    "entity-bomb": b"<!DOCTYPE x [<!ENTITY a0 'aaaaaaaaaa'>%s]>" % b"".join(
        b"<!ENTITY a%d '%s'>" % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 10)
    ) + RESOURCE_LISTS % b"<list>&a9;</list>",
    "unknown-entity": RESOURCE_LISTS % b"<list>&a;</list>",
    "deep": RESOURCE_LISTS % (b"<list>" * 500 + b"</list>" * 500),
    "attributes": attributes(100_000),
    "200000-entries": entries(200_000),
    "1000000-entries": entries(1_000_000),
    "10MB": RESOURCE_LISTS % (b"<!--" + b"x" * 10_000_000 + b"-->"),
}
STACK = {
    "modparams": [("cpm_pf", "xdm_timeout_ms", 500), ("cpm_pf", "xdm_retry_ms", 200), ("cpm_pf", "xdm_fail", "closed")],
    "defines": {"CPM_XDM_MAX_AGE_MS": 100},
}


@pytest.fixture
def known(scene):
    """A user whose documents are at hand: mallory is blocked."""
    bob = scene.person("bob")
    scene.documents.put("lists", bob, blocklist(["sip:mallory@cpm.test"]))
    assert scene.send("sip:mallory@cpm.test", bob).status == 403
    return bob


def wait_documents(scene):
    """Until the documents of a new user can be had."""

    def fresh():
        return scene.stack.rpc("cpm_pf.explain", scene.person("probe"), "sip:alice@cpm.test", "pager")["documents"] == "fresh"

    wait_until(fresh, 10, "the XDMS is asked again")


def timed_send(scene, sender, recipient):
    begin = time.monotonic()
    reply = scene.send(sender, recipient)
    return reply.status, time.monotonic() - begin


@pytest.mark.clause("PR-1")
def test_down(scene, stack, known):
    stack.xdms.process.stop()
    try:
        for _ in range(3):
            assert scene.send("sip:mallory@cpm.test", known).status == 403
            assert scene.send("sip:alice@cpm.test", known).status == 202
        assert timed_send(scene, "sip:alice@cpm.test", scene.person("stranger"))[0] == 503
    finally:
        stack.xdms.start()
        wait_documents(scene)


@pytest.mark.clause("PR-1")
def test_stalled(scene, stack, known):
    try:
        with stack.xdms.process.stalled():
            assert scene.send("sip:mallory@cpm.test", known).status == 403
            status, took = timed_send(scene, "sip:alice@cpm.test", scene.person("stranger"))
            assert status == 503 and took < 2.5
    finally:
        wait_documents(scene)


@pytest.mark.clause("PR-1")
@pytest.mark.parametrize("name", BAD_LISTS)
def test_rubbish_leaves_the_copy_at_hand(scene, known, name):
    scene.documents.put("lists", known, BAD_LISTS[name])
    assert scene.send("sip:mallory@cpm.test", known).status == 403
    assert scene.send("sip:alice@cpm.test", known).status == 202
    scene.documents.put("lists", known, blocklist())
    assert scene.send("sip:mallory@cpm.test", known).status == 202


@pytest.mark.clause("PR-1")
def test_change_is_seen_by_age_alone(scene, known):
    scene.documents.put("lists", known, blocklist(), reload=False)
    wait_until(lambda: scene.send("sip:mallory@cpm.test", known).status == 202, 10, "the new list")
