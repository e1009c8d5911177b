#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""CPM sessions by hand.

chat.py answer SERVER AOR            registers, takes one session, answers each message, until the caller hangs up
chat.py call SERVER FROM TO TEXT...  begins a session, says each text, waits for an answer to it, and hangs up

SERVER is host:port (UDP), FROM, TO and AOR are SIP URIs. The caller is asserted, so SERVER must trust this machine."""

import secrets
import sys
import threading

from msrp import MsrpPeer
from sipua import Call, SipAgent, sdp

ICSI = "urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm."


def cpim(sender, recipient, text):
    return f"From: <{sender}>\r\nTo: <{recipient}>\r\n\r\nContent-Type: text/plain;charset=UTF-8\r\n\r\n{text}".encode()


def text_of(message):
    return bytes(message.body).decode().split("\r\n\r\n", 2)[2]


def wait_messages(peer, count, timeout_s=10):
    """The messages that are whole, once there are so many."""

    def whole():
        return [m for m in list(peer.messages.values()) if m.complete]

    peer.wait(lambda: len(whole()) >= count, timeout_s, f"message {count}")
    return whole()


def call(server, sender, recipient, *texts):
    agent, peer = SipAgent(sender, server), MsrpPeer()
    headers = [f'Accept-Contact: *;+g.3gpp.icsi-ref="{ICSI}session"', "User-Agent: CPM-client/OMA1.0", f"P-Asserted-Identity: <{sender}>",
               f"Conversation-ID: {secrets.token_hex(16)}", f"Contribution-ID: {secrets.token_hex(16)}", "Content-Type: application/sdp"]
    session = Call(agent, recipient, sdp(peer.path, port=peer.port, setup="actpass"), headers=headers, timeout_s=60)
    print("INVITE:", session.reply.start_line)
    if session.status != 200:
        print(session.reply.get("Warning", ""))
        return 1
    path = session.reply.attribute("path")
    if session.reply.attribute("setup") == "active":
        peer.accept(path)
    else:
        peer.connect(path)
    for count, text in enumerate(texts, 1):
        print(f"{sender}: {text} ({peer.send(cpim(sender, recipient, text))[0]})")
        print(f"{recipient}: {text_of(wait_messages(peer, count)[-1])}")
    print("BYE:", session.bye())
    peer.close()
    agent.close()
    return 0


def answer(server, aor):
    peer = MsrpPeer()

    def take(request):
        print(request.start_line, *(f"  {n}: {v}" for n, v in request.headers), sep="\n")
        offered, path = request.attribute("setup"), request.attribute("path")
        meet = peer.accept if offered == "active" else peer.connect
        threading.Thread(target=meet, args=(path,), daemon=True).start()
        return 200, sdp(peer.path, port=peer.port, setup="passive" if offered == "active" else "active"), []

    agent = SipAgent(aor, server, on_invite=take)
    print("REGISTER:", agent.register(tags=f'+g.3gpp.icsi-ref="{ICSI}session"').start_line, flush=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (agent.wait_request("BYE", timeout_s=60), ended.set()), daemon=True).start()
    answered = 0
    while not ended.wait(0.05):
        for message in [m for m in list(peer.messages.values()) if m.complete][answered:]:
            answered += 1
            print("heard:", text_of(message), flush=True)
            peer.send(cpim(aor, "sip:anonymous@anonymous.invalid", f"You said: {text_of(message)}"), wait=False)
    print("BYE")
    agent.register(expires=0)
    peer.close()
    agent.close()
    return 0


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "answer":
        return answer(*arguments[1:])
    if len(arguments) > 4 and arguments[0] == "call":
        return call(*arguments[1:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
