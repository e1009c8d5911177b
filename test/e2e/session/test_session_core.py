# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Sessions that go on by the core (core_uri): where a 302 points to, or a rule forwards."""

import pytest
from lib.documents import forward_to, rule, ruleset
from lib.session import SessionCall, SessionPhone
from ports import free_port

CORE = free_port()
STACK = {"modparams": [("cpm_pf", "core_uri", f"sip:127.0.0.1:{CORE}")]}


@pytest.fixture
def core(scene):
    return SessionPhone(scene, "sip:core@cpm.test", register=False, port=CORE, status=486)


def named(invite):
    return invite.get("P-Asserted-Identity")


@pytest.mark.clause("SE-9")
@pytest.mark.parametrize("target", ["sip:carol@cpm.test", "tel:+15550100"])
def test_a_client_says_where_to_go_on(scene, core, target):
    """The core, unlike clients, must know who calls anonymously, or it could not let him in."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob, status=302, answer=[f"Contact: <{target}>"])
    assert SessionCall(scene, alice, bob, extra=["Privacy: id"]).status == 486
    invite = core.wait_invite()
    assert (invite.uri, named(invite), named(phone.wait_invite())) == (target, f"<{alice}>", None)


@pytest.mark.clause("SE-6")
def test_a_rule_that_forwards(scene, core):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("on", forward_to("sip:carol@cpm.test"), media=("message-session",))))
    SessionPhone(scene, bob)
    assert SessionCall(scene, alice, bob, extra=["Privacy: id"]).status == 486
    invite = core.wait_invite()
    assert (invite.uri, named(invite)) == ("sip:carol@cpm.test", f"<{alice}>") and invite.get("Record-Route")
