#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Large messages by hand.

large.py send SERVER FROM TO FILE [OCTETS]   sends a file as a large message, in SENDs of so many octets (50000; 0: in one)
large.py receive SERVER AOR FOLDER           registers, takes one large message, and writes its content into the folder

SERVER is host:port (UDP), FROM, TO and AOR are SIP URIs. The sender is asserted, so SERVER must trust this machine."""

import sys
import threading
from pathlib import Path

from msrp import MsrpPeer
from sipua import Call, SipAgent, sdp

ICSI = "urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm."


def send(server, sender, recipient, file, octets="50000"):
    head = f"From: <{sender}>\r\nTo: <{recipient}>\r\n\r\nContent-Type: application/octet-stream\r\n\r\n"
    body = head.encode() + Path(file).read_bytes()
    agent, peer = SipAgent(sender, server), MsrpPeer()
    headers = [f'Accept-Contact: *;+g.3gpp.icsi-ref="{ICSI}largemsg"', "User-Agent: CPM-client/OMA1.0",
               f"P-Asserted-Identity: <{sender}>", "Content-Type: application/sdp"]
    offer = sdp(peer.path, port=peer.port, direction="sendonly", setup="active", size=len(body))
    call = Call(agent, recipient, offer, headers=headers)
    print("INVITE:", call.reply.start_line)
    if call.status != 200:
        print(call.reply.get("Warning", ""))
        return 1
    peer.connect(call.reply.attribute("path"))
    statuses = peer.send(body, chunk=int(octets), headers=[("Success-Report", "yes")], timeout_s=300)
    print(f"{len(body)} octets in {len(statuses)} SENDs, answered {sorted(set(statuses))}")
    if set(statuses) == {200}:
        print("REPORT:", peer.wait_report().get("Status"))
    print("BYE:", call.bye())
    peer.close()
    agent.close()
    return 0 if set(statuses) == {200} else 1


def receive(server, aor, folder):
    peer = MsrpPeer()

    def take(request):
        print(request.start_line)
        print("\n".join(f"  {line}" for line in request.body.split("\r\n") if line))
        threading.Thread(target=peer.connect, args=(request.attribute("path"),), daemon=True).start()
        return 200, sdp(peer.path, port=peer.port, direction="recvonly", setup="active"), []

    agent = SipAgent(aor, server, on_invite=take)
    reply = agent.register(tags=f'+g.3gpp.icsi-ref="{ICSI}msg,{ICSI}largemsg,{ICSI}deferred"')
    print("REGISTER:", reply.start_line)
    agent.wait_request("INVITE", timeout_s=60)
    body = bytes(peer.wait_message(60).body)
    print(f"{len(body)} octets:", *body.split(b"\r\n\r\n", 1)[0].decode().split("\r\n"), sep="\n  ")
    agent.wait_request("BYE")
    agent.register(expires=0)
    path = Path(folder) / "content"
    path.write_bytes(body.split(b"\r\n\r\n", 2)[2])
    print("written to", path)
    peer.close()
    agent.close()
    return 0


def main(arguments):
    commands = {"send": (send, 4, 5), "receive": (receive, 3, 3)}
    if not arguments or arguments[0] not in commands or not commands[arguments[0]][1] < len(arguments) <= commands[arguments[0]][2] + 1:
        print(__doc__, file=sys.stderr)
        return 2
    return commands[arguments[0]][0](*arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
