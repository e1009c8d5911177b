# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""RFC 6714 switched on: with a=msrp-cema on both sides c= and m= say where to connect, and the path only who it is."""

import pytest
from lib.large import LargeCall, LargePhone, large_body, send_large
from msrp import MsrpPeer
from sipua import sdp

STACK = {"modparams": [("cpm_pf", "msrp_cema", 1)]}
CEMA = ("a=msrp-cema",)


class Behind(MsrpPeer):
    """Behind a middlebox: its path has an address that nobody reaches."""

    @property
    def uri(self):
        return f"msrp://192.0.2.77:9/{self.session};tcp"


@pytest.mark.clause("LM-4")
def test_a_sender_behind_a_middlebox(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    body, peer = large_body(alice, bob, 5000), Behind()
    call = LargeCall(scene, alice, bob, peer=peer, body=sdp(peer.path, port=peer.port, setup="passive", direction="sendonly", extra=CEMA))
    assert call.status == 200 and call.reply.attribute("setup") == "active" and call.reply.attribute("msrp-cema") == ""
    assert call.peer.send(body) == [200]
    assert call.call.bye() == 200
    scene.wait_waiting(bob, 1)


@pytest.mark.clause("LM-4")
def test_a_sender_without_it(scene):
    """The path counts, and we do not say that we know it."""
    alice, bob = scene.person("alice"), scene.person("bob")
    peer = MsrpPeer()
    call = LargeCall(scene, alice, bob, peer=peer, body=sdp(peer.path, host="127.0.0.77", port=9, setup="passive", direction="sendonly"))
    assert call.status == 200 and call.reply.attribute("msrp-cema") is None
    assert call.peer.send(large_body(alice, bob, 100)) == [200]
    assert call.call.bye() == 200


@pytest.mark.clause("LM-4")
def test_a_sender_behind_a_relay(scene, relay):
    """c= and m= are its own, and do not say how to reach it; so we do not offer to go by them."""
    alice, bob = scene.person("alice"), scene.person("bob")
    peer = MsrpPeer()
    peer.authenticate(relay.uri)
    call = LargeCall(scene, alice, bob, peer=peer, body=sdp(peer.path, host="127.0.0.77", port=9, setup="passive", direction="sendonly", extra=CEMA))
    assert call.status == 200 and call.reply.attribute("setup") == "active" and call.reply.attribute("msrp-cema") is None
    assert peer.send(large_body(alice, bob, 100), headers=[("Success-Report", "yes")]) == [200]
    peer.wait_report()
    assert call.call.bye() == 200


class BehindPhone(LargePhone):
    cema = True

    def _on_invite(self, request):
        status, _, headers = super()._on_invite(request)
        peer = self.peers[-1]
        path = Behind.uri.fget(peer) if self.cema else peer.path
        where = {"port": peer.port} if self.cema else {"host": "127.0.0.77", "port": 9}
        return status, sdp(path, direction="recvonly", setup="passive", extra=CEMA if self.cema else (), **where), headers


@pytest.mark.clause("SL-2", "SL-3")
@pytest.mark.parametrize("cema", [True, False])
def test_a_client(scene, cema):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 5000)
    assert send_large(scene, alice, bob, body) == [200]
    phone = BehindPhone(scene, bob, setup="passive", register=False)
    phone.cema = cema
    phone.register()
    assert phone.wait_message() == body
    assert phone.invites[0].attribute("msrp-cema") == ""
    scene.wait_waiting(bob, 0)
