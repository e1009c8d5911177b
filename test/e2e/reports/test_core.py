# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Reports to senders elsewhere go by the SIP core (core_uri), with retry."""

import pytest
from lib.imdn import is_imdn, reports
from ports import free_port
from process import wait_until

PORT = free_port()
STACK = {"modparams": [("cpm_pf", "core_uri", f"sip:127.0.0.1:{PORT}"), ("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 2)]}
ALICE = "sip:alice@elsewhere.test"


def expire_one(scene):
    bob = scene.person("bob")
    sent = scene.send(ALICE, bob, disposition="negative-delivery", extra=[("Expires", "1")])
    assert sent.status == 202
    return sent.request.imdn_id


@pytest.mark.clause("IM-1")
def test_report_that_is_not_taken_is_sent_again(scene):
    core = scene.phone(ALICE, register=False, port=PORT, answers=["503", "480", "200"])
    before = scene.statistics()["reports_sent"]
    imdn_id = expire_one(scene)
    got = core.wait_received(3, deadline_s=30)
    wait_until(lambda: scene.statistics()["reports_sent"] - before == 1, 10, "the report sent")
    assert all(is_imdn(r) and r.uri == ALICE for r in got)
    assert {(r.message_id, r.header("imdn.Message-ID")) for r in reports(core)} == {(imdn_id, reports(core)[0].header("imdn.Message-ID"))}
    assert len(core.received()) == 3


@pytest.mark.clause("IM-1")
@pytest.mark.parametrize("answer", ["404", "603"])
def test_report_to_a_sender_who_is_gone_for_good_ends(scene, answer):
    core = scene.phone(ALICE, register=False, port=PORT, answers=[answer])
    before = scene.statistics()["reports_failed"]
    expire_one(scene)
    wait_until(lambda: scene.statistics()["reports_failed"] - before == 1, 10, "the report given up")
    assert len(core.received()) == 1
    stats = wait_until(lambda: (s := scene.statistics())["sum_reports"] == s["sum_reports_ended"] and s, 5, "no report left")
    assert stats["balance"] == 0
