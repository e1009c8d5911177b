# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages: a sender over INVITE and MSRP, and a phone that takes them."""

import re
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "phones"))

from process import wait_until  # noqa: E402

from msrp import MsrpError, MsrpPeer  # noqa: E402
from sipua import Call, SipAgent, sdp, tag_of  # noqa: E402

from .messages import cpim, new_id  # noqa: E402

ICSI = "urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm."
LARGE_TAG = f'+g.3gpp.icsi-ref="{ICSI}msg,{ICSI}largemsg,{ICSI}deferred"'


def large_headers(sender, *, asserted=True, extra=()):
    lines = [f'Accept-Contact: *;+g.3gpp.icsi-ref="{ICSI}largemsg"', "User-Agent: CPM-client/OMA1.0",
             "Conversation-ID: f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "Contribution-ID: abcdef-1234-5678-90ab-cdef01234567",
             "Supported: timer"]
    return lines + ([f"P-Asserted-Identity: <{sender}>"] if asserted else []) + list(extra)


def large_body(sender, recipient, size, **options):
    """A CPIM of about so many octets, with end-lines of others and all octet values in it."""
    content = (b"\r\n-------look alike$\r\n" + bytes(range(256))) * (size // 277 + 1)
    return cpim(content[:size], sender, recipient, **options)


class LargeCall:
    """A sender's INVITE; with a 200 its media is connected."""

    def __init__(
        self, scene, sender, recipient, *, size=None, setup="active", headers=None, peer=None, body=None, connect=True, node=None,
        **options,
    ):
        self.agent = SipAgent(sender, (node or scene.stack.node).sip)
        scene.closers.append(self.close)
        self.peer = peer or MsrpPeer()
        offer = body or sdp(
            self.peer.path, host=self.peer.host, port=self.peer.port, direction="sendonly", setup=setup, size=size, tls=self.peer.tls
        )
        headers = [*(headers or large_headers(sender)), "Content-Type: application/sdp"]
        self.call = Call(self.agent, recipient, offer, headers=headers, **options)
        self.reply = self.call.reply
        if self.reply.status == 200 and connect:
            path = self.reply.attribute("path")
            assert path, f"no path in {self.reply.headers} {self.reply.body!r}"
            if self.reply.attribute("setup") == "active":
                self.peer.accept(path)
            else:
                self.peer.connect(path)

    @property
    def status(self):
        return self.reply.status

    def close(self):
        self.peer.close()
        self.agent.close()


class LargePhone:
    """A client that registers, takes INVITEs, connects (unless told otherwise), and keeps the messages that came."""

    def __init__(
        self, scene, aor, *, setup="active", status=200, register=True, answer=None, read=True, tags=LARGE_TAG, instance=None, connect=True,
        port=0, tls=None, host="127.0.0.1", node=None, relay=None,
    ):
        self.relay = relay
        self.host, self.aor, self.setup, self.status, self.answer, self.read, self.connect = host, aor, setup, status, answer, read, connect
        self.tls, self.peers, self.invites = tls, [], []
        self.agent = SipAgent(aor, (node or scene.stack.node).sip, on_invite=self._on_invite, port=port)
        self.tags, self.instance = tags, instance
        scene.closers.append(self.close)
        if register:
            self.register()

    def register(self, **options):
        reply = self.agent.register(tags=self.tags, instance=self.instance, **options)
        assert reply.status == 200, reply

    def _on_invite(self, request):
        self.invites.append(request)
        status = self.status[min(len(self.invites), len(self.status)) - 1] if isinstance(self.status, list) else self.status
        if status != 200:
            return status, "", []
        peer = MsrpPeer(host=self.host, answer=self.answer, tls=bool(self.tls), certificate=self.tls)
        if self.relay:
            peer.authenticate(self.relay)
        self.peers.append(peer)
        if not self.read:
            peer.stall()
        if self.connect:
            threading.Thread(target=self._media, args=(peer, request.attribute("path")), daemon=True).start()
        return 200, self.answer_sdp(peer), ["Supported: timer"]

    def answer_sdp(self, peer):
        return sdp(peer.path, host=self.host, port=peer.port, direction="recvonly", setup=self.setup, tls=peer.tls)

    def _media(self, peer, path):
        try:
            if self.setup == "active":
                peer.connect(path)
            else:
                peer.accept(path)
        except (OSError, MsrpError) as e:
            peer.error = e

    def within(self, method, *, invite=None, cseq=1, headers=(), body="", wait=True):
        """A request of ours in the dialog of an INVITE (the first); its reply (its branch with wait=False)."""
        invite = invite or self.invites[0]
        contact = re.search(r"<(sip:[^>]+)>", invite.get("Contact")).group(1)
        return self.agent.request(
            method, contact, to=self.aor, call_id=invite.get("Call-ID"), from_tag=self.agent.tags[invite.get("Call-ID")],
            to_tag=tag_of(invite.get("From")), cseq=cseq, headers=headers, body=body, wait=wait,
        )

    def wait_message(self, count=1, timeout_s=15):
        """The body of the count-th message."""
        return bytes(self.wait_peer(count, timeout_s).wait_message(timeout_s).body)

    def wait_peer(self, count=1, timeout_s=15):
        """The MSRP side of the count-th session."""
        what = f"session {count} of {self.aor}"
        return wait_until(lambda: len(self.peers) >= count and self.peers[count - 1], timeout_s, what, pause_s=0.02)

    def close(self):
        for peer in self.peers:
            peer.close()
        self.agent.close()


def send_large(scene, sender, recipient, body, *, chunk=None, headers=None, send_headers=(), **options):
    """Sends it all and says BYE; the statuses of the SENDs."""
    call = LargeCall(scene, sender, recipient, size=len(body), headers=headers, **options)
    assert call.status == 200, call.reply
    statuses = call.peer.send(body, chunk=chunk, headers=send_headers)
    assert call.call.bye() == 200
    call.close()
    return statuses


__all__ = ["LARGE_TAG", "LargeCall", "LargePhone", "large_body", "large_headers", "new_id", "send_large"]
