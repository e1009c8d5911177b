# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Bytes that no client should send: a clear SIP answer, a counter, nothing lost, no crash."""

import datetime

import pytest
from lib.messages import cpim, pager_headers
from lib.raw import exchange, request
from process import wait_until

ALICE = "sip:alice@cpm.test"
# The host's words about requests that it cannot read or answer.
LOG_ALLOW = [r"parse_expires\.c", r"core/parser/", r"core/receive\.c", r"core/msg_translator\.c", r"core/tcp_main\.c", r"msg_send_buffer"]


def send(scene, body, *, transport="udp", recipient=None, **options):
    headers = pager_headers(ALICE, **options)
    return exchange(scene.stack.node.sip, request("MESSAGE", recipient or scene.person("bob"), headers, body), transport=transport)


def counted(scene, name):
    return scene.statistics()[name]


def answered(scene, body, expected, **options):
    """The answer is the expected one, and its counter has grown; what was not accepted is not kept."""
    status, counter = expected
    bob = scene.person("bob")
    before = counted(scene, counter)
    assert send(scene, body, recipient=bob, **options).status == status
    wait_until(lambda: counted(scene, counter) == before + 1, 5, f"{counter} counts it")
    assert len(scene.waiting(bob)) == (status == 202)


ACCEPTED, MALFORMED, TOO_LARGE, UNSUPPORTED = (202, "accepted"), (400, "malformed"), (413, "too_large"), (415, "unsupported")


@pytest.mark.parametrize(
    "body, expected",
    [
        (b"", ACCEPTED),
        (b"no cpim at all", MALFORMED),
        # Neither message headers nor headers of the content: both may be empty.
        (b"\r\n\r\n", ACCEPTED),
        (b"From <sip:a@b>\r\n\r\nContent-Type: text/plain\r\n\r\nx", MALFORMED),
        (b"From: <sip:a@b>\r\nTo: <sip:b@b>", MALFORMED),
        (b"From: <sip:a\0@b>\r\n\r\nContent-Type: text/plain\r\n\r\nx", MALFORMED),
        # A declaration that binds no name.
        (b"NS: imdn <urn:ietf:params:imdn\r\nimdn.Message-ID: 1\r\n\r\nContent-Type: text/plain\r\n\r\nx", ACCEPTED),
        (b"".join(b"X%d: y\r\n" % i for i in range(1000)) + b"\r\nContent-Type: text/plain\r\n\r\nx", TOO_LARGE),
    ],
    ids=["empty", "text", "blank", "no-colon", "cut", "NUL", "open-bracket", "1000-headers"],
)
def test_bad_cpim(scene, body, expected):
    answered(scene, body, expected)


@pytest.mark.parametrize(
    "parameters, body, expected",
    [
        ("", b"--y\r\n\r\nhello\r\n--y", MALFORMED),
        (';boundary=""', b"--y\r\n\r\nhello\r\n--y", MALFORMED),
        (';boundary="x"', b"--y\r\n\r\nhello\r\n--y", MALFORMED),
        (";boundary=" + "b" * 300, b"--y\r\n\r\nhello\r\n--y", MALFORMED),
        (";boundary=y", b"--y\r\n\r\nhello\r\n--y", MALFORMED),
        (";boundary=y", b"--y\r\nContent-Type: message/cpim\r\n\r\nno cpim at all\r\n--y--\r\n", MALFORMED),
        (";boundary=y", b"--y\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 40 + b"--y--\r\n", TOO_LARGE),
    ],
    ids=["no-boundary", "empty-boundary", "other-boundary", "long-boundary", "unclosed", "cpim-inside", "40-parts"],
)
def test_bad_multipart(scene, parameters, body, expected):
    answered(scene, body, expected, content_type=f"multipart/mixed{parameters}")


@pytest.mark.parametrize("content_type", ["nonsense", "/", "text/", "a/b/c", ";;;"])
def test_wrong_content_type(scene, content_type):
    answered(scene, b"hello", UNSUPPORTED, content_type=content_type)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_missing_header(scene, name, transport):
    """Without one of these there is nobody to answer; nothing is kept and the server goes on."""
    bob = scene.person("bob")
    head, _, body = request("MESSAGE", bob, pager_headers(ALICE), cpim("hello", ALICE, bob)).partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(name.encode() + b":")]
    assert exchange(scene.stack.node.sip, b"\r\n".join(lines) + b"\r\n\r\n" + body, transport=transport, timeout_s=0.3) is None
    assert send(scene, cpim("hello", ALICE, bob), recipient=bob).status == 202
    scene.wait_waiting(bob, 1)


def test_body_without_content_type(scene):
    answered(scene, b"hello", MALFORMED, content_type=None)


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


MAX_EXPIRY_S = 3 * 86400


@pytest.mark.clause("ST-5a")
@pytest.mark.parametrize(
    "expires, lives_s, odd",
    [(["60"], 60, 0), (["4294967296"], MAX_EXPIRY_S, 0), (["60", "120"], 60, 1), ([str(MAX_EXPIRY_S)], MAX_EXPIRY_S, 0), ([], MAX_EXPIRY_S, 0)],
    ids=["60", "absurd", "repeated", "maximum", "none"],
)
def test_expires(scene, expires, lives_s, odd):
    bob = scene.person("bob")
    before = counted(scene, "expires_odd")
    reply = send(scene, cpim("hello", ALICE, bob), recipient=bob, extra=[("Expires", e) for e in expires])
    assert reply.status == 202
    assert counted(scene, "expires_odd") == before + odd
    shown = scene.stack.rpc("cpm_pf.show", scene.waiting(bob)[0])
    arrived, ends = (datetime.datetime.fromisoformat(shown[name].replace("Z", "+00:00")) for name in ("arrived", "expires"))
    assert abs((ends - arrived).total_seconds() - lives_s) <= 1


@pytest.mark.clause("ST-5a")
def test_expires_0_is_stored_and_expires_at_once(scene):
    bob = scene.person("bob")
    before = counted(scene, "expired")
    assert send(scene, cpim("hello", ALICE, bob), recipient=bob, extra=[("Expires", "0")]).status == 202
    wait_until(lambda: counted(scene, "expired") == before + 1, 10, "the message expires")
    scene.wait_waiting(bob, 0)


@pytest.mark.parametrize("expires", ["-1", "99999999999999999999999", "abc", ""], ids=["negative", "huge", "word", "empty"])
def test_expires_that_is_no_number(scene, expires):
    """The check of the request's form refuses it before the module sees it."""
    bob = scene.person("bob")
    assert send(scene, cpim("hello", ALICE, bob), recipient=bob, extra=[("Expires", expires)]).status == 400
    assert scene.waiting(bob) == []


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
    bob = scene.person("bob")
    assert send(scene, cpim("hello", ALICE, bob), recipient=bob, asserted=asserted).status == 403
    assert scene.waiting(bob) == []
