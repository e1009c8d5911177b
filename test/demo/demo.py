#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The main job of cpm_pf, shown step by step on a private stack. Exit status 0: every step did what it says."""

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "stack"), str(HERE.parent / "e2e")]

from lib import sipsak  # noqa: E402
from lib.conversation import chat, talk  # noqa: E402
from lib.documents import blocklist, do_not_disturb, one, rule, ruleset  # noqa: E402
from lib.large import LargePhone, large_body, send_large  # noqa: E402
from lib.mailbox import Mailbox  # noqa: E402
from lib.scene import Scene  # noqa: E402
from stack import Stack, StackError  # noqa: E402

SHOWN = ("from", "to", "p-asserted-identity", "accept-contact", "user-agent", "expires", "warning", "contact", "content-type", "content-length")


class StepFailed(Exception):
    """A step did not do what was announced."""


class Teller:
    """Numbers the steps, prints SIP, and checks what is said."""

    def __init__(self):
        self.number = 0

    def step(self, text):
        self.number += 1
        print(f"\n{self.number}. {text}")

    def says(self, condition, text):
        print(f"   {'ok' if condition else 'WRONG'}: {text}")
        if not condition:
            raise StepFailed(text)

    @staticmethod
    def sip(who, message, body_lines=3):
        print(f"     {who}")
        print(f"     | {message.start_line}")
        for name, value in message.headers:
            if name.lower() in SHOWN:
                print(f"     | {name}: {value if len(value) < 100 else value[:97] + '...'}")
        lines = message.body.decode("utf-8", "replace").split("\r\n") if message.body else []
        if lines:
            kept = lines[-body_lines:]
            print("     |")
            if len(kept) < len(lines):
                print(f"     | ... {len(lines) - len(kept)} lines of CPIM headers ...")
            for line in kept:
                print(f"     | {line[:100]}")


def tell_exchange(teller, reply):
    teller.sip("sent:", reply.request)
    teller.sip("answered:", reply.reply)


def play(stack, scene):
    teller = Teller()
    alice, mallory, bob = (scene.person(name) for name in ("alice", "mallory", "bob"))

    teller.step("an operator asks whether the server is there, with sipsak.")
    domain = f"sip:{stack.domain}"
    there = sipsak.send(stack.env["CPM_SIP"], sipsak.request_text("OPTIONS", domain, from_=domain, to=domain, call_id="there@demo"))
    tell_exchange(teller, there)
    teller.says(there.status == 200, "200 OK")

    teller.step(f"bob's documents go to the XDMS at {stack.env['CPM_XCAP_ROOT']}: alice is welcome, mallory is blocked.")
    scene.documents.put("lists", bob, blocklist([mallory]))
    scene.documents.put("policy", bob, ruleset(rule("friends", ["allow-deliver"], identity=one(alice))))
    print(f"   PUT {scene.documents.url('lists', bob)}")
    print(f"   PUT {scene.documents.url('policy', bob)}")

    teller.step("alice writes to bob, who has no client registered: the message is stored, then alice hears 202.")
    first = scene.send(alice, bob, "Lunch at noon?")
    tell_exchange(teller, first)
    teller.says(first.status == 202, "202 Accepted")
    teller.says(len(scene.waiting(bob)) == 1, f"one message waits for bob in Redis: {', '.join(scene.waiting(bob))}")

    teller.step("mallory writes to bob, with sipsak this time: refused, as bob's block list says.")
    headers = [("P-Asserted-Identity", f"<{mallory}>"), ("Content-Type", "text/plain")]
    text = sipsak.request_text("MESSAGE", bob, from_=mallory, to=bob, call_id="prize@demo", headers=headers, body="You have won a prize!")
    refused = sipsak.send(stack.env["CPM_SIP"], text)
    tell_exchange(teller, refused)
    teller.says(refused.status == 403, "403 Forbidden")
    teller.says("122 Function not allowed" in (refused.warning or ""), f"Warning: {refused.warning}")
    teller.says(len(scene.waiting(bob)) == 1, "nothing of it is kept")

    teller.step("bob's phone registers: the waiting message is pushed to it.")
    phone = scene.phone(bob, instance="urn:uuid:00000000-0000-4000-8000-0000000000b0")
    got = phone.wait_received(1)[0]
    teller.sip("bob's phone received:", got)
    teller.says(got.body == first.request.body, f"the {len(got.body)} bytes of the body are those that alice sent")
    scene.wait_waiting(bob, 0)
    teller.says(True, "the phone said 200: the queue is empty")

    teller.step("bob turns do-not-disturb on and alice writes again: stored, and nothing is pushed, even when the phone registers anew.")
    scene.documents.put("policy", bob, do_not_disturb())
    second = scene.send(alice, bob, "Still hungry?")
    tell_exchange(teller, second)
    teller.says(second.status == 202, "202 Accepted")
    scene.register(phone)
    # Another user's message, sent and pushed after that, proves that the push of bob's was not merely late.
    carol = scene.person("carol")
    teller.says(scene.send(alice, carol, "Hello carol").status == 202, "meanwhile a message for carol is stored")
    scene.phone(carol).wait_received(1)
    teller.says(len(phone.received()) == 1 and len(scene.waiting(bob)) == 1, "carol's phone has hers by now, bob's still waits")

    teller.step("bob turns do-not-disturb off; the server is told that his document changed, and the message arrives.")
    scene.documents.delete("policy", bob)
    got = phone.wait_received(2)[1]
    teller.sip("bob's phone received:", got)
    teller.says(got.body == second.request.body, f"the {len(got.body)} bytes of the body are those that alice sent")
    scene.wait_waiting(bob, 0)
    teller.says(True, "the queue is empty")

    teller.step("bob goes on holiday: his rule says allow-store, and messages go into his message store (IMAP) in place of his phone.")
    scene.documents.put("policy", bob, ruleset(rule("holiday", ["allow-store"])))
    third = scene.send(alice, bob, "Where are you?")
    tell_exchange(teller, third)
    teller.says(third.status == 200, "200 OK: it is in the message store")
    (stored,) = Mailbox(stack, bob).objects()
    print(f"   {stored.folder}, UID {stored.uid}, unread:")
    for line in stored.head.split("\r\n"):
        print(f"     | {line[:100]}")
    teller.says(stored["IMDN-Message-ID"] == third.request.imdn_id, "any IMAP client of bob's can read it")
    teller.says(b"positive-delivery" not in stored.body, "it asks for no delivery report any more: that one is sent by the server")
    teller.says(len(phone.received()) == 2, "his phone stayed quiet")

    teller.step("alice sends dora, who is offline, five million octets: SIP only agrees on it, MSRP carries it, Redis keeps it piece by piece.")
    dora = scene.person("dora")
    body = large_body(alice, dora, 5000000)
    statuses = send_large(scene, alice, dora, body, chunk=500000)
    print(f"   {len(body)} octets in {len(statuses)} SENDs, the last one answered when the message was safe")
    teller.says(set(statuses) == {200} and len(scene.waiting(dora)) == 1, "every SEND got its 200, and the message waits")

    teller.step("dora's phone registers: the server invites it, it connects, and the message comes over MSRP.")
    large = LargePhone(scene, dora)
    received = large.wait_message()
    invite = large.invites[0]
    for line in (invite.start_line, *invite.body.split("\r\n")):
        if line.startswith(("INVITE", "m=", "a=")):
            print(f"     | {line[:100]}")
    teller.says(received == body, f"the {len(received)} octets are those that alice sent")
    scene.wait_waiting(dora, 0)
    teller.says(True, "confirmed, and removed from the queue")
    converse(teller, stack, scene)


