# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Notifications of what waits for the user's word (8.3.1.6.3), in-band and out-of-band."""

import xml.etree.ElementTree as ElementTree
from datetime import datetime, timedelta, timezone

import pytest
from lib.documents import DEFERRED, do_not_disturb, profile, rule, ruleset
from lib.messages import PAGER_TAG, SYSTEM_TAG, orders
from lib.phones import Phone
from ports import free_port
from process import wait_until

SMS = free_port()
DELAY_MS = 600
STACK = {
    "defines": {"WITH_OOB_SMS": True, "CPM_XDM_MAX_AGE_MS": 600000},
    "strings": {"CPM_SMS": f"127.0.0.1:{SMS}"},
    "modparams": [("cpm_pf", "notify_delay_ms", DELAY_MS), ("cpm_pf", "notify_list_max", 3)],
}
MSGINFO = "{urn:ietf:params:xml:ns:msginfo}"
DESK, MOBILE = "urn:uuid:00000000-0000-4000-8000-0000000000d1", "urn:uuid:00000000-0000-4000-8000-0000000000d2"
PULL = rule("deferred", ["allow-pull"], media=DEFERRED)
DEFER = rule("defer", ["allow-defer"])


@pytest.fixture
def bob(scene):
    """A user whose messages are all deferred, and wait for the user's word."""
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(DEFER, PULL))
    return bob


@pytest.fixture
def gateway(scene):
    """The SMS gateway; texts(gateway, user) are those for one user."""
    phone = Phone(scene.folder, "sip:sms@gateway.test", port=SMS, name="gateway").start()
    scene.phones.append(phone)
    return phone


def texts(gateway, user):
    return [m.body.decode() for m in gateway.received() if m.uri == user]


def wait_texts(gateway, user, count=1):
    return wait_until(lambda: len(texts(gateway, user)) >= count and texts(gateway, user), 10, f"{count} texts for {user}", pause_s=0.05)


def notifications(phone):
    return [m for m in phone.received() if SYSTEM_TAG in m.get("Accept-Contact", "")]


def wait_notifications(phone, count=1, deadline_s=10):
    return wait_until(
        lambda: len(notifications(phone)) >= count and notifications(phone), deadline_s, f"{count} notifications at {phone.aor}", pause_s=0.05
    )


def listed(message):
    root = ElementTree.fromstring(message.body)
    return int(root.get("number")), [m.get("message-reference") for m in root.findall(MSGINFO + "message")]


def defer(scene, bob, count=1):
    sent = scene.send_all(scene.person("alice"), bob, [f"message {i}" for i in range(count)], parallel=count)
    assert [r.status for r in sent] == [202] * count
    return [scene.message_uri(i) for i in scene.waiting(bob)]


@pytest.mark.clause("DF-2", "NO-2", "ST-3")
def test_each_client_is_told_once(scene, bob):
    desk = scene.phone(bob, instance=DESK)
    mobile = scene.phone(bob, instance=MOBILE)
    uris = defer(scene, bob)
    for phone in (desk, mobile):
        (message,) = wait_notifications(phone)
        assert message.uri == f"{bob};gr={phone.instance}"
        assert message.get("Accept-Contact") == f"*;{SYSTEM_TAG}"
        assert message.get("P-Asserted-Identity") == "<sip:cpm@cpm.test>"
        assert message.get("User-Agent") == "CPM-serv/OMA1.0"
        assert message.get("Content-Type") == "application/msginfo+xml"
        assert listed(message) == (1, uris)
    assert len(scene.waiting(bob)) == 1


@pytest.mark.clause("NO-2")
def test_one_notification_for_a_burst(scene, bob):
    phone = scene.phone(bob)
    uris = defer(scene, bob, 3)
    (message,) = wait_notifications(phone)
    assert listed(message) == (3, uris)
    # The next burst is told anew, with what is there still.
    uris = defer(scene, bob, 1)
    assert listed(wait_notifications(phone, 2)[1]) == (4, [])
    assert len(notifications(phone)) == 2 and len(uris) == 4


@pytest.mark.clause("NO-4")
def test_summary_above_the_limit(scene, bob):
    defer(scene, bob, 4)
    phone = scene.phone(bob)
    assert listed(wait_notifications(phone)[0]) == (4, [])


