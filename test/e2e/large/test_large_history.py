# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages that go straight through are recorded where their user wants a history (8.3.1.2 step 11, 8.5)."""

import contextlib

import pytest
import redis
from imapproxy import ImapProxy
from lib.documents import forward_to, rule, ruleset
from lib.large import LargeCall, LargePhone, large_body, send_large
from lib.mailbox import Mailbox
from ports import free_port
from process import wait_until

PROXY, CORE = free_port(), free_port()
STACK = {
    "imap": True,
    "modparams": [
        ("cpm_pf", "store_timeout_ms", 1500), ("cpm_pf", "store_retry_min_ms", 200), ("cpm_pf", "store_retry_max_ms", 1000),
        ("cpm_pf", "store_settle_ms", 1500), ("cpm_pf", "store_url", f"imap://127.0.0.1:{PROXY}"),
        ("cpm_pf", "core_uri", f"sip:127.0.0.1:{CORE}"), ("cpm_pf", "redis_timeout_ms", 500), ("cpm_pf", "retry_min_s", 1),
        ("cpm_pf", "retry_max_s", 1),
    ],
}
# Redis is killed in one test.
LOG_ALLOW = [r"redis: ", r"event=queue_away"]
LARGE = ("large-message-mode-message",)
HISTORY = '<oxe:allow-offline-storage oxe:allow="true"/>'


@pytest.fixture(scope="module")
def proxy(stack):
    proxy = ImapProxy(stack.dovecot.address, PROXY)
    yield proxy
    proxy.close()


@pytest.fixture
def people(scene, proxy):
    proxy.set("pass")
    return scene.person("alice"), scene.person("bob")


def the_isf(scene, **options):
    port = int(scene.stack.env["CPM_ISF"].rpartition(":")[2])
    return LargePhone(scene, "sip:isf@isf.test", register=False, port=port, setup="passive", **options)


def wants_history(scene, user, action=""):
    """With a rule's action, if any."""
    does = f"<oxe:{action}>true</oxe:{action}>" if action else ""
    scene.documents.put("policy", user, ruleset(rule("history", does + HISTORY, media=LARGE)))


def counted(scene, *names):
    statistics = scene.statistics()
    return [statistics[name] for name in names]


def octets_left(stack):
    host, _, port = stack.env["CPM_REDIS"].rpartition(":")
    with redis.Redis(host, int(port)) as client:
        return [key for kind in "bc" for key in client.scan_iter(f"cpm:*:{kind}:*", count=100000)]


def wait_no_octets(stack):
    wait_until(lambda: not octets_left(stack), 10, "the copy's octets to be gone")


@pytest.mark.clause("LM-11", "LM-6b", "LM-4", "HI-1")
@pytest.mark.parametrize("action", ["allow-interwork", "allow-delivery-and-interwork"])
def test_interworked(scene, stack, people, action):
    isf, phone = the_isf(scene), LargePhone(scene, people[1])
    wants_history(scene, people[1], action)
    bridged, = counted(scene, "large_bridged")
    body = large_body(*people, 1000000, imdn_id=f"isf-{people[1]}")
    assert send_large(scene, *people, body, chunk=100000)[-1] == 200
    assert isf.wait_message() == body
    stored, = Mailbox(stack, people[1]).wait_objects(1)
    assert stored.body == body and stored["IMDN-Message-ID"] == f"isf-{people[1]}"
    # Its UID is for the user's clients.
    assert isf.agent.wait_request("BYE").get("Message-UID") is None
    assert counted(scene, "large_bridged") == [bridged + 1]
    assert scene.waiting(people[1]) == [] and not phone.invites
    wait_no_octets(stack)


@pytest.mark.clause("LM-11", "LM-4", "LM-8", "HI-1")
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "of-unknown-size"])
def test_delivered(scene, stack, people, announced):
    phone = LargePhone(scene, people[1])
    wants_history(scene, people[1])
    bridged, = counted(scene, "large_bridged")
    body = large_body(*people, 3000000)
    call = LargeCall(scene, *people, size=len(body) if announced else None)
    assert call.peer.send(body, chunk=500000, totals=announced)[-1] == 200
    assert call.call.bye() == 200
    assert phone.wait_message() == body
    bye = phone.agent.wait_request("BYE")
    stored, = Mailbox(stack, people[1]).objects()
    assert stored.body == body
    assert bye.get("Message-UID") == f'{stored.uid};uidvalidity={stored.uidvalidity};folder="{stored.folder}"'
    assert counted(scene, "large_bridged") == [bridged + 1] and scene.waiting(people[1]) == []
    wait_no_octets(stack)


@pytest.mark.clause("LM-11", "LM-10", "HI-1")
def test_the_isf_does_not_take_it(scene, stack, people):
    """Deferred, with nothing in the history; recorded when a client has it."""
    isf = the_isf(scene, status=[480])
    wants_history(scene, people[1], "allow-interwork")
    body = large_body(*people, 50000)
    assert send_large(scene, *people, body) == [200]
    assert len(isf.invites) == 1
    scene.wait_waiting(people[1], 1)
    assert Mailbox(stack, people[1]).objects() == []
    phone = LargePhone(scene, people[1])
    assert phone.wait_message() == body
    assert phone.agent.wait_request("BYE").get("Message-UID")
    stored, = Mailbox(stack, people[1]).objects()
    assert stored.body == body
    scene.wait_waiting(people[1], 0)


