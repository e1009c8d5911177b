# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Phones that do not take their messages at once, or never (doc/queue.md, "When it is tried again")."""

import pytest

STACK = {"modparams": [("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 1)]}
ALICE = "sip:alice@cpm.test"


def defer(scene, bob, count):
    sent = scene.send_all(ALICE, bob, [f"message {i}" for i in range(count)])
    assert {r.status for r in sent} == {202}
    return [r.request.imdn_id for r in sent]


@pytest.mark.clause("SP-3", "SP-4")
def test_phone_that_answers_480_five_times_gets_the_message_once(scene):
    bob = scene.person("bob")
    imdn_ids = defer(scene, bob, 1)
    phone = scene.phone(bob, answers=["480"] * 5 + ["200"])
    scene.wait_waiting(bob, 0, deadline_s=30)
    assert [m.imdn_id for m in phone.received()] == imdn_ids * 6
    scene.register(phone)
    last = defer(scene, scene.person("carol"), 1)
    assert last and len(phone.received()) == 6


@pytest.mark.clause("SP-4")
def test_message_that_the_phone_cannot_take_does_not_hold_up_the_others(scene):
    """It looks like a phone that is gone, each time it is tried; so the next message tells."""
    bob = scene.person("bob")
    bad, *others = defer(scene, bob, 5)
    phone = scene.phone(bob, answers=["480", "480", "200", "200", "200", "200", "480"])
    scene.wait_waiting(bob, 1, deadline_s=15)
    got = [m.imdn_id for m in phone.received()]
    assert got[:6] == [bad, bad, *others]
    assert set(got[6:]) <= {bad}
    assert scene.stack.rpc("cpm_pf.list", bob)["messages"][0]["imdn_message_id"] == bad
    scene.stack.rpc("cpm_pf.delete", bob, "all")


@pytest.mark.clause("SP-4")
def test_phone_that_is_gone_costs_one_message_a_try(scene):
    """At the first failure nothing else is tried; later one more, to tell a bad message from a phone that is gone."""
    bob = scene.person("bob")
    first, second, third = defer(scene, bob, 3)
    phone = scene.phone(bob, answers=["480"])
    got = [m.imdn_id for m in phone.wait_received(5, deadline_s=15)]
    assert got[:3] == [first, first, second]
    assert got[3:5] == [first, second]
    assert third not in got
    assert len(scene.waiting(bob)) == 3
    scene.stack.rpc("cpm_pf.delete", bob, "all")
