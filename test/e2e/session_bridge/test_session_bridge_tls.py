# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Sessions through the server over TLS, on one side or on both."""

import tempfile
import threading

import pytest
from lib.certificates import certificate
from lib.conversation import ConversationCall, ConversationPhone, chat, talk
from lib.large import large_body
from msrp import MsrpPeer
from ports import free_port

FOLDER = tempfile.TemporaryDirectory(prefix="cpm-tls-")
CERTIFICATE = certificate(FOLDER.name, "certificate.pem")
PLAIN, TLS = free_port(), free_port()
STACK = {"defines": {"WITH_SESSION_BRIDGE": True}, "modparams": [
    ("cpm_pf", "msrp_listen", f"127.0.0.1:{PLAIN}, tls:127.0.0.1:{TLS}"), ("cpm_pf", "msrp_tls_certificate", CERTIFICATE),
    ("cpm_pf", "msrp_tls_ca", CERTIFICATE + ".crt"), ("cpm_pf", "msrp_tls_verify", 1), ("cpm_pf", "msrp_offer_tls", 1),
]}


@pytest.mark.clause("SE-5")
@pytest.mark.parametrize("callers", [True, False])
@pytest.mark.parametrize("clients", ["active", "passive"])
def test_tls(scene, callers, clients):
    """Also with large messages both ways at once, which OpenSSL may hold back in the middle of a record."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = ConversationPhone(scene, bob, tls=CERTIFICATE, setup=clients)
    call = ConversationCall(scene, alice, bob, peer=MsrpPeer(tls=callers, certificate=CERTIFICATE if callers else None))
    call, phone, here, there = talk(scene, alice, bob, phone=phone, call=call)
    assert call.reply.attribute("path").startswith("msrps://" if callers else "msrp://")
    assert "TCP/TLS/MSRP" in phone.invites[0].body and phone.invites[0].attribute("path").startswith("msrps://")
    bodies, statuses = {here: large_body(alice, bob, 2 << 20), there: large_body(bob, alice, 2 << 20)}, {}

    def send(peer):
        statuses[peer] = set(peer.send(bodies[peer], chunk=60000, timeout_s=60))

    threads = [threading.Thread(target=send, args=(peer,), daemon=True) for peer in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == {here: {200}, there: {200}}
    assert there.wait_messages(1) == [bodies[here]] and here.wait_messages(1) == [bodies[there]]
    text = chat("Now in private", alice, bob)
    assert here.send(text) == [200] and there.wait_messages(2)[1] == text
    call.hang_up()
