# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Anonymous senders where the provider allows them (8.3.1.1 step 2, switchable), and what is kept of them."""

import pytest


@pytest.mark.clause("PM-2", "ST-1a")
def test_anonymous_message_keeps_no_identity(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    reply = scene.send(alice, bob, extra=[("Privacy", "id")], from_="<sip:anonymous@anonymous.invalid>")
    assert reply.status == 202
    pushed = scene.phone(bob).wait_received()[0]
    assert pushed.get("P-Asserted-Identity") is None
    assert "anonymous.invalid" in pushed.get("From")
