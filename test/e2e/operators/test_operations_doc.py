# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""doc/operations.md, "Large messages", "Sessions", "Watch", "Steer what waits", "Try expiry by hand" and "Try pull by hand", typed as they stand."""

import os
import re
import subprocess

import pytest
from lib.imdn import report_names
from stack import TOP, program

STACK = {"imap": True}
BOB = "sip:bob@cpm.test"


def blocks(section):
    text = (TOP / "doc/operations.md").read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)


def shell(stack, text, folder):
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text], cwd=folder, capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, **stack.env, "TMPDIR": str(stack.dir)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines_of(tool, *sections):
    found = [line for section in sections for block in blocks(section) for line in block.splitlines() if line.startswith(tool + " ")]
    return [line.partition("#")[0].strip() for line in found]


def typed(scene, line):
    """The line for a message that waits: each has one of its own, since some end it."""
    before = scene.waiting(BOB)
    scene.send("sip:alice@cpm.test", BOB)
    # A message that another line has ended may still be listed.
    message = next(m for m in scene.waiting(BOB) if m not in before)
    return re.sub(r"[0-9a-f]{24}-\d+", message, line).replace("sip:bob@example.net", BOB)


@pytest.mark.parametrize("line", lines_of("kamcmd", "Watch", "Steer what waits"))
def test_kamcmd(scene, stack, run_dir, line):
    said = shell(stack, typed(scene, line).replace("kamcmd", f'{program("kamcmd")} -s "$CPM_KAMCMD"'), run_dir)
    assert said.startswith("{") and "error" not in said


@pytest.mark.parametrize("line", lines_of("curl", "Watch"))
def test_curl(stack, run_dir, line):
    assert '"redis":"connected"' in re.sub(r"\s", "", shell(stack, line.replace("127.0.0.1:5060", stack.env["CPM_SIP"]), run_dir))


@pytest.mark.parametrize("line", lines_of("kamcli", "Steer what waits"))
def test_kamcli(scene, stack, run_dir, line):
    settings = next(block for block in blocks("Steer what waits") if block.startswith("[jsonrpc]"))
    config = run_dir / "kamcli.ini"
    config.write_text("[ctl]\ntype=jsonrpc\n" + settings.replace("/run/kamailio", str(run_dir)))
    said = shell(stack, typed(scene, line).replace("kamcli", f"{program('kamcli')} --no-default-configs --config {config}"), run_dir)
    assert '"result"' in said and '"error"' not in said


@pytest.mark.clause("EX-1", "EX-4", "IM-1")
def test_expiry_by_hand(scene, stack):
    said = shell(stack, "\n".join(blocks("Try expiry by hand")).replace("kamcmd", program("kamcmd")), TOP)
    first, second, third = re.findall(r"total: (\d+)", said)
    assert int(first) - int(second) == 1 and int(third) == 1
    assert "balance: 0" in said
    phone = scene.phone("sip:alice@cpm.test")
    phone.wait_received(1)
    assert report_names(phone) == [("m1", "failed")]


@pytest.mark.clause("DF-2", "MG-2", "SU-3")
def test_pull_by_hand(scene, stack):
    stack.rpc("cpm_pf.delete", BOB, "all")
    scene.wait_waiting(BOB, 0)
    tools = {"kamcmd": program("kamcmd"), "sipp -sf": f"{program('sipp')} -sf"}
    rule, subscribe, orders = (
        re.sub("|".join(tools), lambda found: tools[found[0]], block) for block in blocks("Try pull by hand")
    )
    shell(stack, rule, TOP)
    for text in ("one", "two"):
        assert scene.send("sip:alice@cpm.test", BOB, text).status == 202
    first, second = stack.rpc("cpm_pf.list", BOB)["messages"]
    assert first["state"] == second["state"] == "pull"
    listed = shell(stack, subscribe, TOP)
    assert 'number="2"' in listed and listed.index(first["id"]) < listed.index(second["id"])
    ordered = shell(stack, orders, TOP)
    assert ordered.count("SIP/2.0 200 OK") == 2 and "BYE sip:" in ordered
    scene.wait_waiting(BOB, 1)
    left, = stack.rpc("cpm_pf.list", BOB)["messages"]
    assert (left["id"], left["state"]) == (second["id"], "deliver")
    scene.documents.delete("policy", BOB)
    stack.rpc("cpm_pf.delete", BOB, "all")


@pytest.mark.clause("LM-4", "PU-5")
def test_large_messages_by_hand(scene, stack):
    stack.rpc("cpm_pf.delete", BOB, "all")
    text = "\n".join(blocks("Large messages")).replace("kamcmd", program("kamcmd")).replace("redis-cli", program("redis-cli"))
    said = shell(stack, text, TOP)
    assert said.count("the same\n") == 2 and "answered [200]" in said
    assert "large_sent: 1" in said and "large_bridged: 1" in said and "balance: 0" in said
    assert scene.waiting(BOB) == []


@pytest.mark.clause("SE-1", "SE-6", "SE-7")
def test_sessions_by_hand(scene, stack):
    said = shell(stack, "\n".join(blocks("Sessions")).replace("kamcmd", program("kamcmd")), TOP)
    assert "sip:bob@cpm.test: You said: Lunch?" in said and "heard: Are you there?" in said and "BYE: 200" in said
    assert "Request-Disposition: fork, parallel" in said and "sessions_answered: 1" in said
    assert "INVITE: SIP/2.0 480 Temporarily Unavailable" in said and "\trefused: 1" in said
    assert "MESSAGES 4" in said and "sessions_bridged: 1" in said and "recordings: 4" in said
    scene.documents.delete("policy", BOB)
