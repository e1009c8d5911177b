# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""What goes to a client over UDP keeps to the core's udp_mtu (RFC 3428, RFC 3261 18.1.1)."""

import xml.etree.ElementTree as ElementTree

import pytest
from lib.documents import DEFERRED, rule, ruleset
from process import wait_until

STACK = {"defines": {"CPM_UDP_MTU": 1300}, "modparams": [("cpm_pf", "notify_delay_ms", 1500)]}
MSGINFO = "{urn:ietf:params:xml:ns:msginfo}"


def listed(message):
    root = ElementTree.fromstring(message.body)
    return int(root.get("number")), len(root.findall(MSGINFO + "message"))


@pytest.fixture
def bob(scene):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("defer", ["allow-defer"]), rule("deferred", ["allow-pull"], media=DEFERRED)))
    return bob


@pytest.mark.clause("NO-4")
def test_notification(scene, bob):
    datagram = scene.phone(bob, transport="udp", instance="urn:uuid:00000000-0000-4000-8000-0000000000d1")
    stream = scene.phone(bob, transport="tcp", instance="urn:uuid:00000000-0000-4000-8000-0000000000d2")
    scene.send_all(scene.person("alice"), bob, ["x"] * 4, parallel=4)
    for phone, items in ((datagram, 0), (stream, 4)):
        (message,) = wait_until(lambda p=phone: p.received(), 10, "a notification", pause_s=0.05)
        assert listed(message) == (4, items)
    assert len(datagram.received()[0].raw) <= 1300 < len(stream.received()[0].raw)


@pytest.mark.clause("SU-3")
def test_list(scene, bob):
    scene.send_all(scene.person("alice"), bob, ["x"] * 5, parallel=5)
    (notify,) = scene.subscribe(bob, transport="udp").requests("NOTIFY")
    number, items = listed(notify)
    assert number == 5 and items < 5 and len(notify.raw) <= 1300
    (notify,) = scene.subscribe(bob, transport="tcp").requests("NOTIFY")
    assert listed(notify) == (5, 5)
