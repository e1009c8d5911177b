# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What is said in a session is recorded where its user wants that (8.3.2.1, first 200, step 5; 8.5)."""

import contextlib
import email.utils
import os
import re
import secrets
import signal

import pytest
import redis
from imapproxy import ImapProxy
from lib.conversation import ConversationCall, ConversationPhone
from lib.documents import rule, ruleset
from lib.large import ICSI, LargeCall, MsrpPeer, large_body
from lib.mailbox import Mailbox
from lib.messages import cpim, new_id
from lib.session import session_headers
from ports import free_port
from process import wait_until
from sipua import sdp
from stack import host_port

PROXY = free_port()
STACK = {
    "imap": True,
    "modparams": [
        ("cpm_pf", "store_timeout_ms", 1500), ("cpm_pf", "store_retry_min_ms", 200), ("cpm_pf", "store_retry_max_ms", 1000),
        ("cpm_pf", "store_settle_ms", 1000), ("cpm_pf", "claim_ms", 4000),
        ("cpm_pf", "store_url", f"imap://127.0.0.1:{PROXY}"), ("cpm_pf", "redis_timeout_ms", 500),
    ],
}
# Redis and Kamailio are killed; Kamailio's processes do not die in the same instant.
LOG_ALLOW = [r"redis: ", r"event=queue_away", r"receive_fd\(\): EOF"]
HISTORY = '<oxe:allow-offline-storage oxe:allow="true"/>'
CONNECTED = "redis: for large messages: connected"
TYPES = "message/cpim application/im-iscomposing+xml"
COMPOSING = b'<?xml version="1.0"?><isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>active</state></isComposing>'
SESSION = ("message-session",)
SESSION_REF = f'*;+g.3gpp.icsi-ref="{ICSI}session"'


@pytest.fixture(scope="module")
def proxy(stack):
    proxy = ImapProxy(stack.dovecot.address, PROXY)
    yield proxy
    proxy.close()


@pytest.fixture
def people(scene, proxy):
    """alice, and bob who wants a history."""
    proxy.set("pass")
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("history", HISTORY, media=SESSION)))
    return alice, bob


class Conversation:
    """Alice has invited Bob, and both have their media."""

    def __init__(self, scene, alice, bob, *, phone=None, call=None):
        self.alice, self.bob, self.contribution, self.said = alice, bob, secrets.token_hex(16), []
        self.phone = phone or ConversationPhone(scene, bob, types=TYPES)
        before = len(self.phone.peers)
        self.call = call() if call else ConversationCall(scene, alice, bob, types=TYPES, contribution=self.contribution)
        assert self.call.status == 200, self.call.reply
        self.caller, self.client = self.call.peer, self.phone.wait_peer(before + 1)
        self.client.wait(lambda: self.client.peer_path, 10, "the client's connection")

    def cpim(self, text, *, sent=False, **options):
        return cpim(text, *((self.bob, self.alice) if sent else (self.alice, self.bob)), **options)

    def say(self, body, *, sent=False, **options):
        """sent: Bob says it. It has arrived."""
        near, far = (self.client, self.caller) if sent else (self.caller, self.client)
        message_id = options.pop("message_id", None) or new_id()
        statuses = near.send(body, message_id=message_id, **options)
        assert set(statuses) == {200}, statuses
        far.wait(lambda: any(m.complete and bytes(m.body) == body for m in far.messages.values()), what="the message")
        self.said.append((sent, body))

    def folder(self):
        return f"Default/{self.alice}/{self.contribution}"

    def bye(self):
        assert self.call.call.bye() == 200


def counted(scene, *names):
    statistics = scene.statistics()
    return [statistics[name] for name in names]


def recorded(stack, conversation, deadline_s=15):
    """The objects of the session's folder: all that was said, nothing else, in order."""
    said = conversation.said
    objects = Mailbox(stack, conversation.bob).wait_objects(len(said), deadline_s)
    assert {o.folder for o in objects} == {conversation.folder()}
    assert [o.uid for o in objects] == sorted(o.uid for o in objects)
    assert [(o["Message-Direction"] == "sent", o.body) for o in objects] == said
    return objects


def log(stack, pattern):
    return re.findall(pattern, stack.node.log.read_text())


def wait_counted(scene, name, value):
    wait_until(lambda: counted(scene, name) == [value], 10, f"{name} to be {value}")


