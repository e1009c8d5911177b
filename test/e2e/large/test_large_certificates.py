# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Certificates of MSRP peers are checked, both ways (msrp_tls_verify 2)."""

import ssl
import tempfile
from pathlib import Path

import pytest
from lib.certificates import certificate
from lib.large import LargeCall, LargePhone, large_body, send_large
from msrp import MsrpError, MsrpPeer
from ports import free_port

FOLDER = tempfile.TemporaryDirectory(prefix="cpm-tls-")
OURS = certificate(FOLDER.name, "ours.pem")
OTHER_NAME = certificate(FOLDER.name, "other-name.pem", subject="elsewhere", names="IP:192.0.2.1,DNS:elsewhere.test")
STRANGER = certificate(FOLDER.name, "stranger.pem")
TRUSTED = Path(FOLDER.name) / "trusted.pem"
TRUSTED.write_text(Path(OURS + ".crt").read_text() + Path(OTHER_NAME + ".crt").read_text())
PLAIN, TLS = free_port(), free_port()
STACK = {"modparams": [
    ("cpm_pf", "msrp_listen", f"127.0.0.1:{PLAIN}, tls:127.0.0.1:{TLS}"), ("cpm_pf", "msrp_tls_certificate", OURS),
    ("cpm_pf", "msrp_tls_ca", str(TRUSTED)), ("cpm_pf", "msrp_tls_verify", 2), ("cpm_pf", "msrp_offer_tls", 1),
    ("cpm_pf", "msrp_bind_ms", 2000), ("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 1),
]}


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("setup", ["active", "passive"])
def test_a_sender_that_is_known(scene, setup):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 100000)
    call = LargeCall(scene, alice, bob, size=len(body), setup=setup, peer=MsrpPeer(tls=True, certificate=OURS))
    assert call.peer.send(body) == [200]
    assert call.call.bye() == 200
    scene.wait_waiting(bob, 1)


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("shown", [None, STRANGER], ids=["none", "unknown"])
def test_a_sender_that_connects_without_a_good_one(scene, shown):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob, setup="active", peer=MsrpPeer(tls=True, certificate=shown), connect=False)
    assert call.status == 200
    with pytest.raises((MsrpError, OSError, ssl.SSLError)):
        call.peer.connect(call.reply.attribute("path"))
    call.agent.wait_request("BYE")
    assert scene.waiting(bob) == []


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("shown", [STRANGER, OTHER_NAME], ids=["unknown", "for another name"])
def test_a_sender_that_we_connect_to(scene, shown):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob, setup="passive", peer=MsrpPeer(tls=True, certificate=shown), connect=False)
    assert call.status == 200 and call.reply.attribute("setup") == "active"
    try:
        call.peer.accept(call.reply.attribute("path"))
        call.peer.wait_closed()
    except OSError:
        pass
    call.agent.wait_request("BYE")
    assert scene.waiting(bob) == []


@pytest.mark.clause("SL-3")
def test_clients(scene):
    """One with a good certificate gets what one with another did not."""
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 100000)
    send_large(scene, alice, bob, body, peer=MsrpPeer(tls=True, certificate=OURS))
    stranger = LargePhone(scene, bob, tls=STRANGER)
    stranger.agent.wait_request("BYE")
    assert len(scene.waiting(bob)) == 1 and not stranger.peers[0].messages
    stranger.register(expires=0)
    assert LargePhone(scene, bob, tls=OURS).wait_message(timeout_s=20) == body
    scene.wait_waiting(bob, 0)
