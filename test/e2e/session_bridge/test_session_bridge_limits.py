# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What sessions through the server may take: time, silence, places."""

import contextlib
import re
import time

import pytest
from lib.conversation import ConversationCall, ConversationPhone, chat, talk
from process import wait_until

STACK = {"defines": {"WITH_SESSION_BRIDGE": True}, "modparams": [
    ("cpm_pf", "session_wait_ms", 1500), ("cpm_pf", "session_idle_s", 3), ("cpm_pf", "session_life_s", 6), ("cpm_pf", "msrp_idle_ms", 1000),
    ("cpm_pf", "msrp_bind_ms", 1500), ("cpm_pf", "msrp_response_ms", 1500), ("cpm_pf", "msrp_max_sessions", 6)]}


def why(scene, user):
    found = re.findall(rf"event=conversation_ended id=\S+ user={re.escape(user)} why=(\S+)", scene.stack.node.log.read_text())
    return found and found[0]


def idle(scene):
    wait_until(lambda: scene.stack.rpc("cpm_pf.msrp")["processes"][0]["sessions"] == 0, 10, "earlier sessions to end")


@pytest.mark.clause("SE-5")
def test_nobody_answers_in_time(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, status=180)
    assert ConversationCall(scene, alice, bob).status == 480
    phone.agent.wait_request("CANCEL")


@pytest.mark.clause("SE-5")
def test_silence_is_no_end_but_for_so_long(scene):
    """Longer than msrp_idle_ms; both hear of its end."""
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    text, began = chat("...", alice, bob), time.monotonic()
    wait_until(lambda: time.monotonic() - began > 2, 5, "silence")
    assert here.send(text) == [200] and there.wait_messages(1) == [text]
    spoke = time.monotonic()
    call.agent.wait_request("BYE")
    phone.agent.wait_request("BYE")
    assert time.monotonic() - spoke > 2.5
    assert wait_until(lambda: why(scene, bob), 5, "its end in the log") == "idle"


@pytest.mark.clause("SE-5")
def test_no_session_lives_for_ever(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    began, ended = time.monotonic(), lambda: any(r.method == "BYE" for _, r, _ in call.agent.requests)
    while not ended() and time.monotonic() - began < 12:
        with contextlib.suppress(OSError):
            here.send(chat("bla", alice, bob), wait=False)
        said = time.monotonic()
        wait_until(lambda: ended() or time.monotonic() - said > 0.5, 2, "a moment")
    phone.agent.wait_request("BYE")
    assert time.monotonic() - began > 5 and wait_until(lambda: why(scene, bob), 5, "its end in the log") == "life"


@pytest.mark.clause("SE-5")
@pytest.mark.parametrize("who", ["caller", "client"])
def test_silence_in_the_middle_of_a_message(scene, who):
    """Its side counts as lost."""
    alice, bob = scene.person("alice"), scene.person("bob")
    call, phone, here, there = talk(scene, alice, bob)
    speaker, other = (here, there) if who == "caller" else (there, here)
    speaker.send_frame(speaker.request(message_id="part", body=b"x" * 1000, byte_range="1-1000/100000", flag="+"))
    other.wait(lambda: other.messages, 10, "the first octets")
    call.agent.wait_request("BYE")
    phone.agent.wait_request("BYE")
    assert wait_until(lambda: why(scene, bob), 5, "its end in the log") == "media"


@pytest.mark.clause("SE-5")
@pytest.mark.parametrize("who", ["caller", "client"])
def test_a_side_that_never_connects(scene, who):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, connect=who != "client")
    call = ConversationCall(scene, alice, bob, connect=who != "caller")
    assert call.status == 200
    phone.agent.wait_request("BYE")
    call.agent.wait_request("BYE")


@pytest.mark.clause("SE-5")
def test_the_other_side_does_not_answer(scene):
    """408, as when it said so; the session goes on."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, answer=lambda frame: None if b"deaf" in frame.body else 200)
    call, phone, here, there = talk(scene, alice, bob, phone=phone)
    assert here.send(chat("deaf?", alice, bob)) == [408]
    assert here.send(chat("hear?", alice, bob)) == [200]
    call.hang_up()


@pytest.mark.clause("SE-5")
def test_no_room_for_one_more(scene):
    """503, and those that are there go on."""
    idle(scene)
    talks = []
    for _ in range(3):
        alice, bob = scene.person("alice"), scene.person("bob")
        talks.append((alice, bob, *talk(scene, alice, bob)))
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob)
    call = ConversationCall(scene, alice, bob)
    assert call.status == 503 and call.reply.get("Retry-After") == "10" and phone.invites == []
    for caller, callee, other, _, here, there in talks:
        text = chat("still here", caller, callee)
        assert here.send(text) == [200] and there.wait_messages(1) == [text]
        other.hang_up()
    idle(scene)
    again = ConversationCall(scene, alice, bob)
    assert again.status == 200
    again.hang_up()
