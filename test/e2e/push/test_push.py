# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Push of deferred messages to a client that registers (8.3.1.6.2, 8.3.1.6.6)."""

import pytest
from lib.documents import profile

DESK, MOBILE = "urn:uuid:00000000-0000-4000-8000-0000000000d1", "urn:uuid:00000000-0000-4000-8000-0000000000d2"
STACK = {"modparams": [("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 2)]}


def defer(scene, bob, count=1):
    texts = [f"message {i}" for i in range(count)]
    sent = scene.send_all("sip:alice@cpm.test", bob, texts)
    assert [r.status for r in sent] == [202] * count
    return sent


@pytest.mark.clause("PU-2", "PU-4", "SP-1", "SP-3", "RG-1")
def test_registration_brings_the_message_once(scene):
    bob = scene.person("bob")
    sent = defer(scene, bob)[0]
    phone = scene.phone(bob, instance=DESK)
    request = phone.wait_received()[0]
    assert request.uri == f"{bob};gr={DESK}"
    assert request.body == sent.request.body
    scene.wait_waiting(bob, 0)
    scene.register(phone)
    assert len(phone.received()) == 1


@pytest.mark.clause("PU-4", "SP-3")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_many_messages_come_in_order(scene, transport):
    bob = scene.person("bob")
    sent = defer(scene, bob, 100)
    phone = scene.phone(bob, transport=transport)
    got = phone.wait_received(100, deadline_s=30)
    assert [m.imdn_id for m in got] == [r.request.imdn_id for r in sent]
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("PU-3")
def test_profile_of_the_registering_client_decides(scene):
    bob = scene.person("bob")
    scene.documents.put("profile", bob, profile({DESK: {"deferred": False}}))
    defer(scene, bob)
    desk = scene.phone(bob, instance=DESK)
    mobile = scene.phone(bob, instance=MOBILE)
    assert len(mobile.wait_received()) == 1
    assert desk.received() == []
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("PU-3")
def test_message_stays_when_no_client_wants_it(scene):
    bob = scene.person("bob")
    scene.documents.put("profile", bob, profile({DESK: {"deferred": False}}))
    defer(scene, bob)
    desk = scene.phone(bob, instance=DESK)
    other = scene.person("carol")
    defer(scene, other)
    scene.phone(other).wait_received()
    assert desk.received() == [] and len(scene.waiting(bob)) == 1


@pytest.mark.clause("SP-4")
@pytest.mark.parametrize("answer", ["486", "480", "503"])
def test_refused_message_stays_and_is_tried_again(scene, answer):
    bob = scene.person("bob")
    sent = defer(scene, bob)[0]
    phone = scene.phone(bob, instance=DESK, answers=[answer, "200"])
    phone.wait_received(1)
    assert len(scene.waiting(bob)) == 1
    got = phone.wait_received(2, deadline_s=15)
    assert {m.imdn_id for m in got} == {sent.request.imdn_id}
    scene.wait_waiting(bob, 0, deadline_s=15)


@pytest.mark.clause("PU-2")
def test_flush_by_an_operator(scene):
    bob = scene.person("bob")
    phone = scene.phone(bob, answers=["486", "200"])
    assert scene.send("sip:alice@cpm.test", bob).status == 202
    phone.wait_received(1)
    scene.stack.rpc("cpm_pf.flush", bob)
    phone.wait_received(2)
    scene.wait_waiting(bob, 0)