@pytest.mark.clause("SE-8")
def test_both_directions_in_order(scene, stack, people):
    before, = counted(scene, "recordings")
    c = Conversation(scene, *people)
    for i in range(12):
        sent = i % 3 == 2
        c.say(c.cpim(f"line {i}\n" * (i + 1), sent=sent, imdn_id=f"{c.contribution}-{i}"), sent=sent, chunk=100 if i % 2 else None)
    objects = recorded(stack, c)
    for i, o in enumerate(objects):
        ends = (c.bob, c.alice) if o["Message-Direction"] == "sent" else (c.alice, c.bob)
        assert [re.search("<([^>]*)>", o[name]).group(1) for name in ("From", "To")] == list(ends)
        assert o["IMDN-Message-ID"] == f"{c.contribution}-{i}" and o["Contribution-ID"] == c.contribution
        assert o["Conversation-ID"] == "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" and o["Accept-Contact"] == SESSION_REF
        assert o["Content-Type"] == "message/cpim" and email.utils.parsedate_to_datetime(o["Date"])
        assert o.flags == [] and ";tag=" not in o.head
    assert len({o["Message-ID"] for o in objects}) == 12
    # While the session goes on.
    wait_counted(scene, "recordings", before + 12)
    c.bye()


@pytest.mark.clause("SE-8")
def test_interleaved(scene, stack, people):
    """Two at once from one side: each whole, in the order in which they arrived."""
    c = Conversation(scene, *people)
    first, second = c.cpim("a" * 3000), c.cpim("b" * 3000)
    near, tids = c.caller, []
    for at, flag in ((0, "+"), (1000, "+"), (2000, "$")):
        for body, message_id in ((first, "m1"), (second, "m2")):
            if body is first and flag == "$":
                continue
            piece = body[at : at + 1000] if flag == "+" else body[at:]
            tids.append(near.send_frame(near.request(
                message_id=message_id, body=piece, byte_range=f"{at + 1}-{at + len(piece)}/{len(body)}", flag=flag)).tid)
    assert near.wait_response(tids[-1]) == 200
    piece = first[2000:]
    last = near.request(message_id="m1", body=piece, byte_range=f"2001-{len(first)}/{len(first)}")
    assert near.wait_response(near.send_frame(last).tid) == 200
    c.said = [(False, second), (False, first)]
    recorded(stack, c)
    c.bye()


@pytest.mark.clause("SE-8")
def test_without_a_contribution_id(scene, stack, people):
    """The folder of the conversation itself."""
    headers = [h for h in session_headers(people[0]) if not h.startswith(("Contribution-ID", "Accept-Contact"))]
    headers.append("P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session")
    peer = MsrpPeer()
    offer = sdp(peer.path, port=peer.port, setup="active")
    c = Conversation(scene, *people, call=lambda: LargeCall(scene, *people, peer=peer, body=offer, headers=headers))
    c.say(c.cpim("Hello"))
    o, = Mailbox(stack, people[1]).wait_objects(1)
    assert o.folder == f"Default/{people[0]}" and o["Contribution-ID"] is None and o["Accept-Contact"] == SESSION_REF
    c.bye()


@pytest.mark.clause("SE-8")
def test_notices_are_no_messages(scene, stack, people):
    c = Conversation(scene, *people)
    failed, = counted(scene, "recordings_failed")
    composing = c.caller.request(
        body=COMPOSING, content_type="application/im-iscomposing+xml", byte_range=f"1-{len(COMPOSING)}/{len(COMPOSING)}")
    assert c.caller.wait_response(c.caller.send_frame(composing).tid) == 200
    plain = c.cpim("x")
    for kind in (b"application/im-iscomposing+xml", b"message/imdn+xml"):
        c.say(plain.replace(b"text/plain;charset=UTF-8", kind))
        c.say(plain.replace(b"text/plain;charset=UTF-8", kind), sent=True)
    c.said.clear()
    c.say(c.cpim("This is one."))
    recorded(stack, c)
    assert counted(scene, "recordings_failed") == [failed]
    c.bye()


