# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Delivery to registered clients (8.3.1.1 step 7 and after)."""

import pytest
from lib.documents import profile
from lib.messages import PAGER_ICSI

DESK, MOBILE = "urn:uuid:00000000-0000-4000-8000-0000000000d1", "urn:uuid:00000000-0000-4000-8000-0000000000d2"


@pytest.mark.clause("PM-7a", "PM-9", "RG-1")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_message_reaches_the_registered_client(scene, transport):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(bob, instance=DESK, transport=transport)
    sent = scene.send(alice, bob, transport=transport)
    assert sent.status == 200
    request = phone.wait_received()[0]
    assert request.uri == f"{bob};gr={DESK}"
    assert any(PAGER_ICSI in value for value in request.all("Accept-Contact"))
    assert request.all("User-Agent") == ["CPM-serv/OMA1.0"]
    assert request.body == sent.request.body
    assert alice in request.get("P-Asserted-Identity")
    assert scene.waiting(bob) == []


@pytest.mark.clause("PM-7", "PM-7a", "PM-9")
def test_each_client_gets_one_message_and_the_sender_one_answer(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phones = [scene.phone(bob, instance=DESK), scene.phone(bob, instance=MOBILE, answers=[("200", 300)])]
    assert scene.send(alice, bob).status == 200
    assert [p.wait_received()[0].uri for p in phones] == [f"{bob};gr={DESK}", f"{bob};gr={MOBILE}"]
    assert [len(p.received()) for p in phones] == [1, 1]


@pytest.mark.clause("PM-7")
def test_profile_selects_the_clients(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    desk, mobile = scene.phone(bob, instance=DESK), scene.phone(bob, instance=MOBILE)
    scene.documents.put("profile", bob, profile({DESK: {"pager-mode-message": False}, MOBILE: {"pager-mode-message": True}}))
    assert scene.send(alice, bob).status == 200
    mobile.wait_received()
    assert desk.received() == []


@pytest.mark.clause("PM-7", "RG-1")
def test_client_of_another_service_is_not_selected(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    other = scene.phone(bob, instance=DESK, tags='+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.largemsg"')
    assert scene.send(alice, bob).status == 202
    assert other.received() == []


@pytest.mark.clause("PM-8")
def test_message_for_nobody_is_deferred(scene):
    bob = scene.person("bob")
    assert scene.send(scene.person("alice"), bob).status == 202
    assert len(scene.waiting(bob)) == 1


@pytest.mark.clause("PM-8", "PM-7")
def test_message_is_deferred_when_the_profile_takes_no_client(scene):
    bob = scene.person("bob")
    phone = scene.phone(bob, instance=DESK)
    scene.documents.put("profile", bob, profile({DESK: {"pager-mode-message": False}}))
    assert scene.send(scene.person("alice"), bob).status == 202
    assert phone.received() == []


@pytest.mark.clause("PM-9")
def test_first_2xx_counts_although_another_client_refuses(scene):
    bob = scene.person("bob")
    scene.phone(bob, instance=DESK, answers=["486"])
    scene.phone(bob, instance=MOBILE, answers=[("200", 300)])
    assert scene.send(scene.person("alice"), bob).status == 200
    assert scene.waiting(bob) == []


@pytest.mark.clause("PM-10a")
@pytest.mark.parametrize("answer", ["486", "480", "500", "603"])
def test_message_that_no_client_takes_is_deferred(scene, answer):
    bob = scene.person("bob")
    scene.phone(bob, instance=DESK, answers=[answer])
    assert scene.send(scene.person("alice"), bob).status == 202
    assert len(scene.waiting(bob)) == 1