@pytest.mark.clause("NO-3", "NO-2")
def test_out_of_band_without_a_client_and_in_band_when_one_registers(scene, bob, gateway):
    defer(scene, bob, 2)
    assert wait_texts(gateway, bob) == ["Messages waiting for you: 2 (deferred)"]
    phone = scene.phone(bob)
    assert listed(wait_notifications(phone)[0])[0] == 2
    # A refresh of the registration is no reason to tell it again.
    scene.register(phone)
    other = scene.person("carol")
    scene.documents.put("policy", other, ruleset(DEFER, PULL))
    witness = scene.phone(other)
    defer(scene, other)
    wait_notifications(witness)
    assert len(notifications(phone)) == 1 and len(texts(gateway, bob)) == 1


@pytest.mark.clause("NO-3")
def test_profile_decides_which_client_matches(scene, bob, gateway):
    scene.documents.put("profile", bob, profile({DESK: {"deferred": False}}))
    desk = scene.phone(bob, instance=DESK)
    defer(scene, bob)
    assert wait_texts(gateway, bob) == ["Messages waiting for you: 1 (deferred)"]
    assert desk.received() == []
    mobile = scene.phone(bob, instance=MOBILE)
    wait_notifications(mobile)
    assert desk.received() == []


@pytest.mark.clause("NO-3")
def test_clients_of_other_services_do_not_match(scene, bob, gateway):
    phone = scene.phone(bob, tags='+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"')
    defer(scene, bob)
    wait_texts(gateway, bob)
    assert phone.received() == []


@pytest.mark.clause("NO-3")
def test_out_of_band_when_the_client_is_gone(scene, bob, gateway):
    phone = scene.phone(bob, answers=["480"])
    defer(scene, bob)
    wait_notifications(phone)
    assert wait_texts(gateway, bob) == ["Messages waiting for you: 1 (deferred)"]


@pytest.mark.clause("NO-1")
def test_it_waits_for_do_not_disturb_to_run_out(scene, bob, gateway):
    end = datetime.now(timezone.utc) + timedelta(seconds=4)
    dnd = rule("dnd", ["allow-do-not-disturb"], media=None, validity=[("2001-01-01T00:00:00Z", end.isoformat().replace("+00:00", "Z"))])
    scene.documents.put("policy", bob, ruleset(DEFER, PULL, dnd))
    phone = scene.phone(bob)
    defer(scene, bob)
    (message,) = wait_notifications(phone)
    # No polling: the age of documents is ten minutes here.
    assert 0 <= message.time - end.timestamp() < 1.5
    assert texts(gateway, bob) == []


@pytest.mark.clause("NO-1")
def test_it_waits_for_do_not_disturb_to_be_taken_off(scene, bob):
    scene.documents.put("policy", bob, ruleset(DEFER, PULL, rule("dnd", ["allow-do-not-disturb"], media=None)))
    phone = scene.phone(bob)
    defer(scene, bob)
    other = scene.person("carol")
    scene.documents.put("policy", other, ruleset(DEFER, PULL))
    witness = scene.phone(other)
    defer(scene, other)
    wait_notifications(witness)
    assert phone.received() == []
    scene.documents.put("policy", bob, ruleset(DEFER, PULL))
    wait_notifications(phone)


@pytest.mark.clause("MG-7", "NO-2")
def test_what_was_not_ordered_is_in_the_next_notification(scene, bob):
    phone = scene.phone(bob)
    uris = defer(scene, bob, 2)
    wait_notifications(phone)
    assert scene.manage(bob, orders((uris[0], "delete"))).status == 200
    scene.wait_waiting(bob, 1)
    later = defer(scene, bob)
    assert listed(wait_notifications(phone, 2)[1]) == (2, [uris[1], later[1]])


def test_no_loops_with_system_messages(scene, bob):
    """A system message that comes to us for a user without a client, or whose rules defer, is neither kept nor told of."""
    extra = [("Accept-Contact", f"*;{SYSTEM_TAG}")]
    assert scene.send(scene.person("alice"), bob, extra=extra).status == 480
    carol = scene.person("carol")
    assert scene.send(scene.person("alice"), carol, extra=extra).status == 480
    assert scene.waiting(bob) == [] and scene.waiting(carol) == []
    phone = scene.phone(carol, tags=PAGER_TAG)
    assert scene.send(scene.person("alice"), carol, extra=extra).status == 200
    assert len(phone.received()) == 1


@pytest.mark.clause("NO-1", "PU-2", "PM-5")
def test_do_not_disturb_alone_defers_and_tells(scene):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(PULL, rule("dnd", ["allow-do-not-disturb"], media=None)))
    phone = scene.phone(bob)
    defer(scene, bob)
    scene.documents.put("policy", bob, ruleset(PULL))
    wait_notifications(phone)
    scene.documents.put("policy", bob, do_not_disturb())
    assert len(scene.waiting(bob)) == 1
