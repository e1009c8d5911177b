# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""WITH_STRICT_SERVICE: only requests that carry the tag of their CPM service are handled."""

from lib.messages import DEFERRED_TAG
from lib.raw import exchange, request

STACK = {"defines": {"WITH_STRICT_SERVICE": True}}
SESSION = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"'


def test_messages(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    assert scene.send(alice, bob, extra=[("Accept-Contact", SESSION)]).status == 488
    assert scene.waiting(bob) == []
    assert scene.send(alice, bob).status == 202


def test_orders(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    assert scene.send(alice, bob).status == 202

    def order(tag):
        headers = [("Accept-Contact", tag), ("P-Asserted-Identity", f"<{bob}>"), ("Contact", "<sip:bob@127.0.0.1:9>")]
        headers += [("Require", "nothing")]
        return exchange(scene.stack.node.sip, request("INVITE", "sip:CPMDeferredMsgMgmt@cpm.test", headers)).status

    # The unknown extension stops it at the next step.
    assert (order(SESSION), order(f"*;{DEFERRED_TAG}")) == (488, 420)