@pytest.mark.clause("LM-11", "HI-1")
@pytest.mark.parametrize("interwork", [True, False], ids=["isf", "client"])
def test_it_does_not_arrive(scene, stack, people, interwork):
    """The ISF, or the client, refuses it in the middle: its sender hears that, and nothing is recorded."""
    seen = []

    def answer(frame):
        seen.append(frame)
        return 413 if len(seen) > 2 else 200

    peer = the_isf(scene, answer=answer) if interwork else LargePhone(scene, people[1], answer=answer)
    wants_history(scene, people[1], "allow-interwork" if interwork else "")
    recorded, failed = counted(scene, "recordings", "recordings_failed")
    body = large_body(*people, 2000000)
    call = LargeCall(scene, *people, size=len(body))
    assert call.peer.send(body, chunk=100000)[-1] in (408, 413)
    call.agent.wait_request("BYE", timeout_s=20)
    peer.agent.wait_request("BYE")
    wait_no_octets(stack)
    assert Mailbox(stack, people[1]).objects() == [] and scene.waiting(people[1]) == []
    assert counted(scene, "recordings", "recordings_failed") == [recorded, failed]


@pytest.mark.clause("LM-11", "HI-1")
def test_a_repeat_is_recorded_once(scene, stack, people):
    """Its sender did not hear that it had arrived, and sends it again: the ISF has it twice, the history once."""
    isf = the_isf(scene)
    wants_history(scene, people[1], "allow-interwork")
    body = large_body(*people, 30000, imdn_id=f"again-{people[1]}")
    for count in (1, 2):
        assert send_large(scene, *people, body) == [200]
        assert isf.wait_message(count) == body
        isf.agent.wait_request("BYE", count)
        Mailbox(stack, people[1]).wait_objects(1)


@pytest.mark.clause("HI-1")
def test_a_report_is_no_conversation(scene, stack, people):
    isf = the_isf(scene)
    wants_history(scene, people[1], "allow-interwork")
    body = large_body(*people, 3000).replace(b"text/plain;charset=UTF-8", b"message/imdn+xml")
    assert send_large(scene, *people, body) == [200]
    assert isf.wait_message() == body
    isf.agent.wait_request("BYE")
    assert Mailbox(stack, people[1]).objects() == []
    wait_no_octets(stack)


@pytest.mark.clause("LM-11", "HI-1")
@pytest.mark.parametrize("interwork", [True, False], ids=["isf", "client"])
def test_the_message_store_is_away(scene, stack, proxy, people, interwork):
    """Trouble with a recording stops no delivery."""
    peer = the_isf(scene) if interwork else LargePhone(scene, people[1])
    wants_history(scene, people[1], "allow-interwork" if interwork else "")
    failed, = counted(scene, "recordings_failed")
    proxy.set("refuse")
    body = large_body(*people, 100000)
    assert send_large(scene, *people, body) == [200]
    assert peer.wait_message() == body
    assert peer.agent.wait_request("BYE").get("Message-UID") is None
    assert counted(scene, "recordings_failed") == [failed + 1] and scene.waiting(people[1]) == []
    proxy.set("pass")
    wait_no_octets(stack)


@pytest.mark.clause("LM-11", "HI-1")
def test_redis_goes_away_in_the_middle(scene, stack, people):
    """Nor does trouble with the copy, while it is being made."""
    isf = the_isf(scene)
    wants_history(scene, people[1], "allow-interwork")
    body = large_body(*people, 3000000)
    call = LargeCall(scene, *people, size=len(body))
    frame = call.peer.request(body=body, byte_range=f"1-{len(body)}/{len(body)}")
    data = frame.encode()
    call.peer.write(data[:1000000])
    wait_until(lambda: octets_left(stack), 10, "the first octets in Redis")
    stack.redis.process.kill()
    try:
        call.peer.write(data[1000000:])
        assert call.peer.wait_response(frame.tid, 30) == 200
        assert isf.wait_message() == body
        assert call.call.bye() == 200
        isf.agent.wait_request("BYE")
    finally:
        stack.redis.start()
    wait_until(lambda: ready(scene), 20, "Redis to be there again")
    assert Mailbox(stack, people[1]).objects() == []


def ready(scene):
    with contextlib.suppress(Exception):
        return scene.stack.rpc("cpm_pf.ping") is not None and scene.send(scene.person("x"), scene.person("y")).status == 202
    return False


@pytest.mark.clause("LM-11", "LM-6d")
def test_forwarded(scene, stack, people):
    """It is neither delivered to its user nor interworked: nothing to record."""
    core, before = LargePhone(scene, "sip:core@core.test", register=False, port=CORE), octets_left(stack)
    does = forward_to("sip:carol@other.test") + HISTORY
    scene.documents.put("policy", people[1], ruleset(rule("away", does, media=LARGE)))
    body = large_body(*people, 20000)
    assert send_large(scene, *people, body) == [200]
    assert core.wait_message() == body
    assert core.agent.wait_request("BYE").get("Message-UID") is None
    assert Mailbox(stack, people[1]).objects() == [] and octets_left(stack) == before
