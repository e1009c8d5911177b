# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Peers that we connect to: whose path has a name, or another address than c= and m= (RFC 4975 section 8, RFC 6135)."""

import pytest
from lib.large import LargeCall, LargePhone, large_body, send_large
from msrp import MsrpPeer
from sipua import sdp

STACK = {"modparams": [("cpm_pf", "msrp_bind_ms", 2000), ("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 1)]}


class Named(MsrpPeer):
    """Its path has a name. c= has another one, unless told otherwise."""

    def __init__(self, name, **options):
        self.name = name
        super().__init__(**options)

    @property
    def uri(self):
        return f"msrp://{self.name}:{self.port}/{self.session};tcp"


def name(scene, host, *, bad=False):
    """What the resolver's cache of the node says of a host."""
    scene.stack.rpc("dns.add_a", host, 600, "127.0.0.1", 1 if bad else 0)


def offer(peer, *, host, port=None, setup="passive", direction="sendonly", extra=()):
    return sdp(peer.path, host=host, port=port or peer.port, setup=setup, direction=direction, extra=extra)


@pytest.mark.clause("LM-4")
@pytest.mark.parametrize("host", ["media.gateway.test", "127.0.0.1"], ids=["name", "address"])
def test_a_sender_with_a_name_in_its_path(scene, host):
    alice, bob = scene.person("alice"), scene.person("bob")
    name(scene, "gateway.test")
    name(scene, "media.gateway.test", bad=True)
    peer = Named("gateway.test")
    body = large_body(alice, bob, 5000)
    call = LargeCall(scene, alice, bob, peer=peer, body=offer(peer, host=host))
    assert call.status == 200 and call.reply.attribute("setup") == "active"
    assert call.peer.send(body) == [200]
    assert call.call.bye() == 200
    scene.wait_waiting(bob, 1)


@pytest.mark.clause("LM-4")
def test_a_sender_whose_name_is_not_known(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    name(scene, "nowhere.test", bad=True)
    peer = Named("nowhere.test")
    call = LargeCall(scene, alice, bob, peer=peer, body=offer(peer, host="nowhere.test"))
    assert call.status == 488
    # One that connects itself needs no name of us.
    call = LargeCall(scene, alice, bob, peer=Named("nowhere.test"), body=offer(peer, host="nowhere.test", setup="active"))
    assert call.status == 200
    assert call.call.bye() == 200


class NamedPhone(LargePhone):
    """It is passive, and describes itself by names."""

    def __init__(self, *args, name, **options):
        self.name = name
        super().__init__(*args, setup="passive", **options)

    def _on_invite(self, request):
        status, _, headers = super()._on_invite(request)
        peer = self.peers[-1]
        path = peer.path.replace("127.0.0.1", self.name)
        return status, sdp(path, host=self.name, port=peer.port, direction="recvonly", setup="passive"), headers


@pytest.mark.clause("SL-3", "LM-8")
@pytest.mark.parametrize("deferred", [True, False])
def test_a_client_with_a_name(scene, deferred):
    alice, bob = scene.person("alice"), scene.person("bob")
    name(scene, "phone.test")
    body = large_body(alice, bob, 5000)
    phone = None if deferred else NamedPhone(scene, bob, name="phone.test")
    assert send_large(scene, alice, bob, body) == [200]
    phone = phone or NamedPhone(scene, bob, name="phone.test")
    # What it sends back names its path as it is in its answer.
    assert phone.wait_message() == body
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("SL-4")
def test_a_client_whose_name_is_not_known(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    name(scene, "nowhere.test", bad=True)
    assert send_large(scene, alice, bob, large_body(alice, bob, 5000)) == [200]
    phone = NamedPhone(scene, bob, name="nowhere.test")
    phone.agent.wait_request("BYE")
    scene.wait_waiting(bob, 1)
    phone.register(expires=0)


@pytest.mark.clause("LM-4")
def test_the_path_counts_and_not_the_media_line(scene):
    """RFC 4975 section 8.1. A sender with a=msrp-cema too, as long as it is switched off here."""
    alice, bob = scene.person("alice"), scene.person("bob")
    for extra in ((), ("a=msrp-cema",)):
        peer = MsrpPeer()
        call = LargeCall(scene, alice, bob, peer=peer, body=offer(peer, host="127.0.0.77", port=9, extra=extra))
        assert call.status == 200 and call.reply.attribute("msrp-cema") is None
        assert call.peer.send(large_body(alice, bob, 100)) == [200]
        assert call.call.bye() == 200


@pytest.mark.clause("LM-4")
def test_a_relay_with_a_name(scene, relay):
    """The relay's name is looked up, although c= has an address: that is of the sender behind it."""
    alice, bob = scene.person("alice"), scene.person("bob")
    name(scene, "relay.test")
    peer, body = MsrpPeer(), large_body(alice, bob, 5000)
    peer.authenticate(relay.uri)
    peer.relay = peer.relay.replace("127.0.0.1", "relay.test")
    call = LargeCall(scene, alice, bob, peer=peer, body=offer(peer, host="127.0.0.77", port=9))
    assert call.status == 200 and call.reply.attribute("setup") == "active"
    assert peer.send(body, headers=[("Success-Report", "yes")]) == [200]
    peer.wait_report()
    assert call.call.bye() == 200
    scene.wait_waiting(bob, 1)


@pytest.mark.clause("LM-4", "LM-8e")
@pytest.mark.parametrize("setup, answer", [("active", "passive"), ("passive", "active"), ("actpass", "passive"), (None, None)])
def test_setup_as_rfc_6135_says(scene, setup, answer):
    alice, bob = scene.person("alice"), scene.person("bob")
    call = LargeCall(scene, alice, bob, setup=setup)
    assert call.reply.attribute("setup") == answer
    assert call.peer.send(large_body(alice, bob, 100)) == [200]
    assert call.call.bye() == 200


@pytest.mark.clause("SL-3")
@pytest.mark.parametrize("answer, connects", [("active", True), ("passive", False), (None, False)])
def test_setup_of_a_client(scene, answer, connects):
    """Our offer is passive; a client that says nothing of it, or passive, waits for us (RFC 4975)."""
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 1000)
    assert send_large(scene, alice, bob, body) == [200]
    phone = Answering(scene, bob, setup="active" if connects else "passive")
    phone.say = answer
    phone.register()
    assert phone.wait_message() == body
    scene.wait_waiting(bob, 0)


class Answering(LargePhone):
    def __init__(self, *args, **options):
        super().__init__(*args, register=False, **options)

    def _on_invite(self, request):
        status, _, headers = super()._on_invite(request)
        return status, sdp(self.peers[-1].path, port=self.peers[-1].port, direction="recvonly", setup=self.say), headers
