# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The dialogs of large messages that we begin: forked and late answers, session timers (RFC 3261 sections 9 and 13.2.2.4, RFC 4028)."""

import re
import time

import pytest
from lib.large import LargePhone, large_body, send_large
from process import wait_until
from sipua import sdp, tag_of

STACK = {"modparams": [("cpm_pf", "bridge_wait_ms", 1000), ("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 1)]}


def to_tags(phone, method):
    """Each To tag once, in order of arrival."""
    return list(dict.fromkeys(tag_of(r.get("To")) for _, r, _ in phone.agent.requests if r.method == method))


class Forked(LargePhone):
    """A proxy behind which two phones accept the same INVITE, one a moment after the other."""

    def _on_invite(self, request):
        status, body, headers = super()._on_invite(request)
        if status == 200 and len(self.invites) == 1:
            self.agent.reply(request, self.agent.target, 200, body, headers)
            other = self.agent.tags.pop(request.get("Call-ID"))
            self.agent.reply(request, self.agent.target, 200, sdp("msrp://127.0.0.1:9/other;tcp", setup="active"), headers)
            self.second = self.agent.tags[request.get("Call-ID")]
            self.agent.tags[request.get("Call-ID")] = other
            return None, "", []
        return status, body, headers


@pytest.mark.clause("LM-8", "SL-3")
def test_a_second_phone_that_accepts_the_same_invite_is_sent_away(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 100000)
    send_large(scene, alice, bob, body)
    phone = Forked(scene, bob)
    assert phone.wait_message() == body
    phone.agent.wait_request("BYE", 2)
    first = phone.agent.tags[phone.invites[0].get("Call-ID")]
    assert sorted(to_tags(phone, "ACK")) == sorted(to_tags(phone, "BYE")) == sorted([first, phone.second])
    # The stranger first, with the message still on its way to the other.
    assert to_tags(phone, "BYE")[0] == phone.second
    scene.wait_waiting(bob, 0)
    assert len(phone.invites) == 1


class Late(LargePhone):
    """It accepts when it is told that nobody waits any more."""

    def _on_invite(self, request):
        self.invites.append(request)
        if len(self.invites) > 1:
            return 486, "", []
        self.agent.reply(request, self.agent.target, 180)
        self.agent.wait_later = request
        return None, "", []


@pytest.mark.clause("LM-8", "LM-10")
def test_a_phone_that_accepts_as_it_is_cancelled(scene):
    """Its 200 and our CANCEL cross: ACK, BYE, and the message is deferred."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = Late(scene, bob)
    cancelled = phone.agent._take

    def take(message, source):
        if message.method == "CANCEL":
            phone.agent.requests.append((message.get("Via"), message, False))
            phone.agent.reply(message, source, 200)
            phone.agent.reply(phone.invites[0], source, 200, sdp("msrp://127.0.0.1:9/late;tcp", setup="active"))
        else:
            cancelled(message, source)

    phone.agent._take = take
    body = large_body(alice, bob, 1000)
    assert send_large(scene, alice, bob, body)[-1] == 200
    phone.agent.wait_request("BYE")
    assert to_tags(phone, "ACK") == to_tags(phone, "BYE") == [phone.agent.tags[phone.invites[0].get("Call-ID")]]
    scene.wait_waiting(bob, 1)
    phone.register(expires=0)


class Timed(LargePhone):
    """Its answers ask for a short session interval, that we refresh or it does; it takes the media slowly enough to see that."""

    def __init__(self, *args, refresher="uac", allow=None, refuse=None, **options):
        self.refresher, self.allow, self.refuse, self.refreshes = refresher, allow, refuse, []
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
                             [] if refused else ["Session-Expires: 16;refresher=uac", "Require: timer"])

        self.agent._take = _take

    def _on_invite(self, request):
        status, body, headers = super()._on_invite(request)
        headers = [*headers, f"Session-Expires: 16;refresher={self.refresher}", "Require: timer"]
        return status, body, headers + ([f"Allow: {self.allow}"] if self.allow else [])


def sdp_of(phone):
    return sdp(phone.peers[0].path, port=phone.peers[0].port, direction="recvonly", setup="active")


@pytest.mark.clause("SL-1", "SL-3")
@pytest.mark.parametrize("allow, refuse, methods", [
    ("INVITE, ACK, BYE, UPDATE", None, ["UPDATE", "UPDATE"]),
    ("INVITE, ACK, BYE", None, ["INVITE", "INVITE"]),
    (None, None, ["INVITE"]),
    ("INVITE, ACK, BYE, UPDATE", 405, ["UPDATE", "INVITE"]),
    ("INVITE, ACK, BYE, UPDATE", 501, ["UPDATE", "INVITE"]),
], ids=["update", "no update", "says nothing", "405", "501"])
def test_we_refresh_the_session(scene, allow, refuse, methods):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = large_body(alice, bob, 20 << 20)
    send_large(scene, alice, bob, body)
    phone = Timed(scene, bob, allow=allow, refuse=refuse)
    wait_until(lambda: len(phone.refreshes) >= len(methods), 25, f"{methods}")
    assert [r.method for r in phone.refreshes[: len(methods)]] == methods
    for refresh in phone.refreshes:
        assert re.fullmatch(r"16;refresher=uac", refresh.get("Session-Expires")) and "timer" in refresh.get("Supported")
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
    phone = Timed(scene, bob, refresher="uas")
    invite = phone.agent.wait_request("INVITE")
    phone.agent.wait_request("ACK")
    phone.wait_peer()
    for cseq in (1, 2, 3):
        time.sleep(4)  # the interval runs: without a refresh it would be over after 10.7 s
        offer = sdp_of(phone) if method == "INVITE" else ""
        reply = phone.within(method, cseq=cseq, headers=["Supported: timer", "Session-Expires: 90;refresher=uac"], body=offer)
        assert (reply.status, reply.get("Session-Expires"), reply.get("Require")) == (200, "90;refresher=uac", "timer")
        assert reply.body == (invite.body if method == "INVITE" else "")
        if method == "INVITE":
            phone.within("ACK", cseq=cseq)
    phone.peers[0].go_on()
    assert phone.wait_message(timeout_s=30) == body
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("SL-3")
def test_a_client_that_does_not_refresh_is_given_up(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    send_large(scene, alice, bob, large_body(alice, bob, 20 << 20))
    phone = Timed(scene, bob, refresher="uas")
    phone.agent.wait_request("BYE", timeout_s=20)
    assert not phone.refreshes
    scene.wait_waiting(bob, 1)
    phone.register(expires=0)
