# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What the served user's documents say of large messages (8.3.1.2 steps 1 to 7)."""

import pytest
from lib.documents import DEFERRED, blocklist, do_not_disturb, forward_to, rule, ruleset
from lib.large import LargeCall, LargePhone, large_body, large_headers, send_large
from lib.messages import orders

STACK = {"defines": {"WITH_VERSION_CHECK": True, "WITHOUT_ANONYMITY": True}}
LARGE = ("large-message-mode-message",)


@pytest.fixture
def people(scene):
    return scene.person("alice"), scene.person("bob")


def warned(call, text):
    assert call.status == 403 and f'"{text} ' in call.reply.get("Warning"), call.reply.headers
    assert call.reply.get("Warning").startswith("399 ")


@pytest.mark.clause("LM-1")
def test_version(scene, people):
    headers = [h.replace("OMA1.0", "OMA0.9") for h in large_headers(people[0])]
    warned(LargeCall(scene, *people, headers=headers), "132")


@pytest.mark.clause("LM-1")
def test_anonymity(scene, people):
    warned(LargeCall(scene, *people, headers=large_headers(people[0], extra=["Privacy: id"])), "119")


@pytest.mark.clause("LM-5")
def test_blocked(scene, people):
    scene.documents.put("lists", people[1], blocklist([people[0]]))
    warned(LargeCall(scene, *people), "122")


@pytest.mark.clause("LM-6", "LM-6a")
@pytest.mark.parametrize("media", [LARGE, ("pager-mode-message",)])
def test_reject(scene, people, media):
    scene.documents.put("policy", people[1], ruleset(rule("no", ["allow-reject-invite"], media=media)))
    warned(LargeCall(scene, *people), "122")


@pytest.mark.clause("LM-6")
def test_a_rule_for_large_messages_goes_before_one_for_pager_messages(scene, people):
    rules = [rule("pager", ["allow-reject-invite"], media=("pager-mode-message",)), rule("large", ["allow-defer"], media=LARGE)]
    scene.documents.put("policy", people[1], ruleset(*rules))
    assert send_large(scene, *people, large_body(*people, 100)) == [200]
    assert scene.send(*people).status == 403


def the_isf(scene, **options):
    port = int(scene.stack.env["CPM_ISF"].rpartition(":")[2])
    return LargePhone(scene, "sip:isf@isf.test", register=False, port=port, setup="passive", **options)


@pytest.mark.clause("LM-6b", "LM-4", "LM-8e")
@pytest.mark.parametrize("action", ["allow-interwork", "allow-delivery-and-interwork"])
def test_interwork(scene, people, action):
    """Straight to the ISF, by a B2BUA that connects to it."""
    isf, phone = the_isf(scene), LargePhone(scene, people[1])
    scene.documents.put("policy", people[1], ruleset(rule("isf", [action], media=LARGE)))
    body = large_body(*people, 100000)
    assert send_large(scene, *people, body, chunk=30000) == [200] * 4
    assert isf.wait_message() == body
    invite = isf.agent.wait_request("INVITE")
    assert invite.uri == people[1] and "largemsg" in invite.get("Accept-Contact") and "sip:cpm@" in invite.get("Contact")
    assert f"<{people[0]}>" in invite.get("P-Asserted-Identity") and invite.get("User-Agent").startswith("CPM-serv/OMA")
    assert invite.attribute("setup") == "active" and invite.attribute("sendonly") == ""
    assert invite.attribute("file-selector") == f"size:{len(body)}" and invite.attribute("path").startswith("msrp://")
    isf.agent.wait_request("BYE")
    assert scene.waiting(people[1]) == [] and not phone.invites


@pytest.mark.clause("LM-6b", "LM-10")
def test_the_isf_does_not_take_it(scene, people):
    isf = the_isf(scene, status=[480])
    scene.documents.put("policy", people[1], ruleset(rule("isf", ["allow-interwork"], media=LARGE)))
    assert send_large(scene, *people, large_body(*people, 1000)) == [200]
    assert len(isf.invites) == 1
    scene.wait_waiting(people[1], 1)


