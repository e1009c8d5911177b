# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What users hear of expired messages (8.3.1.6.8), and out-of-band of those that wait to be pushed (8.3.1.6.2)."""

import xml.etree.ElementTree as ElementTree
from datetime import datetime, timedelta, timezone

import pytest
from lib.documents import DEFERRED, do_not_disturb, rule, ruleset
from lib.messages import SYSTEM_TAG
from lib.phones import Phone
from ports import free_port
from process import wait_until

SMS = free_port()
STACK = {
    "defines": {"WITH_OOB_SMS": True, "CPM_XDM_MAX_AGE_MS": 600000},
    "strings": {"CPM_SMS": f"127.0.0.1:{SMS}"},
    "modparams": [("cpm_pf", "notify_delay_ms", 600), ("cpm_pf", "notify_pushed", 1), ("cpm_pf", "notify_expired_oob", 1)],
}
MSGINFO, EXTENSION = "{urn:ietf:params:xml:ns:msginfo}", "{urn:x-cpm-pf:ext:1}"


@pytest.fixture
def gateway(scene):
    phone = Phone(scene.folder, "sip:sms@gateway.test", port=SMS, name="gateway").start()
    scene.phones.append(phone)
    return phone


def texts(gateway, user):
    return [m.body.decode() for m in gateway.received() if m.uri == user]


def wait_texts(gateway, user, count=1):
    return wait_until(lambda: len(texts(gateway, user)) >= count and texts(gateway, user), 10, f"{count} texts for {user}", pause_s=0.05)


def statuses(phone):
    """(message-reference, status) of each message in each system message of a phone."""
    found = []
    for m in phone.received():
        if SYSTEM_TAG in m.get("Accept-Contact", ""):
            root = ElementTree.fromstring(m.body)
            found += [(x.get("message-reference"), x.get(EXTENSION + "status")) for x in root.findall(MSGINFO + "message")]
    return found


@pytest.mark.clause("EX-3", "EX-2")
def test_each_registered_client_hears_of_an_expired_message(scene):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("defer", ["allow-defer"]), rule("deferred", ["allow-pull"], media=DEFERRED)))
    phones = [scene.phone(bob, instance=f"urn:uuid:00000000-0000-4000-8000-0000000000d{i}") for i in (1, 2)]
    assert scene.send(scene.person("alice"), bob, extra=[("Expires", "3")]).status == 202
    uri = scene.message_uri(scene.waiting(bob)[0])
    for phone in phones:
        wait_until(lambda p=phone: (uri, "discarded") in statuses(p), 10, "the end is told", pause_s=0.05)
    assert scene.waiting(bob) == []
    for phone in phones:
        assert statuses(phone).count((uri, "discarded")) == 1


@pytest.mark.clause("EX-3", "PU-1")
def test_without_a_client_it_is_told_out_of_band(scene, gateway):
    bob = scene.person("bob")
    assert scene.send(scene.person("alice"), bob, extra=[("Expires", "2")]).status == 202
    assert wait_texts(gateway, bob, 2) == ["Messages waiting for you: 1 (deferred)", "Messages waiting for you: 1 (discarded)"]


@pytest.mark.clause("PU-1")
def test_one_text_for_a_burst_and_none_for_who_has_a_client(scene, gateway):
    bob, carol = scene.person("bob"), scene.person("carol")
    phone = scene.phone(carol, answers=["480"])
    assert scene.send(scene.person("alice"), carol).status == 202
    assert [r.status for r in scene.send_all(scene.person("alice"), bob, ["x"] * 3, parallel=3)] == [202] * 3
    assert wait_texts(gateway, bob) == ["Messages waiting for you: 3 (deferred)"]
    assert texts(gateway, carol) == [] and statuses(phone) == []


@pytest.mark.clause("PU-1")
def test_it_waits_for_do_not_disturb_to_end(scene, gateway):
    bob = scene.person("bob")
    end = datetime.now(timezone.utc) + timedelta(seconds=3)
    scene.documents.put("policy", bob, do_not_disturb(validity=[("2001-01-01T00:00:00Z", end.isoformat().replace("+00:00", "Z"))]))
    assert scene.send(scene.person("alice"), bob).status == 202
    wait_texts(gateway, bob)
    assert 0 <= gateway.received()[-1].time - end.timestamp() < 5
