# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The end of do-not-disturb: by its validity, by an xcap-diff NOTIFY, by RPC (8.3.1.6.2, RFC 5875)."""

import re
import socket
import time
from datetime import datetime, timedelta, timezone

import pytest
from lib.documents import do_not_disturb
from lib.raw import exchange, request
from lib.sip import SipMessage
from ports import free_port
from process import wait_until

XDMS = free_port()
# Documents are good for ten minutes: nothing here is found out by their age.
STACK = {
    "defines": {"CPM_XDM_MAX_AGE_MS": 600000},
    "modparams": [("cpm_pf", "xdm_subscribe", f"sip:xdms@127.0.0.1:{XDMS}"), ("cpm_pf", "xdm_subscribe_s", 60)],
}
HEADERS = [("Event", "xcap-diff;diff-processing=no-patching"), ("Subscription-State", "active;expires=600")]


def xcap_diff(scene, *aors, kind="POLICY", etag='new-etag="2" '):
    env = scene.stack.env
    documents = "".join(
        f'<document {etag}previous-etag="1" sel="{env[f"CPM_XCAP_AUID_{kind}"]}/users/{aor}/{env[f"CPM_XCAP_DOC_{kind}"]}"/>' for aor in aors
    )
    return (
        f'<?xml version="1.0"?><xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="{env["CPM_XCAP_ROOT"]}/">{documents}</xcap-diff>'
    ).encode()


def notify(scene, body, headers=HEADERS, kind="application/xcap-diff+xml"):
    lines = [*headers, ("To", "<sip:cpm@cpm.test>;tag=1"), ("Contact", "<sip:xdms@127.0.0.1:9>")]
    if kind:
        lines.append(("Content-Type", kind))
    return exchange(scene.stack.node.sip, request("NOTIFY", "sip:cpm@cpm.test", lines, body))


@pytest.fixture
def disturbed(scene):
    """A user with do-not-disturb, a phone, and a message that waits: (user, phone, reply to the message)."""
    bob = scene.person("bob")
    scene.documents.put("policy", bob, do_not_disturb())
    phone = scene.phone(bob)
    sent = scene.send(scene.person("alice"), bob)
    assert sent.status == 202
    return bob, phone, sent


@pytest.mark.clause("PU-2", "PR-1")
@pytest.mark.parametrize("etag", ['new-etag="2" ', ""], ids=["changed", "deleted"])
def test_xcap_diff_ends_it(scene, disturbed, etag):
    bob, phone, sent = disturbed
    before = scene.statistics()["documents_changed"]
    scene.documents.delete("policy", bob, reload=False)
    assert phone.received() == []
    assert notify(scene, xcap_diff(scene, bob, etag=etag)).status == 200
    assert phone.wait_received()[0].body == sent.request.body
    assert scene.statistics()["documents_changed"] == before + 1
    scene.wait_waiting(bob, 0)


@pytest.mark.clause("PU-2")
def test_a_change_that_leaves_it_on_changes_nothing(scene, disturbed):
    bob, phone, _ = disturbed
    assert notify(scene, xcap_diff(scene, bob, kind="LISTS")).status == 200
    other = scene.person("carol")
    witness = scene.phone(other)
    assert scene.send(scene.person("alice"), other).status == 200
    witness.wait_received()
    assert phone.received() == [] and len(scene.waiting(bob)) == 1


@pytest.mark.clause("PU-2")
def test_several_users_in_one_notify(scene):
    users = [scene.person("bob") for _ in range(3)]
    phones = []
    for user in users:
        scene.documents.put("policy", user, do_not_disturb())
        phones.append(scene.phone(user))
        assert scene.send(scene.person("alice"), user).status == 202
        scene.documents.delete("policy", user, reload=False)
    assert notify(scene, xcap_diff(scene, *users)).status == 200
    for phone in phones:
        phone.wait_received()


@pytest.mark.clause("PU-2")
def test_its_validity_ends_it(scene):
    bob = scene.person("bob")
    end = datetime.now(timezone.utc) + timedelta(seconds=4)
    scene.documents.put("policy", bob, do_not_disturb(validity=[("2001-01-01T00:00:00Z", end.isoformat().replace("+00:00", "Z"))]))
    phone = scene.phone(bob)
    assert scene.send(scene.person("alice"), bob).status == 202
    (message,) = phone.wait_received()
    assert 0 <= message.time - end.timestamp() < 1.5


@pytest.mark.clause("PU-2")
def test_an_operator_ends_it(scene, disturbed):
    bob, phone, sent = disturbed
    scene.documents.delete("policy", bob, reload=False)
    scene.stack.rpc("cpm_pf.reload", bob)
    assert phone.wait_received()[0].body == sent.request.body