@pytest.mark.clause("SE-8")
def test_what_does_not_arrive(scene, stack, people):
    """Refused by the far side, given up by the near one, or cut off by the end."""
    c = Conversation(scene, *people)
    failed, = counted(scene, "recordings_failed")
    c.say(c.cpim("one"))
    c.client.answer = lambda frame: 413
    assert c.caller.send(c.cpim("two, refused")) == [413]
    c.client.answer = lambda frame: 200
    body = c.cpim("three, given up")
    for flag, piece, at in (("+", body[:50], 1), ("#", body[50:60], 51)):
        within = f"{at}-{at + len(piece) - 1}/{len(body)}"
        c.caller.send_frame(c.caller.request(message_id="given-up", body=piece, byte_range=within, flag=flag))
    c.say(c.cpim("four"))
    c.client.send_frame(c.client.request(message_id="cut", body=body[:50], byte_range=f"1-50/{len(body)}", flag="+"))
    c.caller.wait(lambda: any(m.body for m in c.caller.messages.values()), what="the first octets")
    c.bye()
    c.phone.agent.wait_request("BYE")
    other = Conversation(scene, *people, phone=c.phone)
    c.say = None
    other.say(other.cpim("five"))
    objects = Mailbox(stack, people[1]).wait_objects(3)
    assert sorted(o.body for o in objects) == sorted(body for _, body in c.said + other.said)
    assert counted(scene, "recordings_failed") == [failed]
    other.bye()


@pytest.mark.clause("SE-8")
def test_a_repeat_is_recorded_once(scene, stack, people):
    """The same message again, in the same session and, as its sender had lost that, in the next one."""
    c = Conversation(scene, *people)
    again = c.cpim("Did you get that?")
    c.say(again)
    recorded(stack, c)
    c.say(again)
    c.bye()
    c.phone.agent.wait_request("BYE")
    other = Conversation(scene, *people, phone=c.phone)
    other.say(again)
    other.say(other.cpim("And this?"))
    wait_until(lambda: len(Mailbox(stack, people[1]).objects(other.folder())) == 1, 10, "the next message alone in its folder")
    assert [o.body for o in Mailbox(stack, people[1]).objects(c.folder())] == [again]
    assert [o.body for o in Mailbox(stack, people[1]).objects(other.folder())] == [other.said[-1][1]]
    other.bye()


def octets_left(stack, kinds="bcr"):
    with redis.Redis(*host_port(stack.env["CPM_REDIS"])) as client:
        return [key for kind in kinds for key in client.scan_iter(f"cpm:*:{kind}:*", count=100000)]


@pytest.mark.clause("SE-8")
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "of-unknown-size"])
def test_large_ones(scene, stack, people, announced):
    """They go by a copy, of which nothing is left."""
    c = Conversation(scene, *people)
    c.say(c.cpim("small"))
    recorded(stack, c)
    for sent in (False, True):
        ends = (c.bob, c.alice) if sent else (c.alice, c.bob)
        c.say(large_body(*ends, 400000), sent=sent, chunk=50000, totals=announced)
        recorded(stack, c)
    c.say(c.cpim("small again"))
    recorded(stack, c)
    wait_until(lambda: not octets_left(stack), 10, "nothing of them to be left in Redis")
    c.bye()


@pytest.mark.clause("SE-8")
def test_the_message_store_is_away(scene, stack, proxy, people):
    """The conversation goes on, and is recorded when the message store is back, in order, though the session is over by then."""
    c = Conversation(scene, *people)
    before = counted(scene, "recordings", "recordings_failed", "recordings_late")
    proxy.set("refuse")
    for i in range(6):
        sent = i % 2 == 1
        c.say(c.cpim(f"meanwhile {i}", sent=sent), sent=sent)
    wait_until(lambda: counted(scene, "recordings_late")[0] >= before[2] + 6, 10, "all to have been tried")
    c.bye()
    proxy.set("pass")
    recorded(stack, c, 30)
    assert counted(scene, "recordings", "recordings_failed") == [before[0] + 6, before[1]]
    assert counted(scene, "recordings_late") == [before[2] + 6]
    assert log(stack, rf"event=unrecorded_yet key=\S+ user={c.bob} reason=(\S+)")
    assert len(log(stack, rf"event=recorded key=\S+ user={c.bob} ")) == 6


@pytest.mark.clause("SE-8")
@pytest.mark.parametrize("manners", ["cut-literal", "cut-answer", "mute-answer", "late-700"])
def test_an_append_goes_wrong(scene, stack, proxy, people, manners):
    """Each is there once in the end."""
    c = Conversation(scene, *people)
    c.say(c.cpim("before"))
    recorded(stack, c)
    proxy.set(manners, 1)
    for i in range(3):
        c.say(c.cpim(f"after {i}"))
    recorded(stack, c, 30)
    c.bye()


