# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Session timers of the dialogs that a pushed large message begins (RFC 4028)."""

import re

import pytest
from lib.large import LargePhone, large_body, send_large
from process import wait_until
from sipua import sdp


class Timed(LargePhone):
    """Its answers ask for a short session interval, that we refresh or it does; it takes the media slowly enough to see that."""

    def __init__(self, *args, interval=10, refresher="uac", allow=None, refuse=None, **options):
        self.interval, self.refresher, self.allow, self.refuse, self.refreshes = interval, refresher, allow, refuse, []
        super().__init__(*args, read=False, **options)
        take = self.agent._take

        def _take(message, source):
            within = message.method in ("UPDATE", "INVITE") and ";tag=" in message.get("To", "")
            if not within:
                return take(message, source)
            if message.get("CSeq") not in [r.get("CSeq") for r in self.refreshes]:
                self.refreshes.append(message)
            refused = message.method == "UPDATE" and self.refuse
            self.agent.reply(message, source, self.refuse if refused else 200, sdp_of(self) if message.method == "INVITE" else "",
                             [] if refused else [f"Session-Expires: {self.interval};refresher=uac", "Require: timer"])

        self.agent._take = _take

    def _on_invite(self, request):
        status, body, headers = super()._on_invite(request)
        headers = [*headers, f"Session-Expires: {self.interval};refresher={self.refresher}", "Require: timer"]
        return status, body, headers + ([f"Allow: {self.allow}"] if self.allow else [])


def sdp_of(phone):
    return sdp(phone.peers[0].path, port=phone.peers[0].port, direction="recvonly", setup="active")


@pytest.mark.clause("SL-1", "SL-3")
@pytest.mark.parametrize("allow, refuse, methods", [
    ("INVITE, ACK, BYE, UPDATE", None, ["UPDATE"]), (None, None, ["INVITE"]), ("INVITE, ACK, BYE, UPDATE", 405, ["UPDATE", "INVITE"]),
], ids=["update", "no update", "405"])
def test_we_refresh_the_session(scene, allow, refuse, methods):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 20 << 20)
    send_large(scene, alice, bob, body)
    phone = Timed(scene, bob, allow=allow, refuse=refuse)
    wait_until(lambda: len(phone.refreshes) >= len(methods), 25, f"{methods}")
    assert [r.method for r in phone.refreshes[: len(methods)]] == methods
    for refresh in phone.refreshes:
        assert re.fullmatch(r"10;refresher=uac", refresh.get("Session-Expires")) and "timer" in refresh.get("Supported")
        assert "sip:cpm@" in refresh.get("Contact")
        # The same description as before: nothing of the media changes (RFC 3264 section 8).
        assert refresh.method == "UPDATE" or refresh.body == phone.invites[0].body
    # Each INVITE has its ACK.
    invites = [int(r.get("CSeq").split()[0]) for r in [phone.invites[0], *phone.refreshes] if r.method == "INVITE"]
    wait_until(lambda: set(invites) <= {int(r.get("CSeq").split()[0]) for _, r, _ in phone.agent.requests if r.method == "ACK"}, 5, "ACKs")
    phone.peers[0].go_on()
    assert phone.wait_message(timeout_s=30) == body
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("SL-3")
@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_the_client_refreshes_the_session(scene, method):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 20 << 20)
    send_large(scene, alice, bob, body)
    phone = Timed(scene, bob, interval=6, refresher="uas")
    invite = phone.agent.wait_request("INVITE")
    phone.agent.wait_request("ACK")
    phone.wait_peer()
    # Begun later, so given up later: its BYE says that the time has come, and for what is not refreshed.
    carol = scene.person("carol")
    send_large(scene, alice, carol, body)
    idle = Timed(scene, carol, interval=6, refresher="uas")
    idle.agent.wait_request("ACK")
    offer = sdp_of(phone) if method == "INVITE" else ""
    reply = phone.within(method, headers=["Supported: timer", "Session-Expires: 90;refresher=uac"], body=offer)
    assert (reply.status, reply.get("Session-Expires"), reply.get("Require")) == (200, "90;refresher=uac", "timer")
    assert reply.body == (invite.body if method == "INVITE" else "")
    if method == "INVITE":
        phone.within("ACK")
    idle.agent.wait_request("BYE", timeout_s=20)
    idle.register(expires=0)
    phone.peers[0].go_on()
    assert phone.wait_message(timeout_s=30) == body
    scene.wait_waiting(bob, 0)
    assert len(phone.invites) == 1


@pytest.mark.clause("SL-3")
def test_a_client_that_does_not_refresh_is_given_up(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    send_large(scene, alice, bob, large_body(alice, bob, 20 << 20))
    phone = Timed(scene, bob, interval=6, refresher="uas")
    phone.agent.wait_request("BYE", timeout_s=20)
    assert not phone.refreshes
    scene.wait_waiting(bob, 1)
    phone.register(expires=0)
