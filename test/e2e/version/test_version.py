# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The sender's CPM release, as its User-Agent tells it (8.3.1.1 step 1)."""

import pytest

STACK = {"modparams": [("cpm_pf", "min_version", "CPM-client/OMA2.0"), ("cpm_pf", "strict_version", 1)]}


@pytest.mark.clause("PM-1")
@pytest.mark.parametrize("agent", ["CPM-client/OMA1.0", "Vendor-X/3.1", "CPM-client/OMA1.9 Vendor/9.9"])
def test_unsupported_version_is_refused(scene, agent):
    reply = scene.send(scene.person("alice"), scene.person("bob"), extra=[("User-Agent", agent)])
    assert reply.status == 403
    assert reply.warning.endswith('"132 Version not supported"')


@pytest.mark.clause("PM-1")
@pytest.mark.parametrize("agent", ["CPM-client/OMA2.0", "CPM-client/OMA2.2 Vendor-X/3.1", "CPM-client/OMA10.0"])
def test_supported_version_is_accepted(scene, agent):
    assert scene.send(scene.person("alice"), scene.person("bob"), extra=[("User-Agent", agent)]).status == 202
