# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The management INVITE to CPMDeferredMsgMgmt (8.3.1.6.3)."""

import pytest
from lib.documents import DEFERRED, do_not_disturb, rule, ruleset
from lib.messages import multipart, orders, sdp
from process import wait_until

DESK, MOBILE = "urn:uuid:00000000-0000-4000-8000-0000000000d1", "urn:uuid:00000000-0000-4000-8000-0000000000d2"
PULL = rule("deferred", ["allow-pull"], media=DEFERRED)
LIST = "application/resource-lists+xml"


@pytest.fixture
def bob(scene):
    """A user whose deferred messages wait for the user's word."""
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(PULL))
    return bob


def defer(scene, bob, count=1, **options):
    sent = scene.send_all(scene.person("alice"), bob, [f"message {i}" for i in range(count)], **options)
    assert [r.status for r in sent] == [202] * count
    return sent, [scene.message_uri(i) for i in scene.waiting(bob)]


def system_messages(phone):
    return [m for m in phone.received() if "system" in m.get("Accept-Contact", "")]


def messages(phone):
    return [m for m in phone.received() if "system" not in m.get("Accept-Contact", "")]


def wait_messages(phone, count, deadline_s=10):
    return wait_until(lambda: len(messages(phone)) >= count and messages(phone), deadline_s, f"{count} messages at {phone.aor}", pause_s=0.05)


def assert_ended(call):
    """200 and To tag, one BYE of ours after the ACK."""
    assert call.status == 200 and "tag=" in call.reply.get("To") and call.reply.get("Contact")
    (bye,) = call.requests("BYE")
    assert bye.get("Call-ID") == call.request.get("Call-ID")
    assert bye.uri == call.request.get("Contact").partition(">")[0].lstrip("<")


@pytest.mark.clause("MG-1")
def test_nothing_deferred(scene):
    call = scene.manage(scene.person("bob"))
    assert (call.status, call.warning) == (488, '399 cpm.test "125 No messages"')


@pytest.mark.parametrize("asserted", ["<sip:eve@elsewhere.test>", False], ids=["foreign", "unknown"])
def test_who_is_no_user_of_ours(scene, bob, asserted):
    defer(scene, bob)
    call = scene.manage(bob, asserted=asserted)
    assert (call.status, call.warning) == (403, '399 cpm.test "127 Service not authorised"')
    assert len(scene.waiting(bob)) == 1


@pytest.mark.clause("MG-2", "MG-6", "DF-2")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_no_list_delivers_all(scene, bob, transport):
    sent, _ = defer(scene, bob, 3)
    phone = scene.phone(bob, instance=DESK)
    call = scene.manage(bob, transport=transport)
    assert_ended(call)
    got = wait_messages(phone, 3)
    assert [m.body for m in got] == [r.request.body for r in sent]
    assert all("oma.cpm.deferred" in m.get("Accept-Contact") for m in got)
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("MG-2", "MG-6", "MG-7")
def test_deliver_some(scene, bob):
    sent, uris = defer(scene, bob, 3)
    phone = scene.phone(bob)
    call = scene.manage(bob, orders((uris[1], "deliver")))
    assert_ended(call)
    assert [m.body for m in wait_messages(phone, 1)] == [sent[1].request.body]
    scene.wait_waiting(bob, 2)
    assert [scene.message_uri(i) for i in scene.waiting(bob)] == [uris[0], uris[2]]
    assert len(messages(phone)) == 1


@pytest.mark.clause("MG-6")
def test_deliver_goes_to_the_client_that_ordered(scene, bob):
    defer(scene, bob)
    desk, mobile = scene.phone(bob, instance=DESK), scene.phone(bob, instance=MOBILE)
    assert_ended(scene.manage(bob, instance=MOBILE))
    wait_messages(mobile, 1)
    scene.wait_waiting(bob, 0)
    assert messages(desk) == []


@pytest.mark.clause("MG-2")
def test_list_in_a_multipart_with_sdp(scene, bob):
    _, uris = defer(scene, bob)
    phone = scene.phone(bob)
    body = multipart(("application/sdp", [], sdp()), (LIST, ["Content-Disposition: recipient-list"], orders((uris[0], "deliver"), nested=True)))
    call = scene.manage(bob, body, content_type="multipart/mixed;boundary=boundary1", extra=[("Require", "recipient-list-invite")])
    assert_ended(call)
    assert call.reply.get("Content-Type") == "application/sdp"
    assert b"\r\nm=message 0 TCP/MSRP *\r\n" in call.reply.body
    wait_messages(phone, 1)
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("MG-2")
def test_without_an_offer_ours_has_no_media(scene, bob):
    _, uris = defer(scene, bob)
    call = scene.manage(bob, orders((uris[0], "store")))
    assert_ended(call)
    assert call.reply.body.startswith(b"v=0\r\n") and b"m=" not in call.reply.body


