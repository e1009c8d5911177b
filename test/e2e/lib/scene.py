# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A stack with people on it: what a test or the demo says in its steps."""

import itertools
from pathlib import Path

from process import wait_until

from .documents import Documents
from .messages import DEFERRED_TAG, PAGER_TAG, cpim, new_id, pager_headers
from .phones import Phone, manage, send_messages, subscribe

_people = itertools.count(1)


class Scene:
    """Phones and messages on a stack. close() ends the phones. unique: each person() is a user nobody had before."""

    def __init__(self, stack, folder, *, unique=True):
        self.stack, self.folder, self.unique = stack, Path(folder), unique
        self.documents = Documents(stack)
        self.phones = []
        self.closers = []

    def person(self, name):
        return f"sip:{name}{next(_people) if self.unique else ''}@{self.stack.domain}"

    def phone(self, aor, *, register=True, node=None, tags=PAGER_TAG, register_options=None, **options):
        """A listening phone of the user, registered unless told otherwise."""
        phone = Phone(self.folder, aor, tags=tags, **options).start()
        self.phones.append(phone)
        if register:
            self.register(phone, node=node, **(register_options or {}))
        return phone

    def register(self, phone, *, node=None, **options):
        """The 200 to the REGISTER as a SipMessage."""
        result = phone.register((node or self.stack.node).sip, **options)
        assert result.status == 200, f"REGISTER of {phone.aor}: {result}"
        return result.reply

    def unregister(self, phone, *, node=None):
        return self.register(phone, node=node, expires=0)

    def send(self, sender, recipient, text="Are you there?", *, node=None, transport="udp", imdn_id=None, body=None, **options):
        """One pager MESSAGE; the Reply. options go to pager_headers, cpim's are imdn_id, disposition and cpim_extra."""
        return self.send_all(sender, recipient, [text], node=node, transport=transport, imdn_ids=[imdn_id], bodies=[body], **options)[0]

    def send_all(
        self, sender, recipient, texts, *, node=None, transport="udp", parallel=1, imdn_ids=None, bodies=None, disposition="positive-delivery, display",
        cpim_extra=(), from_=None, to=None, target=None, user=None, password=None, timeout_s=60, **header_options,
    ):
        """Pager MESSAGEs of one sender to one recipient, a Reply for each in order of sending."""
        headers = pager_headers(sender, **header_options)
        messages = []
        for i, text in enumerate(texts):
            body = bodies[i] if bodies and bodies[i] is not None else cpim(
                text, sender, recipient, imdn_id=(imdn_ids[i] if imdn_ids else None) or new_id(), disposition=disposition, extra=cpim_extra
            )
            messages.append((headers, body))
        return send_messages(
            self.folder, (node or self.stack.node).sip, target=target or recipient, from_=from_ or f"<{sender}>", to=to or f"<{recipient}>",
            messages=messages, transport=transport, parallel=parallel, user=user, password=password, timeout_s=timeout_s,
        )

    def manage(self, aor, body=b"", *, content_type=None, node=None, asserted=None, instance=None, extra=(), **options):
        """A management INVITE of a user; the Call. asserted: P-Asserted-Identity in place of the user's own, or False."""
        headers = [("Accept-Contact", f"*;{DEFERRED_TAG}"), ("User-Agent", "CPM-client/OMA1.0")]
        if asserted is not False:
            headers.append(("P-Asserted-Identity", asserted or f"<{aor}>"))
        headers += list(extra)
        if content_type or body:
            headers.append(("Content-Type", content_type or "application/resource-lists+xml"))
        return manage(
            self.folder, (node or self.stack.node).sip, target=f"sip:CPMDeferredMsgMgmt@{self.stack.domain}", aor=aor, headers=headers,
            body=body, params=f';+sip.instance="<{instance}>"' if instance else "", **options,
        )

    def subscribe(self, aor, *, event="deferred-messages", accept=None, expires=3600, asserted=None, node=None, extra=(), **options):
        """A SUBSCRIBE of a user to what is deferred for it; the Call."""
        headers = [("Event", event)] if event else []
        if accept:
            headers.append(("Accept", accept))
        if expires is not None:
            headers.append(("Expires", str(expires)))
        if asserted is not False:
            headers.append(("P-Asserted-Identity", asserted or f"<{aor}>"))
        options.setdefault("target", aor)
        return subscribe(self.folder, (node or self.stack.node).sip, aor=aor, headers=headers + list(extra), **options)

    def message_uri(self, message_id):
        return f"sip:{message_id}@{self.stack.domain}"

    def isf(self, **options):
        """A phone at the address of the interworking function."""
        port = int(self.stack.env["CPM_ISF"].rpartition(":")[2])
        phone = Phone(self.folder, f"sip:isf@{self.stack.domain}", port=port, name="isf", **options).start()
        self.phones.append(phone)
        return phone

    def waiting(self, aor):
        """Ids of the messages that wait for a user, in order of arrival."""
        listed = self.stack.rpc("cpm_pf.list", aor)
        return [m["id"] for m in (listed.get("messages", []) if isinstance(listed, dict) else listed or [])]

    def wait_waiting(self, aor, count, deadline_s=10):
        return wait_until(lambda: len(self.waiting(aor)) == count, deadline_s, f"{count} messages waiting for {aor}", pause_s=0.05)

    def statistics(self, node=None):
        """The module's counters by name."""
        return (node or self.stack.node).rpc("cpm_pf.stats")

    def close(self):
        for phone in self.phones:
            phone.stop()
        self.phones.clear()
        for close in self.closers:
            close()
        self.closers.clear()
