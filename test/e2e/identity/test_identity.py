# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Who the originator is: an asserted identity from a trusted neighbour, never From alone."""

import pytest
from lib.documents import blocklist


def test_from_alone_is_no_proof(scene):
    reply = scene.send(scene.person("alice"), scene.person("bob"), asserted=False)
    assert reply.status == 403


@pytest.mark.clause("PM-3")
def test_from_of_another_does_not_hide_a_blocked_originator(scene):
    bob, mallory = scene.person("bob"), scene.person("mallory")
    scene.documents.put("lists", bob, blocklist([mallory]))
    assert scene.send(mallory, bob, from_="<sip:harmless@cpm.test>").status == 403