@pytest.mark.clause("SE-8")
def test_redis_goes_away(scene, stack, people):
    """The conversation goes on without it; what is said meanwhile is counted and named as unrecorded, what follows is recorded."""
    c = Conversation(scene, *people)
    c.say(c.cpim("before"))
    recorded(stack, c)
    failed, = counted(scene, "recordings_failed")
    connected = len(log(stack, CONNECTED))
    stack.redis.process.kill()
    try:
        for sent in (False, True):
            c.say(c.cpim("lost", sent=sent), sent=sent)
        wait_counted(scene, "recordings_failed", failed + 2)
    finally:
        stack.redis.start()
    assert len(log(stack, rf"event=unrecorded key=\S+ user={c.bob} reason=queue")) == 2
    wait_until(lambda: len(log(stack, CONNECTED)) > connected and ready(scene), 20, "Redis to be there again")
    c.said = c.said[:1]
    c.say(c.cpim("after"))
    recorded(stack, c)
    c.bye()


def ready(scene):
    with contextlib.suppress(Exception):
        return scene.send(scene.person("x"), scene.person("y")).status == 202
    return False


@pytest.mark.clause("SE-8")
@pytest.mark.parametrize("manners", ["mute", "mute-answer"], ids=["before-the-append", "behind-it"])
def test_killed(scene, stack, proxy, people, manners):
    """What had arrived is recorded after the start, once; what was under way is not, and leaves nothing."""
    c = Conversation(scene, *people)
    if manners == "mute-answer":
        # With the folder there an append needs one command.
        c.say(c.cpim("before"))
        recorded(stack, c)
        wait_until(lambda: not octets_left(stack, "r"), 10, "nothing to be left in Redis")
    appends = proxy.appends
    proxy.set(manners)
    c.say(c.cpim("arrived"))
    c.say(c.cpim("and this", sent=True), sent=True)
    wait_until(lambda: len(octets_left(stack, "r")) == 2, 10, "both to be in Redis")
    half = c.cpim("half of it" * 1000)
    c.caller.send_frame(c.caller.request(message_id="half", body=half[:5000], byte_range=f"1-*/{len(half)}", flag="+"))
    c.client.wait(lambda: any(m.body and not m.complete for m in c.client.messages.values()), what="the half")
    if manners == "mute-answer":
        wait_until(lambda: proxy.appends > appends, 10, "the append")
    stack.node.process.kill()
    proxy.set("pass")
    stack.node.start()
    recorded(stack, c, 30)
    wait_until(lambda: not octets_left(stack, "r"), 20, "nothing to be left in Redis")


@pytest.mark.clause("SE-8")
def test_redis_hangs(scene, stack, people):
    """Nobody waits for it for longer than redis_timeout_ms, in the middle of a large message neither, whose octets it forgets in time."""
    c = Conversation(scene, *people)
    failed, = counted(scene, "recordings_failed")
    connected = len(log(stack, CONNECTED))
    body = large_body(*people, 2000000)
    c.caller.send_frame(c.caller.request(message_id="large", body=body[:1000000], byte_range=f"1-*/{len(body)}", flag="+"))
    wait_until(lambda: octets_left(stack), 10, "the first octets in Redis")
    os.kill(stack.redis.process.pid, signal.SIGSTOP)
    try:
        c.say(c.cpim("small"))
        c.say(c.cpim("and back", sent=True), sent=True)
        rest = c.caller.request(message_id="large", body=body[1000000:], byte_range=f"1000001-*/{len(body)}")
        c.caller.send_frame(rest)
        assert c.caller.wait_response(rest.tid, 20) == 200
        wait_counted(scene, "recordings_failed", failed + 3)
    finally:
        os.kill(stack.redis.process.pid, signal.SIGCONT)
    assert bytes(next(m.body for m in c.client.messages.values() if len(m.body) == len(body))) == body
    wait_until(lambda: len(log(stack, CONNECTED)) > connected and ready(scene), 20, "Redis to be there again")
    c.say(c.cpim("after"))
    wait_until(lambda: [o for o in Mailbox(stack, c.bob).objects() if o.body == c.said[-1][1]], 15, "the last one in the message store")
    c.bye()