def converse(teller, stack, scene):
    alice, erin = scene.person("alice"), scene.person("erin")
    teller.step("erin's rule says allow-offline-storage. alice begins a chat with her: the server stands between both, and records what is said.")
    scene.documents.put("policy", erin, ruleset(rule("history", '<oxe:allow-offline-storage oxe:allow="true"/>', media=("message-session",))))
    call, _, here, there = talk(scene, alice, erin)
    teller.says(call.status == 200, "200 OK: erin's phone took the invitation, and both have their MSRP session with the server")
    ask, reply = chat("Tea?", alice, erin), chat("In ten minutes.", erin, alice)
    teller.says(here.send(ask) == [200] and there.wait_messages(1)[0] == ask, "alice: Tea?")
    teller.says(there.send(reply) == [200] and here.wait_messages(1)[0] == reply, "erin: In ten minutes.")
    call.hang_up()
    for stored in Mailbox(stack, erin).wait_objects(2):
        print(f"   {stored.folder}, UID {stored.uid}: {stored['Message-Direction']}, {stored.body.splitlines()[-1].decode()}")
    teller.says(True, "both are in erin's message store")


def main():
    folder = Path(tempfile.mkdtemp(prefix="cpm-demo-"))
    stack = None
    try:
        stack = Stack(folder, imap=True)
        with stack:
            print(f"A private stack runs: Kamailio with cpm_pf at {stack.env['CPM_SIP']}, Redis at {stack.env['CPM_REDIS']}, Dovecot at "
                f"{stack.env['CPM_IMAP']}, domain {stack.domain}.")
            scene = Scene(stack, folder / "phones", unique=False)
            try:
                play(stack, scene)
            finally:
                scene.close()
            killed = stack.stop()
        if killed:
            raise StepFailed(f"did not end by themselves: {', '.join(killed)}")
    except (StepFailed, StackError, TimeoutError, AssertionError, OSError) as e:
        print(f"\nThe demo failed: {e}\nLogs and traces are kept in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    print("\nDone: every step did what it says, and nothing is left running.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
