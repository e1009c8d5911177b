# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Dialogs that end here, as RFC 3261, 3311 and 4028 want them: what the peer of a management INVITE can do."""

import os
import signal

import pytest
from lib import checks
from lib.messages import DEFERRED_TAG, orders, sdp
from lib.raw import Peer, exchange, request
from process import wait_until

STACK = {"modparams": [("cpm_pf", "min_se_s", 120)]}
LOG_ALLOW = [r"redis: "]


@pytest.fixture
def peer(scene):
    """The phone of a user for whom a message waits, about to manage it."""
    bob = scene.person("bob")
    assert scene.send(scene.person("alice"), bob).status == 202
    peer = Peer(scene.stack.node.sip, bob, f"sip:CPMDeferredMsgMgmt@{scene.stack.domain}")
    yield peer
    peer.close()


def invite(peer, headers=(), body=b"", **options):
    kind = [("Content-Type", "application/resource-lists+xml" if body.startswith(b"<") else "application/sdp")] if body else []
    return peer.send("INVITE", [("Accept-Contact", f"*;{DEFERRED_TAG}"), *kind, *headers], body, **options)


def dialogs(scene):
    return scene.statistics()["dialogs"]


def wait_over(scene, deadline_s=10):
    wait_until(lambda: dialogs(scene) == 0, deadline_s, "no dialog is left", pause_s=0.1)


def leave(peer):
    """ACK, and the BYE that follows it."""
    peer.send("ACK", cseq=1)
    bye = peer.request("BYE")
    assert bye, "no BYE"
    peer.answer(bye)
    return bye


@pytest.mark.clause("MG-2")
def test_invite_ack_bye(scene, peer):
    branch = invite(peer, body=sdp())
    assert peer.final("INVITE").status == 200
    # A retransmission of the INVITE hears the 200 again and begins nothing new.
    invite(peer, body=sdp(), branch=branch, cseq=1, to_tag="", uri=peer.target)
    again = peer.final("INVITE")
    assert again.status == 200 and dialogs(scene) == 1
    bye = leave(peer)
    assert bye.get("CSeq").split()[1] == "BYE" and bye.get("To").endswith(f"tag={peer.tag}")
    assert bye.get("User-Agent") == "CPM-serv/OMA1.0"
    wait_over(scene)


@pytest.mark.clause("MG-2")
def test_200_is_repeated_until_a_late_ack(scene, peer):
    invite(peer)
    assert peer.final("INVITE").status == 200
    # tm sends it again within a second; we go on after its wait timer, which is one second here.
    for _ in range(3):
        assert peer.final("INVITE", timeout_s=8), "the 200 was not repeated"
    leave(peer)
    wait_over(scene)
    peer.kept.clear()
    assert peer.final("INVITE", timeout_s=5) is None


@pytest.mark.clause("MG-2")
def test_without_ack_it_is_ended(scene, peer):
    invite(peer)
    assert peer.final("INVITE").status == 200
    bye = peer.request("BYE", timeout_s=40)
    assert bye
    peer.answer(bye)
    wait_over(scene)


def test_bye_before_ours(scene, peer):
    invite(peer)
    assert peer.final("INVITE").status == 200
    peer.send("BYE", cseq=2)
    assert peer.final("BYE").status == 200
    wait_over(scene)
    assert peer.request("BYE", timeout_s=2) is None
    peer.send("BYE", cseq=3)
    assert peer.final("BYE").status == 481


def test_bye_that_nobody_answers(scene, peer):
    invite(peer)
    assert peer.final("INVITE").status == 200
    peer.send("ACK", cseq=1)
    assert peer.request("BYE")
    wait_over(scene, deadline_s=30)


def test_cancel_comes_too_late(scene, peer):
    branch = invite(peer)
    assert peer.final("INVITE").status == 200
    to_tag, peer.to_tag = peer.to_tag, ""
    peer.send("CANCEL", cseq=1, branch=branch)
    assert peer.final("CANCEL").status == 200
    peer.to_tag = to_tag
    leave(peer)
    wait_over(scene)


@pytest.mark.parametrize(
    "offered,answered,require",
    [
        ("1800;refresher=uac", "1800;refresher=uac", True), ("1800", "1800;refresher=uac", True),
        ("600;refresher=uas", "600;refresher=uas", False), ("7200;refresher=uac", "1800;refresher=uac", True),
    ],
)
def test_session_timer(scene, peer, offered, answered, require):
    invite(peer, [("Supported", "timer"), ("Session-Expires", offered)])
    reply = peer.final("INVITE")
    assert (reply.status, reply.get("Session-Expires")) == (200, answered)
    assert (reply.get("Require") == "timer") is require and "timer" in reply.get("Supported")
    leave(peer)
    wait_over(scene)


def test_session_interval_too_small(scene, peer):
    invite(peer, [("Supported", "timer"), ("Session-Expires", "90")])
    reply = peer.final("INVITE")
    assert (reply.status, reply.get("Min-SE")) == (422, "120")
    peer.send("ACK", cseq=1)
    assert dialogs(scene) == 0


def test_extension_that_is_not_known(scene, peer):
    invite(peer, [("Require", "timer, precondition, recipient-list-invite")])
    reply = peer.final("INVITE")
    assert (reply.status, reply.get("Unsupported")) == (420, "precondition")
    peer.send("ACK", cseq=1)


