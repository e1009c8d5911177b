# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages that a rule forwards: by a B2BUA, through the core (8.3.1.2 steps 4 and 6d)."""

import threading

import pytest
from lib.documents import forward_to, rule, ruleset
from lib.large import LargeCall, LargePhone, large_body, large_headers, send_large
from ports import free_port
from process import wait_until

CORE = free_port()
STACK = {"modparams": [("cpm_pf", "core_uri", f"sip:127.0.0.1:{CORE}"), ("cpm_pf", "bridge_wait_ms", 1500)]}
TARGET = "sip:carol@other.test"


@pytest.fixture
def people(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("away", forward_to(TARGET), media=("large-message-mode-message",))))
    return alice, bob


def the_core(scene, **options):
    return LargePhone(scene, "sip:core@core.test", register=False, port=CORE, **options)


@pytest.mark.clause("LM-6d", "LM-4", "LM-8e")
@pytest.mark.parametrize("setup", ["active", "passive"])
def test_forwarded_by_a_b2bua(scene, people, setup):
    core, phone = the_core(scene, setup=setup), LargePhone(scene, people[1])
    before = scene.statistics()
    body = large_body(*people, 500000)
    headers = large_headers(people[0], extra=["Message-Expires: 3600", "Subject: Plans"])
    call = LargeCall(scene, *people, size=len(body), headers=headers)
    assert call.status == 200
    assert call.peer.send(body, chunk=60000)[-1] == 200
    assert core.wait_message() == body
    invite = core.agent.wait_request("INVITE")
    assert invite.uri == TARGET and invite.get("To").startswith(f"<{people[1]}>")
    # A dialog of its own on either side, the media through us.
    assert invite.get("Call-ID") != call.call.call_id and "sip:cpm@" in invite.get("Contact")
    assert "sip:cpm@" in call.reply.get("Contact")
    assert invite.get("User-Agent").startswith("CPM-serv/OMA") and f"<{people[0]}>" in invite.get("P-Asserted-Identity")
    assert "largemsg" in invite.get("Accept-Contact") and invite.get("Message-Expires") == "3600" and invite.get("Subject") == "Plans"
    assert invite.get("Max-Forwards") == "69" and invite.get("Max-Breadth") == "60"
    assert invite.attribute("path") != call.peer.path and invite.attribute("sendonly") == "" and invite.attribute("setup") == "passive"
    assert invite.attribute("file-selector") == f"size:{len(body)}"
    assert call.call.bye() == 200
    core.agent.wait_request("BYE")
    after = scene.statistics()
    assert [after[n] - before[n] for n in ("forwarded", "large_bridged", "relayed")] == [1, 1, 0]
    assert scene.waiting(people[1]) == [] and not phone.invites


@pytest.mark.clause("LM-6d", "LM-4")
@pytest.mark.parametrize("status, heard", [(486, 486), (404, 404), (603, 603), (503, 503), (302, 480), (407, 480)])
def test_the_answer_is_the_senders(scene, people, status, heard):
    """As that to a pager message is; but what is between the target and us: another way to go, who we are."""
    core = the_core(scene, status=[status])
    assert LargeCall(scene, *people, size=1000).status == heard
    assert len(core.invites) == 1 and scene.waiting(people[1]) == []


@pytest.mark.clause("LM-6d", "LM-4")
def test_no_answer(scene, people):
    core = the_core(scene, status=180)
    assert LargeCall(scene, *people, size=1000).status == 480
    core.agent.wait_request("CANCEL")
    assert scene.waiting(people[1]) == []


@pytest.mark.clause("LM-6d", "LM-6b", "LM-4")
@pytest.mark.parametrize("to", ["core", "isf", "client"])
def test_an_anonymous_sender_is_named_to_those_we_know_alone(scene, people, to):
    """RFC 3325: within the trust domain, with the wish for privacy."""
    if to == "core":
        peer = the_core(scene)
    elif to == "isf":
        scene.documents.put("policy", people[1], ruleset(rule("isf", ["allow-interwork"], media=("large-message-mode-message",))))
        port = int(scene.stack.env["CPM_ISF"].rpartition(":")[2])
        peer = LargePhone(scene, "sip:isf@isf.test", register=False, port=port, setup="passive")
    else:
        scene.documents.put("policy", people[1], ruleset())
        peer = LargePhone(scene, people[1])
    body = large_body(*people, 1000)
    assert send_large(scene, *people, body, headers=large_headers(people[0], extra=["Privacy: id"])) == [200]
    invite = peer.agent.wait_request("INVITE")
    assert invite.get("Privacy") == "id"
    assert invite.get("P-Asserted-Identity") == (None if to == "client" else f"<{people[0]}>")
    peer.agent.wait_request("BYE")


@pytest.mark.clause("LM-6d", "LM-4")
def test_the_target_is_lost_in_the_middle(scene, people):
    core = the_core(scene, answer=lambda frame: core.peers[0].close(reset=True))
    body = large_body(*people, 400000)
    call = LargeCall(scene, *people, size=len(body))
    statuses = []
    threading.Thread(target=lambda: statuses.extend(call.peer.send(body, chunk=50000)), daemon=True).start()
    call.agent.wait_request("BYE", timeout_s=20)
    core.agent.wait_request("BYE")
    assert 200 not in statuses[-1:]
    wait_until(lambda: scene.statistics()["large_unbridged"] > 0, 5, "it to be counted")
