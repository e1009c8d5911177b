# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A CANCEL at any moment after its INVITE: the sender hears one final answer at once, and no client is left ringing."""

import random
import secrets
import time

import pytest
from lib.large import LargePhone, large_headers
from process import wait_until
from sipua import SipAgent, sdp, tag_of

# As long as a client would ring for nobody.
STACK = {"modparams": [("cpm_pf", "bridge_wait_ms", 60000)]}
TRIES = 200
# tm takes a CANCEL for a transaction that it is just making, and its 487 goes nowhere.
MISSED = "no resolved dst to send reply to"
LOG_ALLOW = [MISSED, r"no resolved dst to retransmit"]


class Attempt:
    """An INVITE and, some microseconds behind it, its CANCEL."""

    def __init__(self, agent, recipient, pause_s):
        self.agent, self.recipient = agent, recipient
        self.names = {"branch": "z9hG4bK" + secrets.token_hex(8), "call_id": secrets.token_hex(8), "from_tag": secrets.token_hex(4)}
        offer = sdp("msrp://127.0.0.1:9/x;tcp", direction="sendonly", setup="active", size=10)
        headers = [*large_headers(agent.aor), "Content-Type: application/sdp"]
        agent.request("INVITE", recipient, headers=headers, body=offer, wait=False, **self.names)
        until = time.perf_counter() + pause_s
        while time.perf_counter() < until:
            pass
        self.cancel()

    def cancel(self):
        self.agent.request("CANCEL", self.recipient, wait=False, **self.names)

    def answered(self, method):
        """The final reply."""
        replies = self.agent.replies.get(self.names["branch"], [])
        return next((r for r in replies if r.get("CSeq").endswith(method) and r.status >= 200), None)

    def acknowledge(self):
        to_tag = tag_of(self.answered("INVITE").get("To"))
        self.agent.request("ACK", self.recipient, to_tag=to_tag, wait=False, **self.names)


@pytest.mark.clause("LM-4", "LM-8")
def test_no_client_is_left_ringing(scene, stack):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = LargePhone(scene, bob, status=180)
    agent = SipAgent(alice, scene.stack.node.sip)
    scene.closers.append(agent.close)
    moments = random.Random(1)
    attempts = []
    for _ in range(TRIES):
        attempts.append(Attempt(agent, bob, moments.uniform(0, 0.001)))
        # What overtook its INVITE is repeated, as UDP wants.
        for attempt in attempts[-20:]:
            if not attempt.answered("CANCEL"):
                attempt.cancel()
        time.sleep(0.005)
    wait_until(lambda: all(a.answered("CANCEL") for a in attempts), 10, "answers to all CANCELs")
    missed = stack.node.log.read_text().count(MISSED)

    def unanswered():
        return [a for a in attempts if not a.answered("INVITE")]

    def ringing():
        heard = list(phone.agent.requests)
        cancelled = {r.get("Call-ID") for _, r, _ in heard if r.method == "CANCEL"}
        return [r for _, r, known in heard if r.method == "INVITE" and not known and r.get("Call-ID") not in cancelled]

    try:
        wait_until(lambda: len(unanswered()) <= missed and len(ringing()) <= missed, 10, "487 for all, and nobody ringing")
        assert {a.answered("INVITE").status for a in attempts if a not in unanswered()} == {487}
        assert phone.agent.requests
    finally:
        for attempt in attempts:
            if attempt.answered("INVITE"):
                attempt.acknowledge()
        for invite in ringing():
            phone.agent.reply(invite, None, 486)
