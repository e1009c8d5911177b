# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Without min_version no sender is judged by its release (8.3.1.1 step 1, switchable)."""

import pytest


@pytest.mark.clause("PM-1")
@pytest.mark.parametrize("agent", ["CPM-client/OMA1.0", "Vendor-X/3.1"])
def test_any_version_is_accepted(scene, agent):
    assert scene.send(scene.person("alice"), scene.person("bob"), extra=[("User-Agent", agent)]).status == 202