@pytest.mark.clause("LM-6d", "LM-4")
def test_forward(scene, people):
    """Without core_uri: to where the address says."""
    other = LargePhone(scene, "sip:other@elsewhere.test", register=False)
    target = f"sip:other@{other.agent.address}"
    scene.documents.put("policy", people[1], ruleset(rule("away", forward_to(target), media=LARGE)))
    body = large_body(*people, 50000)
    assert send_large(scene, *people, body) == [200]
    assert other.wait_message() == body
    invite = other.agent.wait_request("INVITE")
    assert invite.uri == target and "sip:cpm@" in invite.get("Contact")
    other.agent.wait_request("BYE")


@pytest.mark.clause("LM-6e")
def test_defer(scene, people):
    rules = [rule("wait", ["allow-defer"], media=LARGE), rule("deferred", ["allow-pull"], media=DEFERRED)]
    scene.documents.put("policy", people[1], ruleset(*rules))
    phone = LargePhone(scene, people[1])
    assert send_large(scene, *people, large_body(*people, 1000)) == [200]
    scene.wait_waiting(people[1], 1)
    assert not phone.invites


@pytest.mark.clause("LM-7", "PU-2")
def test_do_not_disturb(scene, people):
    scene.documents.put("policy", people[1], do_not_disturb())
    phone = LargePhone(scene, people[1])
    body = large_body(*people, 1000)
    assert send_large(scene, *people, body) == [200]
    scene.wait_waiting(people[1], 1)
    assert not phone.invites
    scene.documents.put("policy", people[1], ruleset())
    assert phone.wait_message(timeout_s=20) == body
    scene.wait_waiting(people[1], 0)


def test_who_is_not_known_or_speaks_of_something_else(scene, people):
    assert LargeCall(scene, *people, headers=large_headers(people[0], asserted=False)).status == 403
    other = [h.replace("largemsg", "filetransfer") for h in large_headers(people[0])]
    assert LargeCall(scene, *people, headers=other).status == 488


@pytest.mark.clause("MG-4")
@pytest.mark.parametrize("status", [200, 480])
def test_ordered_to_the_isf(scene, people, status):
    isf = the_isf(scene, status=[status])
    scene.documents.put("policy", people[1], ruleset(rule("deferred", ["allow-pull"], media=DEFERRED)))
    body = large_body(*people, 50000)
    assert send_large(scene, *people, body) == [200]
    scene.wait_waiting(people[1], 1)
    message, = scene.waiting(people[1])
    assert scene.manage(people[1], orders((scene.message_uri(message), "interwork"))).status == 200
    invite = isf.agent.wait_request("INVITE")
    assert invite.uri == people[1] and invite.attribute("setup") == "active" and "sip:cpm@" in invite.get("Contact")
    if status == 200:
        assert isf.wait_message() == body
        isf.agent.wait_request("BYE")
    scene.wait_waiting(people[1], 0 if status == 200 else 1)


@pytest.mark.clause("MG-6", "DF-2")
def test_pulled_by_its_user(scene, people):
    scene.documents.put("policy", people[1], ruleset(rule("deferred", ["allow-pull"], media=DEFERRED)))
    body = large_body(*people, 50000)
    assert send_large(scene, *people, body) == [200]
    scene.wait_waiting(people[1], 1)
    phone = LargePhone(scene, people[1])
    message, = scene.stack.rpc("cpm_pf.list", people[1])["messages"]
    assert message["state"] == "pull" and message["size"] == len(body)
    assert not phone.invites
    assert scene.manage(people[1]).status == 200
    assert phone.wait_message() == body
    assert "oma.cpm.deferred" in phone.invites[0].get("Accept-Contact")
    scene.wait_waiting(people[1], 0)
    # With the client there, the next one is not deferred at all.
    again = large_body(*people, 60000)
    assert send_large(scene, *people, again) == [200]
    assert phone.wait_message(2) == again
    assert "oma.cpm.largemsg" in phone.invites[1].get("Accept-Contact")
