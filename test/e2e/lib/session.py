# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""CPM sessions between two phones: INVITE, MSRP from one to the other, requests in the dialog."""

import re
import secrets
import threading

from process import wait_until

from .large import ICSI, MsrpError, MsrpPeer, SipAgent, sdp, tag_of
from .raw import Peer
from sipua import Call, routes

SESSION_TAG = f'+g.3gpp.icsi-ref="{ICSI}session"'
MESSAGE_TAG = f'+g.3gpp.icsi-ref="{ICSI}msg"'


def session_headers(sender, *, contribution=None, extra=(), service="session"):
    """Of an INVITE to a session, without Content-Type."""
    return [f'Accept-Contact: *;+g.3gpp.icsi-ref="{ICSI}{service}"', "User-Agent: CPM-client/OMA1.0", f"P-Asserted-Identity: <{sender}>",
            "Conversation-ID: f81d4fae-7dec-11d0-a765-00a0c91e6bf6", f"Contribution-ID: {contribution or secrets.token_hex(16)}", *extra]


def media(*kinds, path="msrp://127.0.0.1:9/none;tcp", port=9):
    """An offer with one m= line a kind: message, file, audio, video, ..., or a kind with port, such as audio:0."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    for kind in kinds:
        kind, _, at = kind.partition(":")
        if kind in ("message", "file"):
            lines += [f"m=message {at or port} TCP/MSRP *", "a=accept-types:message/cpim", f"a=path:{path}", "a=setup:actpass"]
            lines += ["a=file-selector:size:100"] if kind == "file" else []
        else:
            lines.append(f"m={kind} {at or 4000} RTP/AVP 0")
    return "\r\n".join([*lines, ""])


def invite_by_hand(scene, sender, recipient):
    """An INVITE of a caller who goes on step by step: a raw.Peer whose branch is that of the INVITE."""
    peer = Peer(scene.stack.node.sip, sender, recipient)
    scene.closers.append(peer.close)
    headers = [tuple(line.split(": ", 1)) for line in session_headers(sender) if not line.startswith("P-Asserted")]
    peer.branch = peer.send("INVITE", [*headers, ("Content-Type", "application/sdp")], media("message").encode())
    return peer


class SessionCall:
    """A caller's INVITE; with a 200 its media is there. body: another offer, "" for none."""

    def __init__(self, scene, sender, recipient, *, headers=None, extra=(), contribution=None, body=None, node=None, **options):
        again = (200, media("message"), [])
        self.agent = SipAgent(sender, (node or scene.stack.node).sip, on_invite=lambda request: again, also=("UPDATE",))
        scene.closers.append(self.close)
        self.peer = MsrpPeer()
        offer = sdp(self.peer.path, port=self.peer.port, setup="actpass") if body is None else body
        headers = headers or session_headers(sender, contribution=contribution, extra=extra)
        self.call = Call(self.agent, recipient, offer, headers=headers, **options)
        self.reply = self.call.reply
        if self.reply.status == 200 and body is None:
            self.peer.accept(self.reply.attribute("path"))

    @property
    def status(self):
        return self.reply.status

    def close(self):
        self.peer.close()
        self.agent.close()


class SessionPhone:
    """A client that registers and takes sessions: it connects to the caller. status: of the answers to INVITEs, in order; with anything but
    200 nothing more happens, None is silence, 180 rings for ever. answer: further header lines of the answer."""

    def __init__(
        self, scene, aor, *, status=200, register=True, tags=SESSION_TAG, instance=None, answer=(), port=0, connect=True, node=None
    ):
        self.aor, self.status, self.answer, self.connect = aor, status, list(answer), connect
        self.tags, self.instance, self.invites, self.peers = tags, instance, [], []
        self.agent = SipAgent(aor, (node or scene.stack.node).sip, on_invite=self._on_invite, port=port, also=("UPDATE",))
        scene.closers.append(self.close)
        if register:
            self.register()

    def register(self, **options):
        reply = self.agent.register(tags=self.tags, instance=self.instance, **options)
        assert reply.status == 200, reply

    @property
    def contact(self):
        return f"sip:ua@{self.agent.address}"

    def _on_invite(self, request):
        self.invites.append(request)
        status = self.status[min(len(self.invites), len(self.status)) - 1] if isinstance(self.status, list) else self.status
        if status != 200:
            return status, "", self.answer
        peer = MsrpPeer()
        self.peers.append(peer)
        if self.connect and request.attribute("path"):
            threading.Thread(target=self._media, args=(peer, request.attribute("path")), daemon=True).start()
        return 200, sdp(peer.path, port=peer.port, setup="active"), self.answer

    def _media(self, peer, path):
        try:
            peer.connect(path)
        except (OSError, MsrpError) as e:
            peer.error = e

    def wait_invite(self, count=1, timeout_s=10):
        return self.agent.wait_request("INVITE", count, timeout_s)

    def within(self, method, *, invite=None, cseq=1, headers=(), **options):
        """A request in the dialog of an INVITE (the first); its final reply."""
        invite = invite or self.invites[0]
        contact = re.search(r"<(sip:[^>]+)>", invite.get("Contact")).group(1)
        found = re.search(r"<([^>]+)>", invite.get("From")).group(1)
        return self.agent.request(
            method, contact, to=found, call_id=invite.get("Call-ID"), from_tag=self.agent.tags[invite.get("Call-ID")],
            to_tag=tag_of(invite.get("From")), cseq=cseq, headers=[*routes(invite), *headers], **options,
        )

    def wait_peer(self, count=1, timeout_s=10):
        what = f"session {count} of {self.aor}"
        return wait_until(lambda: len(self.peers) >= count and self.peers[count - 1], timeout_s, what, pause_s=0.02)

    def close(self):
        for peer in self.peers:
            peer.close()
        self.agent.close()
