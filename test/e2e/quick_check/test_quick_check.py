# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What an operator checks from a shell, by a program that is neither SIPp nor ours."""

import uuid

from lib import sipsak
from lib.documents import blocklist


def message(scene, sender, recipient, body="Are you there?"):
    return sipsak.request_text(
        "MESSAGE", recipient, from_=sender, to=recipient, call_id=f"{uuid.uuid4().hex}@{scene.stack.domain}",
        headers=[("P-Asserted-Identity", f"<{sender}>"), ("Content-Type", "text/plain")], body=body,
    )


def test_options_is_answered(scene):
    domain = f"sip:{scene.stack.domain}"
    text = sipsak.request_text("OPTIONS", domain, from_=f"sip:operator@{scene.stack.domain}", to=domain, call_id=uuid.uuid4().hex)
    status, reply = sipsak.run(scene.stack.node.sip, text)
    assert (status, reply.status) == (0, 200)


def test_message_is_stored_and_pushed(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    status, reply = sipsak.run(scene.stack.node.sip, message(scene, alice, bob, "Lunch at noon?"))
    assert (status, reply.status) == (0, 202)
    assert len(scene.waiting(bob)) == 1
    got = scene.phone(bob).wait_received(1)[0]
    assert got.body == b"Lunch at noon?\r\n"
    scene.wait_waiting(bob, 0)


def test_blocked_sender_is_refused(scene):
    mallory, bob = scene.person("mallory"), scene.person("bob")
    scene.documents.put("lists", bob, blocklist([mallory]))
    status, reply = sipsak.run(scene.stack.node.sip, message(scene, mallory, bob))
    assert (status, reply.status) == (1, 403)
    assert "122 Function not allowed" in reply.get("Warning")


def test_register_is_answered(scene):
    bob = scene.person("bob")
    status, reply = sipsak.run(
        scene.stack.node.sip,
        sipsak.request_text(
            "REGISTER", f"sip:{scene.stack.domain}", from_=bob, to=bob, call_id=uuid.uuid4().hex,
            headers=[("Contact", "<sip:bob@127.0.0.1:9>"), ("Expires", "60")],
        ),
    )
    assert (status, reply.status) == (0, 200)
    assert "sip:bob@127.0.0.1:9" in reply.get("Contact")
