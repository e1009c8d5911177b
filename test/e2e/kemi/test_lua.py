# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""cfg/kamailio.lua: the whole flow of a pager message in a KEMI script, events included."""

import re

import pytest
from lib.documents import DEFERRED, blocklist, do_not_disturb, forward_to, rule, ruleset
from lib.imdn import report_names
from lib.large import LargeCall, LargePhone, large_body, send_large
from lib.messages import orders
from lib.raw import exchange, request
from process import wait_until

STACK = {
    "defines": {"WITH_LUA": True, "CPM_XDM_MAX_AGE_MS": 600000},
    "modparams": [("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 2)],
}
# With a KEMI engine the core reads every reply of ours once more, and cannot read that to an RPC request before Redis is there.
LOG_ALLOW = [r"parse_first_line: bad message", r"parse_msg: message=<HTTP/1.1 503", r"build_sip_msg_from_buf\(\): parsing failed"]
ALICE = "sip:alice@cpm.test"


def events(stack, message_id):
    return re.findall(rf"cpm_pf:([\w-]+) id={message_id} reason=(.*)", stack.node.log.read_text())


@pytest.mark.clause("PM-7", "PM-9")
def test_delivered_at_once(scene):
    bob = scene.person("bob")
    phone = scene.phone(bob)
    sent = scene.send(ALICE, bob)
    assert sent.status == 200
    assert phone.wait_received(1)[0].body == sent.request.body


@pytest.mark.clause("PM-3", "PM-3w", "PM-4a")
def test_refused(scene):
    bob, carol = scene.person("bob"), scene.person("carol")
    scene.documents.put("lists", bob, blocklist([ALICE]))
    scene.documents.put("policy", carol, ruleset(rule("no", ["allow-reject-invite"])))
    for user in (bob, carol):
        refused = scene.send(ALICE, user)
        assert refused.status == 403 and "122 Function not allowed" in refused.warning


@pytest.mark.clause("PM-4e", "PM-5", "PM-8")
def test_deferred(scene):
    bob, carol, dave = scene.person("bob"), scene.person("carol"), scene.person("dave")
    scene.documents.put("policy", carol, ruleset(rule("later", ["allow-defer"])))
    scene.documents.put("policy", dave, do_not_disturb())
    for user, cause in ((bob, "offline"), (carol, "policy"), (dave, "dnd")):
        assert scene.send(ALICE, user).status == 202
        assert scene.stack.rpc("cpm_pf.list", user)["messages"][0]["cause"] == cause


@pytest.mark.clause("PM-10a", "PU-4", "SP-3")
def test_events_of_a_message_that_is_delivered_late(scene, stack):
    bob = scene.person("bob")
    phone = scene.phone(bob, answers=["486", "486", "200"])
    assert scene.send(ALICE, bob).status == 202
    message = scene.waiting(bob)[0]
    phone.wait_received(3)
    scene.wait_waiting(bob, 0)
    told = wait_until(lambda: len(events(stack, message)) == 3 and events(stack, message), 5, "three events")
    assert told == [("deferred", "undelivered"), ("undelivered", "client gone"), ("delivered", "delivered")]


@pytest.mark.clause("EX-1", "EX-2", "EX-4")
def test_expired_message_goes_to_the_isf_by_the_script(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    isf, sender = scene.isf(answers=["200", "503"]), scene.phone(alice)
    taken = scene.send(alice, bob, disposition="negative-delivery", extra=[("Expires", "1")])
    message = scene.waiting(bob)[0]
    assert isf.wait_received(1)[0].body == taken.request.body
    assert events(stack, message)[-1] == ("expired", "expired")
    refused = scene.send(alice, bob, disposition="negative-delivery", extra=[("Expires", "1")])
    isf.wait_received(2)
    sender.wait_received(1)
    assert report_names(sender) == [(refused.request.imdn_id, "failed")]


@pytest.mark.clause("MG-1", "MG-2", "MG-3")
def test_commands(scene):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("later", ["allow-pull"], media=DEFERRED)))
    assert scene.manage(bob).status == 488
    scene.send(ALICE, bob)
    assert scene.manage(bob, orders((scene.message_uri(scene.waiting(bob)[0]), "delete"))).status == 200
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("PU-2", "PR-1")
def test_end_of_do_not_disturb_by_xcap_diff(scene):
    """A NOTIFY comes within the dialog of its subscription."""
    bob = scene.person("bob")
    scene.documents.put("policy", bob, do_not_disturb())
    phone = scene.phone(bob)
    assert scene.send(ALICE, bob).status == 202
    scene.documents.put("policy", bob, ruleset(), reload=False)
    root = scene.documents.root + "/"
    document = f'<document new-etag="2" sel="{scene.documents.url("policy", bob).removeprefix(root)}"/>'
    body = f'<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="{root}">{document}</xcap-diff>'
    headers = [("Event", "xcap-diff"), ("Subscription-State", "active"), ("To", f"<{bob}>;tag=1"), ("Content-Type", "application/xcap-diff+xml")]
    assert exchange(scene.stack.node.sip, request("NOTIFY", bob, headers, body.encode())).status == 200
    phone.wait_received(1)
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("LM-4", "PU-5")
def test_a_large_message(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 100000)
    assert send_large(scene, alice, bob, body) == [200]
    scene.wait_waiting(bob, 1)
    assert LargePhone(scene, bob).wait_message() == body
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("LM-6d", "LM-4")
def test_a_large_message_that_is_forwarded(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    other = LargePhone(scene, "sip:other@elsewhere.test", register=False, status=[200, 486])
    rules = ruleset(rule("away", forward_to(f"sip:other@{other.agent.address}"), media=("large-message-mode-message",)))
    scene.documents.put("policy", bob, rules)
    body = large_body(alice, bob, 20000)
    assert send_large(scene, alice, bob, body) == [200]
    assert other.wait_message() == body
    assert LargeCall(scene, alice, bob, size=100).status == 486
