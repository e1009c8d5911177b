# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""log_hide_digits: log lines show telephone numbers without their last digits, operators' commands show them whole."""

import itertools
import re

import pytest
from lib.documents import blocklist, rule, ruleset
from lib.phones import Phone
from ports import free_port
from process import wait_until

CORE = free_port()
STACK = {
    "imap": True,
    "modparams": [("cpm_pf", "log_hide_digits", 4), ("cpm_pf", "notify_delay_ms", 100), ("cpm_pf", "core_uri", f"sip:127.0.0.1:{CORE}")],
}
_numbers = itertools.count(1000)


class Subscriber:
    """A user with a number: key is its canonical form, shown what a line may say of it."""

    def __init__(self, domain):
        last = next(_numbers)
        self.number, self.hidden = f"+1555010{last}", "+1555010xxxx"
        self.uri = f"sip:{self.number}@{domain};user=phone"
        self.key, self.shown = f"tel:{self.number}", f"tel:{self.hidden}"


@pytest.fixture
def bob(stack):
    return Subscriber(stack.domain)


@pytest.fixture
def alice(stack):
    return Subscriber(stack.domain)


def wait_line(stack, pattern):
    return wait_until(lambda: re.search(pattern, stack.node.log.read_text()), 10, f"{pattern} in the log")[0]


def assert_hidden(stack, *subscribers):
    ours = [line for line in stack.node.log.read_text().splitlines() if "cpm_pf" in line]
    assert not [line for line in ours if any(s.number in line for s in subscribers)]


@pytest.mark.clause("EX-1", "EX-4", "IM-1")
def test_both_ends_of_a_message(scene, stack, alice, bob):
    scene.phones.append(Phone(scene.folder, "sip:core@cpm.test", port=CORE).start())
    sent = scene.send(alice.uri, bob.uri, disposition="negative-delivery", extra=[("Expires", "2")])
    assert sent.status == 202
    message = scene.waiting(bob.key)[0]
    whole = stack.rpc("cpm_pf.show", message)
    assert (whole["user"], whole["originator"]) == (bob.key, alice.key)
    for event in ("deferred", "expired"):
        wait_line(stack, rf"event={event} id={message} user={re.escape(bob.shown)} ")
    reported = wait_line(stack, rf"event=reported id={message} .*")
    assert re.search(rf"user={re.escape(bob.shown)} to=\S*{re.escape(alice.hidden)}", reported)
    assert_hidden(stack, alice, bob)


def test_what_a_worker_says(scene, stack, alice, bob):
    scene.documents.put("lists", bob.key, blocklist([alice.key]))
    assert scene.send(alice.uri, bob.uri).status == 403
    wait_line(stack, rf"event=rejected call_id=\S+ user={re.escape(bob.shown)} ")
    assert_hidden(stack, alice, bob)


def test_the_folder_is_named_by_the_sender(scene, stack, alice):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("keep", ["allow-store"])))
    assert scene.send(alice.uri, bob).status == 200
    stored = wait_line(stack, rf"event=stored id=\S+ user={re.escape(bob)} .*")
    assert alice.hidden in stored
    assert_hidden(stack, alice)
