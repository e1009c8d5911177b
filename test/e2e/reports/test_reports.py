# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Which disposition notification a sender gets: every combination of requests by every end of a message (RFC 5438)."""

import itertools

import pytest
from lib.documents import DEFERRED, rule, ruleset
from lib.imdn import Imdn, report_names
from lib.messages import cpim, orders
from process import wait_until

STACK = {"imap": True}
TOKENS = ("positive-delivery", "negative-delivery", "display")
COMBINATIONS = [[t for t, on in zip(TOKENS, bits) if on] for bits in itertools.product((False, True), repeat=3)]


def send_all(scene, alice, bob, **options):
    """One message for each combination; the tokens by imdn id."""
    asked = {}
    for tokens in COMBINATIONS:
        sent = scene.send(alice, bob, disposition=", ".join(tokens) or None, **options)
        assert sent.status == 202
        asked[sent.request.imdn_id] = tokens
    return asked


def deliver(scene, bob):
    scene.phone(bob)


def expire(scene, bob):
    scene.stack.rpc("cpm_pf.expire", bob, "all")


def delete(scene, bob):
    scene.stack.rpc("cpm_pf.delete", bob, "all")


def order(scene, bob, action):
    wanted = orders(*((scene.message_uri(m), action) for m in scene.waiting(bob)))
    assert scene.manage(bob, wanted).status == 200


def delete_by_user(scene, bob):
    order(scene, bob, "delete")


def store_by_user(scene, bob):
    order(scene, bob, "store")


def expire_into_the_message_store(scene, bob):
    actions = "<oxe:allow-push>true</oxe:allow-push><oxe:expired>store</oxe:expired>"
    scene.documents.put("policy", bob, ruleset(rule("deferred", actions, media=DEFERRED)))
    expire(scene, bob)


def interwork_by_user(scene, bob):
    scene.isf()
    order(scene, bob, "interwork")


# The end, its sum, and the token that is answered, and how.
ENDS = {
    "delivered": (deliver, "sum_delivered", None, None),
    "expired": (expire, "sum_expired", "negative-delivery", "failed"),
    "deleted by an operator": (delete, "sum_deleted", "negative-delivery", "failed"),
    "deleted by the user": (delete_by_user, "sum_deleted", "negative-delivery", "failed"),
    "interworked": (interwork_by_user, "sum_interworked", None, None),
    "stored by the user": (store_by_user, "sum_stored", "positive-delivery", "delivered"),
    "stored after its expiry": (expire_into_the_message_store, "sum_stored", "positive-delivery", "delivered"),
}


@pytest.mark.clause("IM-1", "EX-4", "EX-7", "MG-3", "MG-5")
@pytest.mark.parametrize("end", ENDS)
def test_table(scene, end):
    act, sum_name, token, status = ENDS[end]
    alice, bob = scene.person("alice"), scene.person("bob")
    sender = scene.phone(alice)
    asked = send_all(scene, alice, bob)
    before = scene.statistics()
    act(scene, bob)
    scene.wait_waiting(bob, 0, deadline_s=20)
    owed = sorted((imdn_id, status) for imdn_id, tokens in asked.items() if token in tokens)
    after = wait_until(
        lambda: (s := scene.statistics())[sum_name] - before[sum_name] == len(asked) and s["sum_reports"] == s["sum_reports_ended"] and s,
        20, f"all {end}")
    assert after["sum_reports"] - before["sum_reports"] == len(owed)
    assert not owed or sender.wait_received(len(owed))
    assert report_names(sender) == owed
    assert len(sender.received()) == len(owed)


@pytest.mark.clause("IM-1")
def test_report_goes_back_along_the_relays_of_the_message(scene):
    """IMDN-Record-Route (RFC 5438 section 9): to the first relay, with the routes in the CPIM."""
    alice, bob, relay = scene.person("alice"), scene.person("bob"), scene.person("relay")
    phone = scene.phone(relay)
    body = cpim("Hi", alice, bob, imdn_id="m1", disposition="negative-delivery", extra=[
        f"imdn.IMDN-Record-Route: <{relay}>", "imdn.IMDN-Record-Route: <sip:second@relay.test>", f"imdn.Original-To: <sip:old-{bob[4:]}>"])
    assert scene.send(alice, bob, body=body, extra=[("Expires", "1")]).status == 202
    report = Imdn(phone.wait_received(1)[0])
    assert report.message_id == "m1"
    assert [v for n, v in report.headers if n.endswith("IMDN-Route")] == [f"<{relay}>", "<sip:second@relay.test>"]
    assert report.header("To") == f"<{alice}>"
    assert f"sip:old-{bob[4:]}".encode() in report.request.body


@pytest.mark.clause("IM-1")
def test_no_report_without_an_imdn_message_id(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = cpim("Hi", alice, bob, imdn_id="gone", disposition="negative-delivery").replace(b"imdn.Message-ID: gone\r\n", b"")
    before = scene.statistics()["sum_reports"]
    assert scene.send(alice, bob, body=body).status == 202
    scene.stack.rpc("cpm_pf.delete", bob, "all")
    scene.wait_waiting(bob, 0)
    wait_until(lambda: scene.statistics()["now_ending"] == 0, 5, "the end")
    assert scene.statistics()["sum_reports"] == before