def test_the_same_id_twice_and_actions_without_case(scene, bob):
    sent, uris = defer(scene, bob, 2)
    phone = scene.phone(bob)
    assert_ended(scene.manage(bob, orders((uris[0], "Deliver"), (uris[0], "delete"), (uris[1], "fax"))))
    assert [m.body for m in wait_messages(phone, 1)] == [sent[0].request.body]
    scene.wait_waiting(bob, 1)


@pytest.mark.clause("MG-7")
@pytest.mark.parametrize("action", ["deliver", "delete", "interwork", "store"])
def test_only_ones_own_messages_can_be_named(scene, bob, action):
    carol = scene.person("carol")
    scene.documents.put("policy", carol, ruleset(PULL))
    _, uris = defer(scene, carol)
    defer(scene, bob)
    phone = scene.phone(carol)
    before = scene.waiting(carol)
    assert_ended(scene.manage(bob, orders((uris[0], action), ("sip:000000000000000000000000-1@cpm.test", action))))
    # Bob's orders have gone all the way; what is Carol's is untouched.
    defer(scene, scene.person("dave"))
    assert scene.waiting(carol) == before and len(scene.waiting(bob)) == 1
    assert messages(phone) == []


@pytest.mark.parametrize(
    "body", [b"no list", b"<resource-lists", b'<list xmlns="urn:ietf:params:xml:ns:resource-lists"/>', b'<!DOCTYPE a><a/>'],
    ids=["text", "open", "another-root", "dtd"],
)
def test_malformed_list(scene, bob, body):
    defer(scene, bob)
    assert scene.manage(bob, body, content_type=LIST).status == 400
    assert len(scene.waiting(bob)) == 1


def test_malformed_sdp(scene, bob):
    defer(scene, bob)
    assert scene.manage(bob, b"hello", content_type="application/sdp").status == 400


def test_too_many_orders(scene, bob):
    defer(scene, bob)
    body = orders(*((f"sip:{i:024x}-1@cpm.test", None) for i in range(1001)))
    assert scene.manage(bob, body, transport="tcp").status == 413


@pytest.mark.clause("MG-3")
def test_delete(scene, bob):
    _, uris = defer(scene, bob, 2)
    phone = scene.phone(bob)
    assert_ended(scene.manage(bob, orders((uris[0], "delete"))))
    scene.wait_waiting(bob, 1)
    assert [scene.message_uri(i) for i in scene.waiting(bob)] == [uris[1]]
    assert messages(phone) == []


@pytest.mark.clause("MG-6")
def test_do_not_disturb_does_not_stop_what_is_ordered(scene, bob):
    sent, uris = defer(scene, bob, 2)
    scene.documents.put("policy", bob, do_not_disturb())
    phone = scene.phone(bob)
    assert_ended(scene.manage(bob, orders((uris[1], "deliver"))))
    assert [m.body for m in wait_messages(phone, 1)] == [sent[1].request.body]
    scene.wait_waiting(bob, 1)


@pytest.mark.clause("MG-4")
def test_interwork(scene, bob):
    sent, uris = defer(scene, bob, 2)
    isf = scene.isf()
    assert_ended(scene.manage(bob, orders((uris[0], "interwork"))))
    assert [m.body for m in isf.wait_received(1)] == [sent[0].request.body]
    scene.wait_waiting(bob, 1)


@pytest.mark.clause("MG-2", "MG-3", "MG-4", "MG-6", "MG-7")
def test_all_actions_in_one_list(scene, bob):
    sent, uris = defer(scene, bob, 5)
    phone, isf = scene.phone(bob), scene.isf()
    assert_ended(scene.manage(bob, orders((uris[3], "store"), (uris[0], "delete"), (uris[1], None), (uris[2], "interwork"))))
    assert [m.body for m in wait_messages(phone, 1)] == [sent[1].request.body]
    assert [m.body for m in isf.wait_received(1)] == [sent[2].request.body]
    # The one to be stored stays until there is a message store, the unlisted one until its user says what to do.
    scene.wait_waiting(bob, 2)
    assert [scene.message_uri(i) for i in scene.waiting(bob)] == [uris[3], uris[4]]
    assert len(messages(phone)) == 1
