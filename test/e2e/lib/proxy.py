# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A TCP relay whose answers can be held back: what is asked arrives, what is said does not."""

import socket
import threading

from ports import free_port
from stack import host_port


class Proxy:
    """Listens on a port of its own; target is host:port, which need not listen yet."""

    def __init__(self, target):
        self.target = target
        self._flow = threading.Event()
        self._flow.set()
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self.address = "%s:%d" % self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self):
        """From now on answers wait."""
        self._flow.clear()

    def release(self):
        self._flow.set()

    def close(self):
        self._listener.close()
        self.release()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(host_port(self.target), timeout=5)
                server.settimeout(None)
            except OSError:
                if self._listener.fileno() < 0:
                    return
                client.close()
                continue
            for source, target, held in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, target, held), daemon=True).start()

    def _pass(self, source, target, held):
        try:
            while data := source.recv(65536):
                if held:
                    self._flow.wait()
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
