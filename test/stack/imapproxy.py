#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""An IMAP server with bad manners: stands in front of a real one and passes on, cuts, delays or keeps silent.

As a program:  imapproxy.py HOST:PORT TARGET_HOST:PORT FILE     FILE holds the manners and may change at any time
As a library:  ImapProxy(target).set("cut-answer", 1)

Manners, optionally with how often before it is "pass" again:
  pass           nothing
  refuse         closes each new connection at once
  mute           takes connections and says nothing
  cut-literal    an APPEND reaches the server by half, then the connection is gone
  cut-answer     an APPEND reaches the server, its answer is lost with the connection
  late-MS        the connection is gone, and the APPEND reaches the server MS milliseconds later
  mute-answer    an APPEND reaches the server, its answer never comes
  delay-MS       every answer comes MS milliseconds late
  shut           a SELECT or EXAMINE is answered NO [UNAVAILABLE]
  deny           each login is answered NO
  no-uidplus     the server does not know UIDPLUS
  garbage        answers are no IMAP
"""

import re
import socket
import sys
import threading
import time
from pathlib import Path


class ImapProxy:
    """Listens on a port of its own (or the given one) until close()."""

    def __init__(self, target, port=0, host="127.0.0.1"):
        self.target = target
        self._lock = threading.Lock()
        self._manners, self._left = "pass", None
        self.appends = 0  # that came through to the server's door
        self.open = self.most = 0  # connections, now and at any time
        self._pairs = []
        self._listener = socket.create_server((host, port))
        self.address = "%s:%d" % self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def set(self, manners, times=None):
        with self._lock:
            self._manners, self._left = manners, times

    def _take(self, *names):
        """The manners, when they are among names; counts them."""
        with self._lock:
            # late-600 is called late.
            word, _, number = self._manners.partition("-")
            if (word if number.isdigit() else self._manners) not in names:
                return None
            manners = self._manners
            if self._left is not None:
                self._left -= 1
                if self._left <= 0:
                    self._manners, self._left = "pass", None
            return manners

    def _is(self, name):
        with self._lock:
            return self._manners == name

    def _is_numbered(self, name):
        with self._lock:
            return self._manners.startswith(name + "-")

    def drop(self):
        """Closes every connection."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _close(*pair)

    def close(self):
        self._listener.close()
        self.drop()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        if self._take("refuse"):
            client.close()
            return
        if self._take("mute"):
            with self._lock:
                self._pairs.append((client,))
            return
        host, _, port = self.target.rpartition(":")
        try:
            server = socket.create_connection((host, int(port)))
        except OSError:
            client.close()
            return
        with self._lock:
            self._pairs.append((client, server))
            self.open += 1
            self.most = max(self.most, self.open)
        doom = {}
        threading.Thread(target=self._from_client, args=(client, server, doom), daemon=True).start()
        self._from_server(client, server, doom)
        with self._lock:
            self.open -= 1

    def _from_client(self, client, server, doom):
        seen = b""
        try:
            while data := client.recv(65536):
                # The client writes a command at once, so its head is at the start of what is read.
                seen = (seen + data)[-65536:]
                match = re.search(rb"^(C\d+) (?:SELECT|EXAMINE) ", data)
                if match and self._take("shut"):
                    client.sendall(match.group(1) + b" NO [UNAVAILABLE] Come back later\r\n")
                    continue
                match = re.search(rb"^(\S+) AUTHENTICATE ", data)
                if match and self._take("deny"):
                    client.sendall(match.group(1) + b" NO [AUTHENTICATIONFAILED] Authentication failed.\r\n")
                    continue
                match = re.search(rb"(?:^|\r\n)(C\d+) APPEND ", seen)
                if match:
                    seen = seen[match.end():]
                    self.appends += 1
                    if self._is("cut-literal") or self._is_numbered("late"):
                        data = _whole_append(client, data)
                    if self._take("cut-literal"):
                        server.sendall(data[: len(data) // 2 + 1])
                        time.sleep(0.05)
                        break
                    manners = self._take("late")
                    if manners:
                        _close(client)
                        time.sleep(int(manners[5:]) / 1000)
                        server.sendall(data)
                        time.sleep(0.5)
                        break
                    manners = self._take("cut-answer", "mute-answer")
                    if manners:
                        doom[match.group(1)] = manners
                server.sendall(data)
        except OSError:
            pass
        _close(client, server)

    def _from_server(self, client, server, doom):
        try:
            while data := server.recv(65536):
                for tag, manners in list(doom.items()):
                    if re.search(rb"(?:^|\r\n)" + tag + rb" ", data):
                        if manners == "mute-answer":
                            data = b""
                        else:
                            raise OSError("as told")
                with self._lock:
                    manners = self._manners
                if manners.startswith("delay-"):
                    time.sleep(int(manners[6:]) / 1000)
                elif manners == "no-uidplus":
                    data = re.sub(rb"\[APPENDUID [^]]*\] ", b"", data.replace(b" UIDPLUS", b""))
                elif manners == "garbage":
                    data = b"\0\xff{5}\r\n" * 3
                client.sendall(data)
        except OSError:
            pass
        _close(client, server)


def _whole_append(client, data):
    """What was read, and what belongs to its literal: the client may send the end of it apart."""
    match = re.search(rb" \{(\d+)\+\}\r\n", data)
    while match and len(data) < match.end() + int(match.group(1)) + 2:
        more = client.recv(65536)
        if not more:
            break
        data += more
    return data


def _close(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()


def main(arguments):
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    host, _, port = arguments[0].rpartition(":")
    proxy = ImapProxy(arguments[1], int(port), host)
    old = None
    while True:
        text = Path(arguments[2]).read_text(encoding="ascii") if Path(arguments[2]).exists() else "pass"
        if text != old:
            old = text
            words = text.split()
            if words[0] == "drop":
                proxy.drop()
            else:
                proxy.set(words[0], int(words[1]) if len(words) > 1 else None)
        time.sleep(0.005)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
