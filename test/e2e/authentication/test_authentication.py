# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Digest authentication (WITH_AUTH): of REGISTER always, of other requests where no trusted neighbour asserts the originator."""

import pytest
from lib.messages import cpim, pager_headers, sdp
from lib.phones import Phone
from lib.raw import Peer

STACK = {"defines": {"WITH_AUTH": True, "CPM_TRUSTED": "127.0.0.1"}}
STRANGER = "127.0.0.2"


def credential(scene, aor, password):
    """Gives the user a password and returns what a phone needs to answer a challenge."""
    address = aor.partition(":")[2]
    scene.stack.rpc("htable.sets", "credentials", address, password)
    return {"user": address.partition("@")[0], "password": password}


@pytest.mark.clause("RG-1")
def test_registration_needs_the_password(scene):
    bob = scene.person("bob")
    known = credential(scene, bob, "secret")
    phone = Phone(scene.folder, bob)
    assert phone.register(scene.stack.node.sip, **known).status == 200
    assert phone.register(scene.stack.node.sip, user=known["user"], password="wrong").status == 401


def test_nobody_registers_for_another(scene):
    bob, mallory = scene.person("bob"), scene.person("mallory")
    credential(scene, bob, "secret")
    known = credential(scene, mallory, "other")
    assert Phone(scene.folder, bob).register(scene.stack.node.sip, **known).status in (401, 403)


def test_digest_identity_is_the_originator(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    known = credential(scene, alice, "secret")
    assert scene.send(alice, bob, asserted=False, user=known["user"], password="wrong").status in (401, 407)
    assert scene.send(alice, bob, asserted=False, **known).status == 202
    shown = scene.stack.rpc("cpm_pf.show", scene.waiting(bob)[0])
    assert shown["originator"] == alice


def ask(scene, peer, method, known, password, headers=(), body=b""):
    """A request that answers its challenge: the final reply."""
    peer.asserted = False
    branch = peer.send(method, headers, body)
    challenge = peer.final(method)
    assert challenge.status in (401, 407)
    if method == "INVITE":
        peer.send("ACK", cseq=peer.cseq, branch=branch)
    peer.send(method, [*headers, peer.authorization(challenge, method, known["user"], password)], body)
    return peer.final(method)


@pytest.mark.clause("SU-1")
def test_subscribe_by_digest(scene):
    bob = scene.person("bob")
    known = credential(scene, bob, "secret")
    peer = Peer(scene.stack.node.sip, bob, bob)
    headers = [("Event", "deferred-messages"), ("Expires", "0")]
    assert ask(scene, peer, "SUBSCRIBE", known, "wrong", headers).status in (401, 403, 407)
    assert ask(scene, peer, "SUBSCRIBE", known, "secret", headers).status == 200
    notify = peer.request("NOTIFY")
    assert b'number="0"' in notify.body
    peer.answer(notify)
    peer.close()


@pytest.mark.clause("MG-1", "MG-2")
def test_manage_by_digest(scene):
    bob, carol = scene.person("bob"), scene.person("carol")
    known, others = credential(scene, bob, "secret"), credential(scene, carol, "other")
    assert scene.send(scene.person("alice"), bob).status == 202
    target = f"sip:CPMDeferredMsgMgmt@{scene.stack.domain}"
    # Carol cannot speak for Bob, and has nothing to manage herself.
    peer = Peer(scene.stack.node.sip, bob, target)
    assert ask(scene, peer, "INVITE", others, "other").status in (401, 403, 407)
    peer.close()
    peer = Peer(scene.stack.node.sip, carol, target)
    assert ask(scene, peer, "INVITE", others, "other").status == 488
    peer.close()
    peer = Peer(scene.stack.node.sip, bob, target)
    assert ask(scene, peer, "INVITE", known, "secret").status == 200
    peer.send("ACK", cseq=peer.cseq)
    peer.answer(peer.request("BYE"))
    peer.close()


@pytest.mark.clause("LM-4")
def test_large_message_by_digest(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    known = credential(scene, alice, "secret")
    tag = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.largemsg"'
    headers = [("Accept-Contact", tag), ("Content-Type", "application/sdp")]
    peer = Peer(scene.stack.node.sip, alice, bob)
    assert ask(scene, peer, "INVITE", known, "wrong", headers, sdp()).status in (401, 407)
    peer.close()
    peer = Peer(scene.stack.node.sip, alice, bob)
    reply = ask(scene, peer, "INVITE", known, "secret", headers, sdp())
    assert reply.status == 200 and b"a=path:msrp://" in reply.body
    peer.send("ACK", cseq=peer.cseq)
    peer.send("BYE")
    assert peer.final("BYE").status == 200
    peer.close()


@pytest.mark.clause("PM-3")
def test_what_is_asserted_beside_a_digest_goes_no_further(scene):
    alice, bob, boss = scene.person("alice"), scene.person("bob"), scene.person("boss")
    known = credential(scene, alice, "secret")
    phone = scene.phone(bob, register_options=credential(scene, bob, "other"))
    peer = Peer(scene.stack.node.sip, alice, bob, source=STRANGER)
    headers = pager_headers(alice, asserted=f"<{boss}>")
    assert ask(scene, peer, "MESSAGE", known, "secret", headers, cpim("hello", alice, bob)).status == 200
    assert phone.wait_received(1)[0].all("P-Asserted-Identity") == []
    peer.close()
