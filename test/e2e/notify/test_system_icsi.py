# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""system_icsi: system messages are marked as those of the later service."""

import pytest
from lib.documents import DEFERRED, rule, ruleset
from lib.messages import SYSTEM_TAG

STACK = {"modparams": [("cpm_pf", "system_icsi", 1), ("cpm_pf", "notify_delay_ms", 100)]}


@pytest.mark.clause("NO-2", "DF-2")
def test_the_mark_of_a_system_message(scene):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("ask", ["allow-pull"], media=DEFERRED)))
    assert scene.send("sip:alice@cpm.test", bob).status == 202
    mark = scene.phone(bob).wait_received(1)[0].get("Accept-Contact")
    assert "urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.systemmsg" in mark and SYSTEM_TAG not in mark
