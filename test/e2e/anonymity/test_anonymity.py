# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Anonymous senders where the provider does not allow them (8.3.1.1 step 2)."""

import pytest

STACK = {"modparams": [("cpm_pf", "allow_anonymous", 0)]}


@pytest.mark.clause("PM-2")
@pytest.mark.parametrize("privacy", ["id", "header; id", "user"])
def test_anonymous_sender_is_refused(scene, privacy):
    reply = scene.send(scene.person("alice"), scene.person("bob"), extra=[("Privacy", privacy)])
    assert reply.status == 403
    assert reply.warning.endswith('"119 Anonymity not allowed"')


@pytest.mark.clause("PM-2")
def test_named_sender_is_accepted(scene):
    assert scene.send(scene.person("alice"), scene.person("bob"), extra=[("Privacy", "none")]).status == 202
