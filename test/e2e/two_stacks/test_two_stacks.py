# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""`make up` and `make down`: two stacks side by side, every address of one given by the environment."""

import json
import os
import socket
import subprocess
import sys
import tempfile

import pytest
from lib import sipsak
from lib.documents import blocklist, one, profile, rule, ruleset
from lib.phones import Phone
from ports import free_port
from rpc import Rpc
from stack import ADDRESSES, DEFAULTS, TOP, host_port

PROGRAM = TOP / "test" / "stack" / "stack.py"


def command(word, folder, given=None):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CPM_") or name == "CPM_MODULE"}
    environ = {**kept, "CPM_RUN": str(folder), **(given or {})}
    done = subprocess.run([sys.executable, "-B", str(PROGRAM), word], env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_env(folder):
    """run/env as a shell reads it."""
    names = [*DEFAULTS, *ADDRESSES, "CPM_IMAP_USER_TEMPLATE", "CPM_IMAP_PASSWORD", "CPM_KAMCMD"]
    script = f". {folder}/env && printf '%s\\n' " + " ".join(f'"${name}"' for name in names)
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=10, check=True, env={"PATH": os.environ["PATH"]})
    return dict(zip(names, done.stdout.splitlines()))


@pytest.fixture
def folders():
    """Run folders with short names, as unix sockets want them."""
    made = [tempfile.TemporaryDirectory(prefix="cpm-up-") for _ in range(2)]
    yield [folder.name for folder in made]
    for folder in made:
        command("down", folder.name)
        folder.cleanup()


def test_two_stacks(folders):
    first, second = folders
    given = {
        "CPM_SIP": f"127.0.0.1:{free_port()}", "CPM_DOMAIN": "second.test", "CPM_XCAP_ROOT": f"http://127.0.0.1:{free_port()}/some/root",
        "CPM_XCAP_AUID_LISTS": "lists.x", "CPM_XCAP_AUID_POLICY": "policy.x", "CPM_XCAP_AUID_PROFILE": "profile.x", "CPM_XCAP_DOC_LISTS": "l",
        "CPM_XCAP_DOC_POLICY": "p", "CPM_XCAP_DOC_PROFILE": "f", "CPM_REDIS": f"unix:{second}/redis.sock",
        "CPM_RPC": f"http://127.0.0.1:{free_port()}/RPC", "CPM_ISF": f"127.0.0.1:{free_port()}",
        "CPM_MSRP": f"127.0.0.1:{free_port()}", "CPM_IMAP": f"127.0.0.1:{free_port()}", "CPM_IMAP_USER_TEMPLATE": "{user}.box@second.test",
        "CPM_IMAP_PASSWORD": "another-secret",
    }
    command("up", first)
    command("up", second, given)
    env = read_env(second)
    assert {name: env[name] for name in given} == given
    assert read_env(first)["CPM_DOMAIN"] == "cpm.test"

    def send(sender):
        text = sipsak.request_text(
            "MESSAGE", "sip:bob@second.test", from_=f"sip:{sender}@second.test", to="sip:bob@second.test", call_id=f"{sender}@second.test",
            headers=[("P-Asserted-Identity", f"<sip:{sender}@second.test>"), ("Content-Type", "text/plain")], body="hello",
        )
        return sipsak.send(env["CPM_SIP"], text).status

    documents = {
        "lists.x/users/sip:bob@second.test/l": blocklist(["sip:mallory@second.test"]),
        "policy.x/users/sip:bob@second.test/p": ruleset(
            rule("sms", ["allow-interwork"], identity=one("sip:dave@second.test")),
            rule("keep", ["allow-store"], identity=one("sip:erin@second.test")),
        ),
        "profile.x/users/sip:bob@second.test/f": profile({"urn:uuid:00000000-0000-4000-8000-0000000000d1": {"deferred": False}}),
    }
    for path, xml in documents.items():
        url = f"{env['CPM_XCAP_ROOT']}/{path}"
        subprocess.run(["curl", "-sf", "-o", "/dev/null", "-T", "-", url], input=xml.encode(), timeout=10, check=True)
    isf = Phone(f"{second}/phones", "sip:isf@second.test", port=int(given["CPM_ISF"].rpartition(":")[2]), name="isf").start()
    try:
        assert (send("alice"), send("mallory"), send("dave"), send("erin")) == (202, 403, 200, 200)
        assert len(isf.wait_received()) == 1
    finally:
        isf.stop()
    # As doc/operations.md has a person look into a message store.
    curl = ["curl", "-sf", f"imap://{given['CPM_IMAP']}/Default%2Fsip:erin@second.test;UID=1", "-u", "bob.box@second.test:another-secret"]
    assert "hello" in subprocess.run(curl, capture_output=True, text=True, timeout=10, check=True).stdout
    with socket.create_connection(host_port(env["CPM_MSRP"]), timeout=5):
        pass
    cached = json.dumps(Rpc(env["CPM_RPC"])("cpm_pf.documents", "sip:bob@second.test"))
    assert all(f"{env['CPM_XCAP_ROOT']}/{path} status=200" in cached for path in documents), cached
    assert Rpc(env["CPM_RPC"])("cpm_pf.list", "sip:bob@second.test")["total"] == 1
    assert Rpc(read_env(first)["CPM_RPC"])("cpm_pf.list", "sip:bob@second.test")["total"] == 0

    command("down", first)
    assert Rpc(env["CPM_RPC"])("cpm_pf.ping")["redis"] == "connected", "the other one goes on"
    assert "nothing to stop" in command("down", first)