@pytest.mark.parametrize(
    "body,kind,status",
    [
        (b"", None, 200), (b"hello", "application/xcap-diff+xml", 400), (b"<xcap-diff", "application/xcap-diff+xml", 400),
        (b"<!DOCTYPE a><a/>", "application/xcap-diff+xml", 400), (b"<a/>", "text/plain", 400),
    ],
    ids=["no-body", "text", "open", "dtd", "another-type"],
)
def test_notify_that_cannot_be_read(scene, body, kind, status):
    assert notify(scene, body, kind=kind).status == status


@pytest.mark.parametrize("event", ["presence", "xcap-diff-2", None])
def test_another_event(scene, event):
    headers = [("Event", event)] if event else []
    assert notify(scene, xcap_diff(scene, "sip:bob@cpm.test"), headers).status == 489


def test_selectors_that_name_nobody(scene):
    env = scene.stack.env
    for sel in ("nonsense", f"{env['CPM_XCAP_AUID_POLICY']}/global/x", "other-auid/users/sip:bob@cpm.test/index", "../../etc/passwd"):
        body = f'<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="{env["CPM_XCAP_ROOT"]}/"><document sel="{sel}"/></xcap-diff>'
        assert notify(scene, body.encode()).status == 200


class Notifier:
    """The SIP side of an XDMS: takes SUBSCRIBEs."""

    def __init__(self, status):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", XDMS))
        self.status, self.seen, self.grants = status, set(), 60

    def subscribe_of(self, user, timeout_s=10):
        """The SUBSCRIBE for a user's documents, answered; those for others are refused."""
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, source = self.socket.recvfrom(65536)
            except OSError:
                return None
            message = SipMessage(data)
            ours = f"/users/{user}/".encode() in message.body
            status = self.status if ours else 480
            lines = [f"SIP/2.0 {status} Whatever", *(f"{n}: {v}" for n in ("Via", "From", "Call-ID", "CSeq") for v in message.all(n))]
            lines += [f"To: {message.get('To')};tag=xdms", "Contact: <sip:xdms@127.0.0.1>", f"Expires: {self.grants}", "Content-Length: 0"]
            self.socket.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), source)
            if ours and message.transaction not in self.seen:
                self.seen.add(message.transaction)
                return message
        return None

    def close(self):
        self.socket.close()


@pytest.fixture
def notifier(request):
    notifier = Notifier(getattr(request, "param", 200))
    yield notifier
    notifier.close()


@pytest.mark.clause("PU-2", "PR-1")
def test_subscribes_for_who_is_not_to_be_disturbed(scene, notifier, disturbed):
    bob, phone, sent = disturbed
    subscribe = notifier.subscribe_of(bob)
    assert subscribe.uri == f"sip:xdms@127.0.0.1:{XDMS}"
    assert subscribe.get("Event") == "xcap-diff;diff-processing=no-patching"
    assert subscribe.get("Accept") == "application/xcap-diff+xml"
    assert subscribe.get("Expires") == "60" and subscribe.get("P-Asserted-Identity") == "<sip:cpm@cpm.test>"
    env = scene.stack.env
    for kind in ("LISTS", "POLICY", "PROFILE"):
        document = f"{env[f'CPM_XCAP_AUID_{kind}']}/users/{bob}/{env[f'CPM_XCAP_DOC_{kind}']}"
        assert f'uri="{document}"'.encode() in subscribe.body
    contact = re.search(r"<sip:cpm@([^>]+)>", subscribe.get("Contact")).group(1)
    scene.documents.delete("policy", bob, reload=False)
    lines = [*HEADERS, ("To", "<sip:cpm@cpm.test>;tag=1"), ("Contact", "<sip:xdms@127.0.0.1>"), ("Content-Type", "application/xcap-diff+xml")]
    assert exchange(contact, request("NOTIFY", f"sip:cpm@{contact}", lines, xcap_diff(scene, bob))).status == 200
    assert phone.wait_received()[0].body == sent.request.body


@pytest.mark.clause("PU-2", "PR-1")
def test_subscription_that_is_granted_for_less_is_renewed_in_time(scene, notifier, disturbed):
    bob, phone, _ = disturbed
    notifier.grants = 5
    assert notifier.subscribe_of(bob)
    begin = time.monotonic()
    assert notifier.subscribe_of(bob)
    assert 3 < time.monotonic() - begin < 6
    assert phone.received() == []


@pytest.mark.parametrize("notifier", [489, 503], indirect=True)
def test_subscription_that_is_refused_is_counted(scene, notifier):
    before = scene.statistics()["subscribe_failures"]
    bob = scene.person("bob")
    scene.documents.put("policy", bob, do_not_disturb())
    scene.phone(bob)
    assert scene.send(scene.person("alice"), bob).status == 202
    assert notifier.subscribe_of(bob)
    wait_until(lambda: scene.statistics()["subscribe_failures"] > before, 5, "a failure counted")
    # It is not asked again at once.
    assert notifier.subscribe_of(bob, timeout_s=3) is None