def test_update_refreshes_and_moves_the_target(scene, peer):
    invite(peer, [("Supported", "timer"), ("Session-Expires", "1800;refresher=uac")])
    assert peer.final("INVITE").status == 200
    peer.contact = f"<sip:moved@{peer.address}>"
    peer.send("UPDATE", [("Supported", "timer"), ("Session-Expires", "600;refresher=uac")], cseq=2)
    reply = peer.final("UPDATE")
    assert (reply.status, reply.get("Session-Expires"), reply.get("Require")) == (200, "600;refresher=uac", "timer")
    peer.send("UPDATE", [("Supported", "timer"), ("Session-Expires", "100")], cseq=3)
    reply = peer.final("UPDATE")
    assert (reply.status, reply.get("Min-SE")) == (422, "120")
    assert leave(peer).uri == f"sip:moved@{peer.address}"
    wait_over(scene)


def test_others_within_the_dialog(scene, peer):
    invite(peer)
    assert peer.final("INVITE").status == 200
    peer.send("INFO", cseq=5)
    reply = peer.final("INFO")
    assert reply.status == 405 and "BYE" in reply.get("Allow")
    peer.send("OPTIONS", cseq=6)
    assert peer.final("OPTIONS").status == 200
    # Overtaken by a later request (RFC 3261 12.2.2).
    peer.send("UPDATE", cseq=4)
    assert peer.final("UPDATE").status == 500
    peer.send("INVITE", cseq=7)
    assert peer.final("INVITE").status == 491
    peer.send("ACK", cseq=7)
    bye = peer.request("BYE")
    assert bye is None or peer.answer(bye) is None
    if bye is None:
        leave(peer)
    wait_over(scene, 40)


@pytest.mark.parametrize("method", ["BYE", "UPDATE", "INVITE"])
def test_no_dialog_of_ours(scene, peer, method):
    peer.to_tag = "nobody"
    peer.send(method)
    assert peer.final(method).status == 481


def test_invite_without_contact(scene, peer):
    data = request("INVITE", peer.target, [("P-Asserted-Identity", f"<{peer.aor}>")])
    assert exchange(scene.stack.node.sip, data).status == 400


@pytest.mark.clause("MG-2")
def test_cancel_while_the_store_is_slow(scene, peer):
    redis = scene.stack.redis.process.pid
    os.kill(redis, signal.SIGSTOP)
    try:
        branch = invite(peer)
        wait_until(lambda: peer.receive(lambda m: m.is_reply and m.status == 100, 0.2), 5, "100")
        peer.send("CANCEL", cseq=1, branch=branch)
        assert peer.final("CANCEL").status == 200
        assert peer.final("INVITE").status == 487
        peer.send("ACK", cseq=1, branch=branch)
    finally:
        os.kill(redis, signal.SIGCONT)
    wait_until(lambda: scene.stack.rpc("cpm_pf.stats")["redis"] == "connected", 10, "redis")
    wait_over(scene)


def test_store_that_does_not_answer(scene, peer):
    redis = scene.stack.redis.process.pid
    os.kill(redis, signal.SIGSTOP)
    try:
        branch = invite(peer)
        reply = peer.final("INVITE")
        assert (reply.status, reply.get("Retry-After")) == (503, "10")
        peer.send("ACK", cseq=1, branch=branch)
    finally:
        os.kill(redis, signal.SIGCONT)
    wait_until(lambda: scene.stack.rpc("cpm_pf.stats")["redis"] == "connected", 10, "redis")
    wait_over(scene)
    # Nothing was ordered, or it was: in either case the message is there, and can be ordered again.
    invite(peer, cseq=2, uri=peer.target)
    assert peer.final("INVITE").status == 200
    peer.send("ACK", cseq=2)
    peer.answer(peer.request("BYE"))


def test_many_at_once_leave_nothing_behind(scene):
    """Dialogs of all kinds of phones at once; afterwards the module's shared memory is what it was."""
    people = [scene.person("bob") for _ in range(40)]
    for bob in people:
        assert scene.send(scene.person("alice"), bob).status == 202

    rounds = []
    for _ in range(2):
        peers = [Peer(scene.stack.node.sip, bob, f"sip:CPMDeferredMsgMgmt@{scene.stack.domain}") for bob in people]
        for peer in peers:
            invite(peer, [("Supported", "timer"), ("Session-Expires", "600")], orders((f"sip:{'0' * 24}-1@cpm.test", "deliver")))
        for i, peer in enumerate(peers):
            assert peer.final("INVITE").status == 200
            if i % 3 == 0:
                peer.send("BYE", cseq=2)
                assert peer.final("BYE").status == 200
            else:
                peer.send("ACK", cseq=1)
        for i, peer in enumerate(peers):
            if i % 3:
                peer.answer(peer.request("BYE"))
            peer.close()
        wait_over(scene, 20)
        checks.assert_no_transactions(scene.stack.node)
        rounds.append(scene.stack.rpc("mod.stats", "cpm_pf", "shm"))
    assert rounds[0] == rounds[1]


def test_bye_takes_the_route_that_the_invite_came(scene, peer):
    invite(peer, [("Record-Route", f"<sip:{peer.address};lr;hop=2>"), ("Record-Route", "<sip:192.0.2.77;lr;hop=1>")])
    reply = peer.final("INVITE")
    assert reply.status == 200
    assert [v.strip() for value in reply.all("Record-Route") for v in value.split(",")] == [
        f"<sip:{peer.address};lr;hop=2>", "<sip:192.0.2.77;lr;hop=1>"
    ]
    bye = leave(peer)
    assert [v.strip() for value in bye.all("Route") for v in value.split(",")] == [
        f"<sip:{peer.address};lr;hop=2>", "<sip:192.0.2.77;lr;hop=1>"
    ]
    assert bye.uri == peer.contact.strip("<>")
    wait_over(scene)
