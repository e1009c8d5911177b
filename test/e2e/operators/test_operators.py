# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What operators ask: JSON-RPC over HTTP, kamcmd, statistics."""

import subprocess

import pytest
from lib.documents import blocklist, rule, ruleset
from rpc import RpcError
from stack import program

ALICE = "sip:alice@cpm.test"


def test_ping(scene):
    assert scene.stack.rpc("cpm_pf.ping")["redis"] == "connected"


def test_kamcmd(scene, stack):
    done = subprocess.run([program("kamcmd"), "-s", stack.node.ctl, "cpm_pf.ping"], capture_output=True, text=True, check=True, timeout=10)
    assert "connected" in done.stdout


def test_list_and_show(scene):
    bob = scene.person("bob")
    sent = scene.send_all(ALICE, bob, ["one", "two", "three"])
    rpc = scene.stack.rpc
    listed = rpc("cpm_pf.list", bob)
    assert listed["total"] == 3
    assert [m["imdn_message_id"] for m in listed["messages"]] == [r.request.imdn_id for r in sent]
    page = rpc("cpm_pf.list", bob, 1, 1)
    assert [m["id"] for m in page["messages"]] == [listed["messages"][1]["id"]]
    shown = rpc("cpm_pf.show", page["messages"][0]["id"])
    assert (shown["user"], shown["originator"], shown["state"], shown["cause"]) == (bob, ALICE, "waiting", "offline")
    assert shown["size"] == len(sent[1].request.body)


@pytest.mark.parametrize(
    "call", [("cpm_pf.list",), ("cpm_pf.list", "nonsense"), ("cpm_pf.show", "no-such-id"), ("cpm_pf.explain", "sip:a@b", ALICE, "fax")]
)
def test_bad_requests_are_told_what_to_write(scene, call):
    with pytest.raises(RpcError):
        scene.stack.rpc(*call)


def test_explain(scene):
    bob = scene.person("bob")
    scene.documents.put("lists", bob, blocklist(["sip:mallory@cpm.test"]))
    scene.documents.put("policy", bob, ruleset(rule("later", ["allow-defer"]), rule("dnd", ["allow-do-not-disturb"], media=None)))
    told = scene.stack.rpc("cpm_pf.explain", bob, ALICE, "pager")
    assert (told["action"], told["rule"], told["blocked"], told["do_not_disturb"]) == ("defer", "later", 0, 1)
    assert scene.stack.rpc("cpm_pf.explain", bob, "sip:mallory@cpm.test", "pager")["blocked"] == 1


def test_every_message_is_counted(scene):
    bob, carol = scene.person("bob"), scene.person("carol")
    scene.documents.put("lists", carol, blocklist([ALICE]))
    before = scene.statistics()
    scene.send(ALICE, bob)
    scene.send(ALICE, carol)
    phone = scene.phone(bob)
    phone.wait_received(1)
    scene.wait_waiting(bob, 0)
    scene.send(ALICE, bob)
    after = scene.statistics()
    grown = {name: after[name] - before[name] for name in after if name != "redis" and after[name] != before[name]}
    for name in ("accepted", "deferred", "deferred_offline", "delivered", "blocked", "relayed"):
        assert grown.get(name) == 1, (name, grown)


def test_every_end_has_one_line_in_the_log(scene, stack):
    bob = scene.person("bob")
    scene.send(ALICE, bob)
    message = scene.waiting(bob)[0]
    scene.phone(bob).wait_received(1)
    scene.wait_waiting(bob, 0)
    lines = [line for line in stack.node.log.read_text().splitlines() if message in line]
    assert sum("event=deferred" in line for line in lines) == 1
    assert sum("event=delivered" in line for line in lines) == 1
    assert "Are you there" not in stack.node.log.read_text(), "no bodies in the log"
