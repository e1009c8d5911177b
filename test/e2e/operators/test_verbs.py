# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What operators do to messages: hold, release, delete, expire, requeue, shape; and why each one waits."""

import re

import pytest
from lib.documents import DEFERRED, do_not_disturb, rule, ruleset
from lib.imdn import report_names
from process import wait_until
from rpc import RpcError

STACK = {"modparams": [("cpm_pf", "retry_min_s", 60)]}
ALICE = "sip:alice@cpm.test"


def why(scene, aor):
    return [m["why"] for m in scene.stack.rpc("cpm_pf.list", aor)["messages"]]


def test_held_message_is_not_pushed_until_it_is_released(scene):
    bob = scene.person("bob")
    sent = scene.send_all(ALICE, bob, ["one", "two"])
    rpc, ids = scene.stack.rpc, scene.waiting(bob)
    assert rpc("cpm_pf.hold", ids[0]) == {"touched": 1}
    assert rpc("cpm_pf.hold", ids[0]) == {"touched": 0}
    assert why(scene, bob) == ["held by an operator", "no client is registered at this node"]
    phone = scene.phone(bob)
    scene.wait_waiting(bob, 1)
    assert [m.imdn_id for m in phone.received()] == [sent[1].request.imdn_id]
    assert rpc("cpm_pf.release", f"sip:{ids[0]}@cpm.test") == {"touched": 1}
    assert why(scene, bob) == ["to be pushed at the next trigger"]
    rpc("cpm_pf.flush", bob)
    phone.wait_received(2)
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("MG-3")
def test_deleted_message_is_reported(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    sent = scene.send(alice, bob, disposition="negative-delivery")
    assert scene.stack.rpc("cpm_pf.delete", scene.waiting(bob)[0]) == {"touched": 1}
    phone.wait_received(1)
    assert report_names(phone) == [(sent.request.imdn_id, "failed")]
    assert scene.waiting(bob) == []


def test_all_of_a_user_expire(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = scene.phone(alice)
    sent = scene.send_all(alice, bob, ["one", "two", "three"], disposition="negative-delivery")
    before = scene.statistics()["sum_expired"]
    assert scene.stack.rpc("cpm_pf.expire", bob, "all") == {"touched": 3}
    phone.wait_received(3)
    assert report_names(phone) == sorted((r.request.imdn_id, "failed") for r in sent)
    assert scene.statistics()["sum_expired"] - before == 3
    assert scene.stack.rpc("cpm_pf.expire", bob, "all") == {"touched": 0}


def test_requeued_message_is_due_again(scene):
    bob = scene.person("bob")
    scene.send(ALICE, bob)
    phone = scene.phone(bob, answers=["480", "200"])
    phone.wait_received(1)
    message = wait_until(lambda: next(
        (m for m in scene.stack.rpc("cpm_pf.list", bob)["messages"] if m["state"] == "retry"), None), 5, "a retry")
    assert re.fullmatch(r"retry at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ after 480", message["why"])
    assert scene.stack.rpc("cpm_pf.requeue", message["id"]) == {"touched": 1}
    assert why(scene, bob) == ["to be pushed at the next trigger"]
    scene.stack.rpc("cpm_pf.reload", bob)
    phone.wait_received(2)
    scene.wait_waiting(bob, 0)


def test_why_a_message_waits(scene):
    bob, carol = scene.person("bob"), scene.person("carol")
    scene.documents.put("policy", bob, do_not_disturb(validity=[("2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z")]))
    scene.documents.put("policy", carol, ruleset(rule("later", ["allow-pull"], media=DEFERRED)))
    scene.send(ALICE, bob)
    scene.send(ALICE, carol)
    assert why(scene, bob) == ["do-not-disturb is on until 2090-01-01T00:00:00Z"]
    assert why(scene, carol) == ["waits for the user (pull)"]


def test_why_a_message_waits_whose_time_has_come(scene):
    """Its push is under way: the outcome decides."""
    bob = scene.person("bob")
    scene.send(ALICE, bob)
    scene.phone(bob, answers=[("200", 1500)]).wait_received(1)
    scene.stack.rpc("cpm_pf.expire", bob, "all")
    assert why(scene, bob) == ["its time has come: about to expire"]
    scene.wait_waiting(bob, 0)


def test_shape(scene):
    bob = scene.person("bob")
    scene.send_all(ALICE, bob, ["one", "two"])
    shape = scene.stack.rpc("cpm_pf.shape")
    mine = next(d for d in shape["domains"] if d["domain"] == "cpm.test")
    assert mine["to_1min"] >= 2 and mine["total"] == sum(v for k, v in mine.items() if k not in ("domain", "total"))
    assert shape["looked_at"] <= shape["waiting"]
    assert scene.stack.rpc("cpm_pf.shape", 1000)["looked_at"] <= 1000


@pytest.mark.parametrize("verb", ["hold", "release", "delete", "expire", "requeue"])
def test_a_slip_does_nothing(scene, verb):
    """All of a user only with the word; an unknown id is told."""
    bob = scene.person("bob")
    scene.send(ALICE, bob)
    for arguments in ((bob,), (), ("nonsense",), ("0123456789abcdef01234567-3",)):
        with pytest.raises(RpcError):
            scene.stack.rpc(f"cpm_pf.{verb}", *arguments)
    assert len(scene.waiting(bob)) == 1
