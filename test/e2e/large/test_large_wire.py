# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What goes over the wire, as an independent dissector (Wireshark's) sees it."""

import subprocess

import pytest
from lib.large import LargeCall, LargePhone
from lib.messages import cpim
from msrp import MsrpPeer
from stack import program

# One frame fits into one packet of the capture, and into the relay.
CHUNK = 8000
STACK = {"modparams": [("cpm_pf", "msrp_chunk_bytes", CHUNK)]}
FIELDS = ["msrp.method", "msrp.status.code", "msrp.transaction.id", "msrp.to.path", "msrp.from.path", "msrp.byte.range", "msrp.cnt.flg",
          "msrp.content.type", "msrp.messageid", "msrp.status", "msrp.success.report", "_ws.malformed", "ip.src"]


def dissect(peer, path):
    """A dict of fields for each frame."""
    peer.write_pcap(path)
    argv = [program("tshark"), "-r", str(path), "-d", "tcp.port==2855,msrp", "-T", "fields", "-E", "separator=|"]
    for field in FIELDS:
        argv += ["-e", field]
    lines = subprocess.run(argv, capture_output=True, check=True, text=True, timeout=60).stdout.splitlines()
    return [dict(zip(FIELDS, line.split("|"))) for line in lines]


def well_formed(frames):
    for frame in frames:
        start, end = frame["msrp.transaction.id"].split(",")
        assert start == end, frame
        assert not frame["_ws.malformed"] and frame["msrp.to.path"] and frame["msrp.from.path"], frame
        assert bool(frame["msrp.method"]) != bool(frame["msrp.status.code"]), frame


@pytest.mark.clause("SL-3", "LM-4")
def test_both_ways(scene, run_dir):
    alice, bob = scene.person("alice"), scene.person("bob")
    body = cpim("A line of text.\r\n" * 3000, alice, bob)
    call = LargeCall(scene, alice, bob, size=len(body))
    call.peer.send(body, chunk=7000, headers=[("Success-Report", "yes")])
    call.peer.wait_report()
    frames = dissect(call.peer, run_dir / "in.pcap")
    well_formed(frames)
    ours = [f for f in frames if f["ip.src"] == "192.0.2.2"]
    assert [f["msrp.status.code"] for f in ours if f["msrp.status.code"]] == ["200"] * (1 + -(-len(body) // 7000))
    report, = [f for f in ours if f["msrp.method"] == "REPORT"]
    assert report["msrp.byte.range"] == f"1-{len(body)}/{len(body)}" and report["msrp.status"] == "000 200 OK"
    assert call.call.bye() == 200

    phone = LargePhone(scene, bob)
    assert phone.wait_message() == body
    frames = dissect(phone.peers[0], run_dir / "out.pcap")
    well_formed(frames)
    sends = [f for f in frames if f["ip.src"] == "192.0.2.2" and f["msrp.method"] == "SEND"]
    assert [f["msrp.byte.range"] for f in sends] == [f"{at + 1}-*/{len(body)}" for at in range(0, len(body), CHUNK)]
    assert [f["msrp.cnt.flg"] for f in sends] == ["+"] * (len(sends) - 1) + ["$"]
    assert {f["msrp.content.type"] for f in sends} == {"message/cpim"} and len({f["msrp.messageid"] for f in sends}) == 1
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("SL-3", "LM-4")
def test_through_a_relay(scene, run_dir, relay):
    """Two URIs in a path, as the client behind the relay hears of us."""
    alice, bob = scene.person("alice"), scene.person("bob")
    body, peer = cpim("A line of text.\r\n" * 1000, alice, bob), MsrpPeer()
    peer.authenticate(relay.uri)
    call = LargeCall(scene, alice, bob, size=len(body), peer=peer)
    ours = call.reply.attribute("path")
    peer.send(body, chunk=CHUNK, headers=[("Success-Report", "yes")])
    peer.wait_report()
    frames = dissect(peer, run_dir / "relay-in.pcap")
    well_formed(frames)
    report, = [f for f in frames if f["ip.src"] == "192.0.2.2" and f["msrp.method"] == "REPORT"]
    assert (report["msrp.to.path"], report["msrp.from.path"]) == (peer.uri, f"{peer.relay} {ours}")
    assert report["msrp.byte.range"] == f"1-{len(body)}/{len(body)}" and report["msrp.status"] == "000 200 OK"
    assert call.call.bye() == 200

    phone = LargePhone(scene, bob, relay=relay.uri)
    assert phone.wait_message() == body
    scene.wait_waiting(bob, 0)
    peer, ours = phone.peers[0], phone.invites[0].attribute("path")
    frames = dissect(peer, run_dir / "relay-out.pcap")
    well_formed(frames)
    sends = [f for f in frames if f["ip.src"] == "192.0.2.2" and f["msrp.method"] == "SEND"]
    assert {(f["msrp.to.path"], f["msrp.from.path"], f["msrp.success.report"]) for f in sends} == {(peer.uri, f"{peer.relay} {ours}", "yes")}
