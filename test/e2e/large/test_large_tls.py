# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages over TLS and over IPv6."""

import tempfile

import pytest
from lib.certificates import certificate
from lib.large import LargeCall, LargePhone, large_body
from msrp import MsrpPeer
from ports import free_port

FOLDER = tempfile.TemporaryDirectory(prefix="cpm-tls-")
CERTIFICATE = certificate(FOLDER.name, "certificate.pem")
PLAIN, TLS, SIX = free_port(), free_port(), free_port()
STACK = {"modparams": [
    ("cpm_pf", "msrp_listen", f"127.0.0.1:{PLAIN}, tls:127.0.0.1:{TLS}, [::1]:{SIX}"),
    ("cpm_pf", "msrp_tls_certificate", CERTIFICATE), ("cpm_pf", "msrp_tls_ca", CERTIFICATE + ".crt"), ("cpm_pf", "msrp_tls_verify", 1),
    ("cpm_pf", "msrp_offer_tls", 1),
]}


@pytest.mark.clause("LM-4", "SL-3")
@pytest.mark.parametrize("setup", ["active", "passive"])
def test_tls_both_ways(scene, setup):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 300000)
    call = LargeCall(scene, alice, bob, size=len(body), setup=setup, peer=MsrpPeer(tls=True, certificate=CERTIFICATE))
    assert call.status == 200 and call.reply.attribute("path").startswith("msrps://127.0.0.1:") and "TCP/TLS/MSRP" in call.reply.body
    assert call.peer.send(body, chunk=50000) == [200] * -(-len(body) // 50000)
    assert call.call.bye() == 200
    phone = LargePhone(scene, bob, tls=CERTIFICATE)
    assert phone.wait_message() == body
    assert "TCP/TLS/MSRP" in phone.invites[0].body and phone.invites[0].attribute("path").startswith("msrps://")
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("LM-4")
def test_ipv6(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 300000)
    call = LargeCall(scene, alice, bob, size=len(body), peer=MsrpPeer(host="::1"))
    assert call.reply.attribute("path").startswith(f"msrp://[::1]:{SIX}/") and "IN IP6 ::1" in call.reply.body
    assert call.peer.send(body) == [200]
    assert call.call.bye() == 200
    scene.wait_waiting(bob, 1)
