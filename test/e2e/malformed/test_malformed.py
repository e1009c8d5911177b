# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Bytes that no client should send: a clear SIP answer, a counter, nothing lost, no crash."""

import pytest
from lib.messages import cpim, pager_headers
from lib.raw import exchange, request

ALICE = "sip:alice@cpm.test"
LOG_ALLOW = [r"parse_expires\.c"]


def send(scene, body, *, transport="udp", recipient=None, **options):
    headers = pager_headers(ALICE, **options)
    return exchange(scene.stack.node.sip, request("MESSAGE", recipient or scene.person("bob"), headers, body), transport=transport)


def counted(scene, name):
    return scene.statistics()[name]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"no cpim at all", b"\r\n\r\n", b"From <sip:a@b>\r\n\r\nContent-Type: text/plain\r\n\r\nx",
        b"NS: imdn <urn:ietf:params:imdn\r\nimdn.Message-ID: 1\r\n\r\nContent-Type: text/plain\r\n\r\nx",
        b"".join(b"X%d: y\r\n" % i for i in range(1000)) + b"\r\nContent-Type: text/plain\r\n\r\nx",
    ],
    ids=["empty", "text", "blank", "no-colon", "open-bracket", "1000-headers"],
)
def test_bad_cpim(scene, body):
    reply = send(scene, body)
    assert reply is not None and reply.status in (202, 400, 413)
    scene.stack.rpc("cpm_pf.ping")


def test_text_that_is_no_cpim_is_refused_and_counted(scene):
    before = counted(scene, "malformed")
    assert send(scene, b"no cpim at all").status == 400
    assert counted(scene, "malformed") == before + 1


@pytest.mark.parametrize(
    "content_type", ["multipart/mixed", 'multipart/mixed;boundary=""', 'multipart/mixed;boundary="x"', "multipart/mixed;boundary=" + "b" * 300]
)
def test_bad_multipart(scene, content_type):
    reply = send(scene, b"--y\r\n\r\nhello\r\n--y", content_type=content_type)
    assert reply is not None and reply.status in (202, 400, 413, 415)


@pytest.mark.parametrize("content_type", ["nonsense", "/", "text/", "a/b/c", ";;;"])
def test_wrong_content_type(scene, content_type):
    reply = send(scene, b"hello", content_type=content_type)
    assert reply is not None and reply.status in (400, 415)


def test_body_without_content_type(scene):
    assert send(scene, b"hello", content_type=None).status == 400


def test_body_over_the_limit(scene):
    before = counted(scene, "too_large")
    body = cpim("x" * 60001, ALICE, "sip:bob@cpm.test")
    assert send(scene, body, transport="tcp").status == 413
    assert counted(scene, "too_large") == before + 1


def test_body_at_the_limit_is_kept(scene):
    bob = scene.person("bob")
    head = cpim("", ALICE, bob)
    body = head + b"y" * (60000 - len(head))
    assert send(scene, body, transport="tcp", recipient=bob).status == 202
    assert scene.phone(bob, transport="tcp").wait_received(1)[0].body == body


@pytest.mark.clause("ST-5a")
@pytest.mark.parametrize("expires", [["0"], ["-1"], ["4294967296"], ["99999999999999999999999"], ["abc"], [""], ["60", "120"]])
def test_odd_expires(scene, expires):
    bob = scene.person("bob")
    reply = send(scene, cpim("hello", ALICE, bob), recipient=bob, extra=[("Expires", e) for e in expires])
    assert reply is not None and reply.status in (202, 400)
    scene.stack.rpc("cpm_pf.ping")


@pytest.mark.clause("ST-1d")
def test_binary_body_is_kept_byte_for_byte(scene):
    """With zero bytes, which the SIPp phone cannot show: the store is asked instead."""
    bob = scene.person("bob")
    body = cpim(bytes(range(256)), ALICE, bob)
    assert send(scene, body, recipient=bob).status == 202
    assert scene.stack.rpc("cpm_pf.show", scene.waiting(bob)[0])["size"] == len(body)


@pytest.mark.parametrize(
    "asserted", ["<>", "<sip:>", "nonsense", "<sip:a@>", "<tel:>", f"<sip:{'a' * 900}@cpm.test>"],
    ids=["empty", "no-host", "word", "user-only", "no-number", "long"],
)
def test_bad_asserted_identity_is_no_proof(scene, asserted):
    reply = send(scene, cpim("hello", ALICE, "sip:bob@cpm.test"), asserted=asserted)
    assert reply is not None and reply.status in (202, 400, 403)
    scene.stack.rpc("cpm_pf.ping")
