# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Deferred large messages out: INVITE, MSRP, BYE (8.3.1.6.2, 8.3.1.6.7)."""

import re
import time

import pytest
from lib.documents import profile
from lib.large import LargePhone, large_body, send_large

STACK = {"modparams": [("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 1), ("cpm_pf", "msrp_bind_ms", 3000)]}


@pytest.mark.clause("PU-5", "SL-1", "SL-2", "SL-3", "SL-4")
@pytest.mark.parametrize("setup", ["active", "passive"])
def test_a_deferred_message_is_pushed(scene, setup):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 300000)
    send_large(scene, alice, bob, body)
    phone = LargePhone(scene, bob, setup=setup)
    assert phone.wait_message() == body
    invite = phone.invites[0]
    # SL-1
    assert "oma.cpm.deferred" in invite.get("Accept-Contact") and f"<{alice}>" in invite.get("P-Asserted-Identity")
    assert invite.get("User-Agent").startswith("CPM-serv/OMA") and "timer" in invite.get("Supported")
    assert re.fullmatch(r"\d+;refresher=uac", invite.get("Session-Expires")) and "sip:cpm@" in invite.get("Contact")
    assert invite.get("Conversation-ID") == "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    # SL-2
    assert invite.attribute("sendonly") == "" and invite.attribute("accept-types") == "message/cpim"
    assert invite.attribute("path").startswith("msrp://") and invite.attribute("setup") == "passive"
    assert invite.attribute("file-selector") == f"size:{len(body)}"
    # SL-3
    message = phone.peers[0].wait_message()
    assert {c.get("Content-Type") for c in message.chunks} == {"message/cpim"}
    assert all(c.get("To-Path") == phone.peers[0].path for c in message.chunks)
    # SL-4
    phone.agent.wait_request("BYE")
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("LM-8", "LM-8e", "LM-4")
def test_a_registered_client_gets_it_at_once(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob, instance="urn:uuid:00000000-0000-4000-8000-0000000000a1")
    body = large_body(alice, bob, 100000)
    send_large(scene, alice, bob, body)
    assert phone.wait_message() == body
    invite = phone.invites[0]
    assert "oma.cpm.largemsg" in invite.get("Accept-Contact") and "sip:cpm@" in invite.get("Contact")
    assert ";gr=urn:uuid:00000000-0000-4000-8000-0000000000a1" in invite.uri
    assert invite.attribute("sendonly") == "" and invite.attribute("setup") == "passive"
    assert invite.attribute("file-selector") == f"size:{len(body)}"
    phone.agent.wait_request("BYE")
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("LM-10", "PU-5")
@pytest.mark.parametrize("status", [486, 603])
def test_a_client_that_refuses(scene, status):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob, status=[status, 200])
    body = large_body(alice, bob, 1000)
    send_large(scene, alice, bob, body)
    phone.agent.wait_request("INVITE")
    scene.wait_waiting(bob, 1)
    # It is tried again by age.
    assert phone.wait_message(timeout_s=20) == body
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("SL-4")
def test_an_interrupted_transfer_starts_again(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 400000)
    send_large(scene, alice, bob, body)
    seen = []

    def answer(frame):
        seen.append(frame)
        if len(seen) == 2:
            phone.peers[0].close(reset=True)
        return 200

    phone = LargePhone(scene, bob, answer=answer)
    phone.agent.wait_request("BYE")
    assert len(scene.waiting(bob)) == 1
    assert phone.wait_message(2, timeout_s=30) == body
    assert phone.peers[1].wait_message().chunks[0].range[0] == 1
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("SL-4")
def test_a_refused_chunk_keeps_the_message(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    send_large(scene, alice, bob, large_body(alice, bob, 200000))
    phone = LargePhone(scene, bob, answer=lambda frame: 413 if len(phone.peers) == 1 else 200)
    phone.agent.wait_request("BYE")
    assert len(scene.waiting(bob)) == 1
    phone.agent.wait_request("BYE", 2, timeout_s=20)
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("PU-5")
def test_large_and_pager_messages_come_in_order(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    bodies = [large_body(alice, bob, 50000, imdn_id=f"large-{i}-{bob}") for i in range(2)]
    send_large(scene, alice, bob, bodies[0])
    assert scene.send(alice, bob, "in between").status == 202
    send_large(scene, alice, bob, bodies[1])
    phone = LargePhone(scene, bob)
    assert phone.wait_message(1) == bodies[0] and phone.wait_message(2) == bodies[1]
    scene.wait_waiting(bob, 0)
    methods = [r.method for _, r, known in phone.agent.requests if not known and r.method in ("INVITE", "MESSAGE")]
    assert methods == ["INVITE", "MESSAGE", "INVITE"]


@pytest.mark.clause("PU-5")
def test_preferences_of_a_client(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    instance = "urn:uuid:00000000-0000-4000-8000-0000000000b2"
    scene.documents.put("profile", bob, profile({instance: {"large-message": False}}))
    phone = LargePhone(scene, bob, instance=instance)
    send_large(scene, alice, bob, large_body(alice, bob, 100))
    scene.wait_waiting(bob, 1)
    other = LargePhone(scene, bob, instance="urn:uuid:00000000-0000-4000-8000-0000000000b3")
    other.agent.wait_request("BYE")
    scene.wait_waiting(bob, 0)
    assert not phone.invites


@pytest.mark.clause("SL-3")
def test_a_client_that_never_connects(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    send_large(scene, alice, bob, large_body(alice, bob, 100))
    phone = LargePhone(scene, bob, connect=False)
    phone.agent.wait_request("BYE", timeout_s=45)
    assert len(scene.waiting(bob)) == 1
    # Nobody is there to be tried any more.
    phone.register(expires=0)


@pytest.mark.clause("SL-3")
def test_what_the_client_says_in_the_dialog(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 200000)
    send_large(scene, alice, bob, body)
    phone = LargePhone(scene, bob, read=False)
    invite = phone.agent.wait_request("INVITE")
    phone.agent.wait_request("ACK")
    phone.wait_peer()
    dialog = {
        "to": bob, "call_id": invite.get("Call-ID"), "from_tag": phone.agent.tags[invite.get("Call-ID")],
        "to_tag": re.search(r";tag=([^;]+)", invite.get("From")).group(1), "headers": ["Supported: timer"],
    }
    contact = re.search(r"<(sip:[^>]+)>", invite.get("Contact")).group(1)
    assert phone.agent.request("OPTIONS", contact, cseq=5, **dialog).status == 200
    assert phone.agent.request("UPDATE", contact, cseq=6, **dialog).status == 200
    phone.peers[0].go_on()
    assert phone.wait_message() == body
    phone.agent.wait_request("BYE")
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("SL-4")
def test_a_client_that_ends_the_dialog_itself(scene):
    """In the middle, with its connection open: that is the end of this attempt, at once."""
    alice, bob = scene.person("alice"), scene.person("bob")
    send_large(scene, alice, bob, large_body(alice, bob, 20000000))
    phone = LargePhone(scene, bob, read=False)
    phone.agent.wait_request("ACK")
    phone.wait_peer()
    assert phone.within("BYE").status == 200
    phone.read = True
    began = time.monotonic()
    assert phone.wait_message(2, timeout_s=20)
    assert time.monotonic() - began < 15, "no time-out ended the first attempt"
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("SL-4")
def test_clients_that_hang_up_as_soon_as_they_may(scene):
    """With the ACK itself: by then the dialog is known to whichever worker takes the BYE. Before its media is there, or our own BYE could
    be on its way already, and 481 right."""
    alice, phones, branches = scene.person("alice"), [], []

    def hasty(phone):
        take = phone.agent._take

        def take_and_hang_up(message, source):
            if message.method == "ACK" and len(phone.invites) == 1:
                branches.append((phone, phone.within("BYE", wait=False)))
                phone.connect = True
            take(message, source)

        phone.agent._take = take_and_hang_up
        phone.register()
        return phone

    for n in range(50):
        bob = scene.person(f"bob-{n}-")
        send_large(scene, alice, bob, large_body(alice, bob, 1000))
        phones.append(hasty(LargePhone(scene, bob, connect=False, register=False)))
    for phone in phones:
        phone.agent.wait_request("ACK")
        scene.wait_waiting(phone.aor, 0)
    statuses = [phone.agent.replies[branch][0].status for phone, branch in branches]
    assert statuses == [200] * len(phones)


@pytest.mark.clause("SL-4")
@pytest.mark.parametrize("confirms", [True, False])
def test_a_client_that_ends_the_dialog_with_its_last_response(scene, confirms):
    """Its BYE and its responses come by different ways: what it confirms a moment later counts, and nothing else."""
    alice, bob = scene.person("alice"), scene.person("bob")
    send_large(scene, alice, bob, large_body(alice, bob, 1000))

    def answer(frame):
        if len(phone.invites) > 1:
            return 200
        assert phone.within("BYE").status == 200
        return 200 if confirms else None

    phone = LargePhone(scene, bob, answer=answer)
    phone.wait_message()
    scene.wait_waiting(bob, 0, deadline_s=20)
    assert len(phone.invites) == (1 if confirms else 2)
