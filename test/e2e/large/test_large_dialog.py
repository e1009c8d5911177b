# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The dialogs of large messages that we begin: forked and late answers (RFC 3261 sections 9 and 13.2.2.4)."""

import threading

import pytest
from lib.large import LargePhone, large_body, send_large
from sipua import sdp, tag_of

STACK = {"modparams": [("cpm_pf", "bridge_wait_ms", 1000), ("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 1)]}


def to_tags(phone, method):
    """Each To tag once, in order of arrival."""
    return list(dict.fromkeys(tag_of(r.get("To")) for _, r, _ in phone.agent.requests if r.method == method))


class Forked(LargePhone):
    """A proxy behind which two phones accept the same INVITE, one a moment after the other."""

    second = "the-second"

    def _on_invite(self, request):
        status, body, headers = super()._on_invite(request)
        if status == 200 and len(self.invites) == 1:
            threading.Thread(target=self._accept_again, args=(request, headers), daemon=True).start()
        return status, body, headers

    def _accept_again(self, request, headers):
        # Only now is the other 200 surely the first: each datagram is another worker's.
        self.agent.wait_request("ACK")
        call = request.get("Call-ID")
        first, self.agent.tags[call] = self.agent.tags[call], self.second
        self.agent.reply(request, self.agent.target, 200, sdp("msrp://127.0.0.1:9/other;tcp", setup="active"), headers)
        self.agent.tags[call] = first


@pytest.mark.clause("LM-8", "SL-3")
def test_a_second_phone_that_accepts_the_same_invite_is_sent_away(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    # More than the buffers of a connection hold.
    body = large_body(alice, bob, 20 << 20)
    send_large(scene, alice, bob, body)
    phone = Forked(scene, bob, read=False)
    # The stranger first, with the message still on its way to the other.
    assert tag_of(phone.agent.wait_request("BYE").get("To")) == phone.second
    phone.wait_peer().go_on()
    assert phone.wait_message() == body
    phone.agent.wait_request("BYE", 2)
    first = phone.agent.tags[phone.invites[0].get("Call-ID")]
    assert sorted(to_tags(phone, "ACK")) == sorted(to_tags(phone, "BYE")) == sorted([first, phone.second])
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
