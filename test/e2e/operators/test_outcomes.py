# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Each outcome of a message has its counter, which grows by one, and its one line in the log."""

import re

import pytest
from lib.documents import DEFERRED, blocklist, do_not_disturb, forward_to, rule, ruleset
from lib.messages import orders
from process import wait_until

STACK = {
    "defines": {"WITH_VERSION_CHECK": True, "WITHOUT_ANONYMITY": True},
    "modparams": [("cpm_pf", "max_user_messages", 2), ("cpm_pf", "notify_delay_ms", 100), ("cpm_pf", "retry_min_s", 60)],
}
PULL = rule("ask", ["allow-pull"], media=DEFERRED)


def send(scene, bob, status, **options):
    sent = scene.send("sip:alice@cpm.test", bob, **options)
    assert sent.status == status
    return sent


def policy(scene, bob, *rules):
    scene.documents.put("policy", bob, ruleset(*rules))


def version(scene, bob):
    send(scene, bob, 403, extra=[("User-Agent", "CPM-client/OMA0.9")])


def anonymity(scene, bob):
    send(scene, bob, 403, extra=[("Privacy", "id")])


def blocked(scene, bob):
    scene.documents.put("lists", bob, blocklist(["sip:alice@cpm.test"]))
    send(scene, bob, 403)


def rejected(scene, bob):
    policy(scene, bob, rule("no", ["allow-reject-invite"]))
    send(scene, bob, 403)


def delivered(scene, bob):
    phones = [scene.phone(bob), scene.phone(bob, answers=["486"])]
    send(scene, bob, 200)
    assert [len(phone.wait_received(1)) for phone in phones] == [1, 1]


def interworked(scene, bob):
    scene.isf()
    policy(scene, bob, rule("sms", ["allow-interwork"]))
    send(scene, bob, 200)


def forwarded(scene, bob):
    phone = scene.phone(bob, register=False, answers=["404"])
    policy(scene, bob, rule("away", forward_to(f"sip:away@{phone.address}")))
    send(scene, bob, 404)


def deferred(scene, bob):
    policy(scene, bob, rule("later", ["allow-defer"]))
    send(scene, bob, 202)


def disturbed(scene, bob):
    scene.documents.put("policy", bob, do_not_disturb())
    send(scene, bob, 202)


def offline(scene, bob):
    send(scene, bob, 202)


def undelivered(scene, bob):
    scene.phone(bob, answers=["486"])
    send(scene, bob, 202)


def repeated(scene, bob):
    for _ in range(2):
        send(scene, bob, 202, imdn_id="same")


def over_quota(scene, bob):
    for status in (202, 202, 480):
        send(scene, bob, status)


def pushed(scene, bob):
    send(scene, bob, 202)
    scene.phone(bob).wait_received(1)
    scene.wait_waiting(bob, 0)


def push_refused(scene, bob):
    send(scene, bob, 202)
    scene.phone(bob, answers=["488"]).wait_received(1)


def push_gone(scene, bob):
    send(scene, bob, 202)
    scene.phone(bob, answers=["480"]).wait_received(1)


def expired(scene, bob):
    send(scene, bob, 202, extra=[("Expires", "1")])
    scene.wait_waiting(bob, 0)


def deleted(scene, bob):
    send(scene, bob, 202)
    scene.stack.rpc("cpm_pf.delete", bob, "all")


def ordered(scene, bob, action, status=None):
    policy(scene, bob, PULL)
    send(scene, bob, 202)
    if status:
        scene.isf(answers=[status])
    assert scene.manage(bob, orders((scene.message_uri(scene.waiting(bob)[0]), action))).status == 200


def isf_takes(scene, bob):
    ordered(scene, bob, "interwork", "200")


def isf_refuses(scene, bob):
    ordered(scene, bob, "interwork", "503")


def deleted_by_its_user(scene, bob):
    ordered(scene, bob, "delete")


def told(scene, bob):
    policy(scene, bob, PULL)
    send(scene, bob, 202)
    scene.phone(bob).wait_received(1)


def listed(scene, bob):
    assert scene.subscribe(bob).status == 200


# What is done, the counters that grow by one, the lines that there are once.
OUTCOMES = [
    (version, ["version_refused", "rejected"], ["event=rejected call_id=\\S+ user={} code=403 warning=132"]),
    (anonymity, ["anonymity_refused", "rejected"], ["event=rejected call_id=\\S+ user={} code=403 warning=119"]),
    (blocked, ["blocked", "rejected"], ["event=rejected call_id=\\S+ user={} code=403 warning=122"]),
    (rejected, ["rejected"], ['event=rejected call_id=\\S+ user={} code=403 warning=122 rule="no"']),
    (delivered, ["relayed"], ["event=relayed call_id=\\S+ user={} status=200"]),
    (interworked, ["interworked"], ["event=relayed call_id=\\S+ user={} status=200"]),
    (forwarded, ["forwarded"], ["event=relayed call_id=\\S+ user={} status=404"]),
    (deferred, ["deferred", "deferred_policy"], ["event=deferred id=\\S+ user={} cause=policy"]),
    (disturbed, ["deferred", "deferred_dnd"], ["event=deferred id=\\S+ user={} cause=dnd"]),
    (offline, ["deferred", "deferred_offline"], ["event=deferred id=\\S+ user={} cause=offline"]),
    (undelivered, ["deferred", "deferred_undelivered", "relayed"], ["event=deferred id=\\S+ user={} cause=undelivered"]),
    (repeated, ["deferred", "duplicates"], ["event=deferred id=\\S+ user={}", "event=duplicate id=\\S+ user={}"]),
    (over_quota, ["quota_refused", "store_failures"], ["event=refused id=\\S+ user={} reason=quota"]),
    (pushed, ["push_sent", "delivered"], ["event=delivered id=\\S+ user={} status=200"]),
    (push_refused, ["push_sent", "push_refused"], ['event=undelivered id=\\S+ user={} status=488 why="refused"']),
    (push_gone, ["push_sent", "push_gone"], ['event=undelivered id=\\S+ user={} status=480 why="client gone"']),
    (expired, ["expired"], ["event=expired id=\\S+ user={}"]),
    (deleted, ["deleted"], ["event=deleted id=\\S+ user={}"]),
    (isf_takes, ["managed", "isf_taken"], ["event=managed user={}", "event=interworked id=\\S+ user={}"]),
    (isf_refuses, ["managed", "isf_refused"], ['event=undelivered id=\\S+ user={} status=503 why="not interworked"']),
    (deleted_by_its_user, ["managed", "deleted"], ["event=deleted id=\\S+ user={}"]),
    (told, ["notified", "system_messages"], ["event=notified user={} how=in-band"]),
    (listed, ["subscriptions"], ["event=listed user={} number=0"]),
]


@pytest.mark.parametrize("act, counters, lines", OUTCOMES, ids=[act.__name__ for act, _, _ in OUTCOMES])
def test_counted_and_logged_once(scene, stack, act, counters, lines):
    bob = scene.person("bob")
    before = scene.statistics()
    act(scene, bob)

    def grown():
        after = scene.statistics()
        return {name: after[name] - before[name] for name in counters}

    wait_until(lambda: all(grown().values()), 5, f"{counters} to count it: {grown()}")

    def found(line):
        return re.findall(line.format(re.escape(bob)), stack.node.log.read_text())

    wait_until(lambda: all(map(found, lines)), 5, f"{lines} in the log")
    assert set(grown().values()) == {1} and [len(found(line)) for line in lines] == [1] * len(lines)
