# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Event routes: the script hears what becomes of each message."""

import re

from process import wait_until

EVENTS = ("deferred", "delivered", "undelivered")
LINE = "EVENT $cpm(message_id) {name} user=$cpm(user) from=$cpm(originator) reason=$cpm(reason) code=$cpm(code) to=$tu body=$(rb{{s.len}})\\n"
STACK = {
    "modparams": [("cpm_pf", "retry_min_s", 1), ("cpm_pf", "retry_max_s", 2)],
    "script": "".join(f'event_route[cpm_pf:{name}] {{ xlog("L_NOTICE", "{LINE.format(name=name)}"); }}\n' for name in EVENTS),
}
ALICE = "sip:alice@cpm.test"


def events(stack, message_id):
    return re.findall(rf"EVENT {message_id} (.*)", stack.node.log.read_text())


def test_each_step_of_a_message_is_told(scene, stack):
    bob = scene.person("bob")
    sent = scene.send(ALICE, bob)
    message = scene.waiting(bob)[0]
    size = len(sent.request.body)
    facts = f"user={bob} from={ALICE} reason=%s code=%d to={bob} body={size}"
    assert events(stack, message) == ["deferred " + facts % ("offline", 0)]
    scene.phone(bob, answers=["480", "200"])
    scene.wait_waiting(bob, 0)
    told = wait_until(lambda: len(events(stack, message)) == 3 and events(stack, message), 5, "three events")
    assert told[1:] == ["undelivered " + facts % ("client gone", 480), "delivered " + facts % ("delivered", 200)]
