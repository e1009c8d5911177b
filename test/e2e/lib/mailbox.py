# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A served user's message store, looked into as any IMAP client does."""

import base64
import email
import imaplib
import re

from process import wait_until


class StoredObject:
    """One object: uid, flags, headers (object["From"]), body as bytes, decoded."""

    def __init__(self, folder, uid, uidvalidity, flags, data):
        self.folder, self.uid, self.uidvalidity, self.flags, self.data = folder, uid, uidvalidity, flags, data
        self.message = email.message_from_bytes(data)
        head, _, raw = data.partition(b"\r\n\r\n")
        self.head, self.raw = head.decode("utf-8", "surrogateescape"), raw

    def __getitem__(self, name):
        value = self.message[name]
        return None if value is None else str(value)

    @property
    def body(self):
        if self["Content-Transfer-Encoding"] == "base64":
            return base64.b64decode(self.raw)
        return self.raw


class Mailbox:
    """Of one user, by the template and password of run/env."""

    def __init__(self, stack, aor):
        self.stack = stack
        self.user = stack.env["CPM_IMAP_USER_TEMPLATE"].replace("{user}", aor.partition(":")[2].partition("@")[0])

    def _connect(self):
        host, _, port = self.stack.dovecot.address.rpartition(":")
        client = imaplib.IMAP4(host, int(port), timeout=10)
        client.login(self.user, self.stack.env["CPM_IMAP_PASSWORD"])
        return client

    def folders(self, subscribed=False):
        client = self._connect()
        try:
            lines = (client.lsub if subscribed else client.list)()[1]
        finally:
            client.logout()
        return [re.search(rb'"/" "?([^"]*)"?$', line).group(1).decode() for line in lines if line]

    def objects(self, folder=None):
        """Of one folder, or of all."""
        client = self._connect()
        found = []
        try:
            names = [folder] if folder else [re.search(rb'"/" "?([^"]*)"?$', line).group(1).decode() for line in client.list()[1] if line]
            for name in names:
                status, _ = client.select(f'"{name}"', readonly=True)
                if status != "OK":
                    continue
                validity = int(client.response("UIDVALIDITY")[1][0])
                for item in client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")[1]:
                    if not isinstance(item, tuple):
                        continue
                    uid = int(re.search(rb"UID (\d+)", item[0]).group(1))
                    flags = re.search(rb"FLAGS \(([^)]*)\)", item[0]).group(1).decode().split()
                    found.append(StoredObject(name, uid, validity, [f for f in flags if f != "\\Recent"], item[1]))
        finally:
            client.logout()
        return found

    def wait_objects(self, count, deadline_s=15, folder=None):
        """The objects, once there are so many."""
        found = []

        def there():
            try:
                found[:] = self.objects(folder)
            except (OSError, imaplib.IMAP4.error):
                return False
            return len(found) == count

        wait_until(there, deadline_s, f"{count} objects in the message store of {self.user}", pause_s=0.1)
        return found
