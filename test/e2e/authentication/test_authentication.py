# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Digest authentication (WITH_AUTH): of REGISTER always, of MESSAGE where no trusted neighbour asserts the originator."""

import pytest
from lib.phones import Phone

STACK = {"defines": {"WITH_AUTH": True}}


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
