# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""CPM sessions whose messages go through the server: a caller and clients, each with an MSRP session of its own."""

from .large import LargeCall, LargePhone, MsrpPeer, sdp
from .messages import cpim
from .session import SESSION_TAG, session_headers

CONVERSATION = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"


class ConversationCall(LargeCall):
    """A caller's INVITE; with a 200 its media is connected. types: its accept-types; lines: further lines of its offer."""

    def __init__(self, scene, caller, callee, *, types="message/cpim", lines=(), setup="active", answer=None, extra=(), contribution=None,
                 body=None, peer=None, **options):
        peer = peer or MsrpPeer(answer=answer)
        offer = body or sdp(peer.path, port=peer.port, setup=setup, types=types, tls=peer.tls, extra=["a=accept-wrapped-types:*", *lines])
        super().__init__(
            scene, caller, callee, peer=peer, body=offer, headers=session_headers(caller, extra=["Supported: timer", *extra],
                                                                                 contribution=contribution), **options,
        )
        self.call.agent.also = ("UPDATE",)

    def hang_up(self):
        assert self.call.bye() == 200


class ConversationPhone(LargePhone):
    """A client that takes sessions. types: its accept-types; lines: further lines of its answer."""

    def __init__(self, scene, aor, *, types="message/cpim", lines=(), tags=SESSION_TAG, **options):
        self.types, self.lines = types, list(lines)
        super().__init__(scene, aor, tags=tags, **options)

    def answer_sdp(self, peer):
        return sdp(peer.path, host=self.host, port=peer.port, setup=self.setup, tls=peer.tls, types=self.types, extra=self.lines)


def talk(scene, caller, callee, *, phone=None, call=None, **options):
    """A conversation: the call, the client's phone, the MSRP peers of both, once both can speak."""
    phone = phone or ConversationPhone(scene, callee)
    call = call or ConversationCall(scene, caller, callee, **options)
    assert call.status == 200, call.reply
    peer = phone.wait_peer()
    peer.wait(lambda: peer.socket and (peer.responses or phone.setup == "passive"), 10, "the client's connection")
    return call, phone, call.peer, peer


def chat(text, sender, recipient):
    return cpim(text, sender, recipient)
