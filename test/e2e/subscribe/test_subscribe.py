# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""SUBSCRIBE deferred-messages (8.3.1.6.5)."""

import xml.etree.ElementTree as ElementTree

import pytest
from lib.messages import cpim, multipart

MSGINFO = "{urn:ietf:params:xml:ns:msginfo}"


def listed(notify):
    """(number, the message-references in order) of a NOTIFY."""
    assert notify.get("Content-Type") == "application/msginfo+xml"
    root = ElementTree.fromstring(notify.body)
    assert root.tag == MSGINFO + "message-list"
    return int(root.get("number")), [m.get("message-reference") for m in root.findall(MSGINFO + "message")]


@pytest.mark.clause("SU-2", "SU-3", "SU-4")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_one_notify_with_what_waits(scene, transport):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.send_all(alice, bob, ["one", "two"], extra=[("Subject", "Lunch & more")])
    call = scene.subscribe(bob, transport=transport)
    assert call.status == 200
    assert call.reply.get("Contact") and "tag=" in call.reply.get("To")
    assert int(call.reply.get("Expires")) <= 3600
    assert call.reply.get("Allow-Events") == "deferred-messages"
    assert call.reply.get("Server") == "CPM-serv/OMA1.0"
    (notify,) = call.requests("NOTIFY")
    assert notify.get("Event") == "deferred-messages"
    assert notify.get("Subscription-State").startswith("terminated")
    assert notify.get("User-Agent") == "CPM-serv/OMA1.0"
    assert listed(notify) == (2, [scene.message_uri(i) for i in scene.waiting(bob)])
    message = ElementTree.fromstring(notify.body).find(MSGINFO + "message")
    assert message.findtext(MSGINFO + "subject") == "Lunch & more"
    info = message.find(MSGINFO + "info")
    assert [info.findtext(MSGINFO + n) for n in ("from", "to", "auth-id")] == [alice, bob, alice]
    assert int(message.findtext(MSGINFO + "size")) > 0 and message.findtext(MSGINFO + "expiry") > message.get("date-time")
    assert len(scene.waiting(bob)) == 2


@pytest.mark.clause("SU-3")
def test_nothing_waits(scene):
    call = scene.subscribe(scene.person("bob"))
    assert call.status == 200
    assert listed(call.requests("NOTIFY")[0]) == (0, [])


@pytest.mark.clause("SU-3")
def test_anonymous_originator_is_not_named(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    assert scene.send(alice, bob, from_='"Anonymous" <sip:anonymous@anonymous.invalid>', extra=[("Privacy", "id")]).status == 202
    (notify,) = scene.subscribe(bob).requests("NOTIFY")
    assert listed(notify)[0] == 1 and alice.encode() not in notify.body


@pytest.mark.clause("SU-3", "ST-1c")
def test_recipients_of_a_message_to_several_people(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    copy = 'xmlns:cp="urn:ietf:params:xml:ns:copycontrol" cp:copyControl='
    people = (
        f'<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list><entry uri="{bob}" {copy}"to"/>'
        f'<entry uri="sip:carol@cpm.test" {copy}"cc"/><entry uri="sip:hidden@cpm.test" {copy}"bcc"/></list></resource-lists>'
    ).encode()
    body = multipart(
        ("message/cpim", [], cpim("to all", alice, bob)), ("application/resource-lists+xml", ["Content-Disposition: recipient-list-history"], people)
    )
    assert scene.send(alice, bob, body=body, content_type="multipart/mixed;boundary=boundary1").status == 202
    (notify,) = scene.subscribe(bob).requests("NOTIFY")
    named = [e.get("uri") for e in ElementTree.fromstring(notify.body).iter(MSGINFO + "entry")]
    assert named == [bob, "sip:carol@cpm.test"]


@pytest.mark.clause("SU-1")
@pytest.mark.parametrize("asserted", ["<sip:eve@elsewhere.test>", False], ids=["foreign", "unknown"])
def test_who_is_no_user_of_ours_is_refused(scene, asserted):
    bob = scene.person("bob")
    scene.send(scene.person("alice"), bob)
    call = scene.subscribe(bob, asserted=asserted)
    assert (call.status, call.warning) == (403, '399 cpm.test "127 Service not authorised"')


@pytest.mark.clause("SU-1")
def test_nobody_sees_what_waits_for_another(scene):
    bob, carol = scene.person("bob"), scene.person("carol")
    scene.send(scene.person("alice"), bob)
    call = scene.subscribe(bob, asserted=f"<{carol}>")
    assert (call.status, call.warning) == (403, '399 cpm.test "127 Service not authorised"')
    # By any identity of its own, and by the server's address, a user asks for what is its own.
    assert listed(scene.subscribe(bob, asserted=f"<{bob}>, <tel:+15550100>").requests("NOTIFY")[0])[0] == 1
    assert listed(scene.subscribe(carol, target="sip:cpm.test").requests("NOTIFY")[0]) == (0, [])
    assert listed(scene.subscribe(bob, target="sip:cpm.test").requests("NOTIFY")[0])[0] == 1


@pytest.mark.clause("SU-1", "SU-3")
def test_telephone_numbers(scene):
    number = f"+1555{abs(hash(scene.person('n'))) % 10**7:07d}"
    assert scene.send(scene.person("alice"), f"sip:{number}@cpm.test;user=phone").status == 202
    target = f"sip:{number}@cpm.test;user=phone"
    for asserted in (f"<tel:{number}>", f"<sip:{number}@cpm.test;user=phone>"):
        (notify,) = scene.subscribe(target, asserted=asserted).requests("NOTIFY")
        assert listed(notify)[0] == 1
    # A number that comes with an identity of elsewhere is not taken for a user of ours.
    assert scene.subscribe(target, asserted=f"<sip:eve@elsewhere.test>, <tel:{number}>").status == 403


def test_another_event_is_refused(scene):
    call = scene.subscribe(scene.person("bob"), event="presence")
    assert (call.status, call.reply.get("Allow-Events")) == (489, "deferred-messages")
    assert scene.subscribe(scene.person("bob"), event=None).status == 489


@pytest.mark.parametrize(
    "accept,status",
    [("application/pidf+xml", 406), ("text/plain, application/pidf+xml;q=0.5", 406), ("application/msginfo+xml", 200), ("*/*", 200)],
)
def test_accept(scene, accept, status):
    assert scene.subscribe(scene.person("bob"), accept=accept).status == status


def test_fetch_and_event_id(scene):
    call = scene.subscribe(scene.person("bob"), expires=0, event="deferred-messages;id=7")
    assert (call.status, call.reply.get("Expires")) == (200, "0")
    assert call.requests("NOTIFY")[0].get("Event") == "deferred-messages;id=7"


@pytest.mark.clause("SU-3")
def test_long_queue_in_one_notify_over_tcp(scene):
    bob = scene.person("bob")
    scene.send_all(scene.person("alice"), bob, ["x"] * 600, parallel=20)
    call = scene.subscribe(bob, transport="tcp")
    (notify,) = call.requests("NOTIFY")
    number, references = listed(notify)
    assert number == 600
    assert 50 < len(references) < 600 and len(notify.body) <= 60000
    oldest = scene.stack.rpc("cpm_pf.list", bob, 0, len(references))["messages"]
    assert references == [scene.message_uri(m["id"]) for m in oldest]
