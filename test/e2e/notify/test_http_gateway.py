# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The sample cfg/notify-oob.cfg with an HTTP gateway."""

import http.server
import json
import threading

import pytest
from ports import free_port
from process import wait_until

PORT = free_port()
STACK = {
    "defines": {"WITH_OOB_HTTP": True},
    "strings": {"CPM_OOB_URL": f"http://127.0.0.1:{PORT}/notify"},
    "modparams": [("cpm_pf", "notify_delay_ms", 1500), ("cpm_pf", "notify_pushed", 1)],
}


@pytest.fixture
def posts():
    """What the gateway was sent: (content type, decoded JSON)."""
    received = []

    class Gateway(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield received
    server.shutdown()
    server.server_close()


@pytest.mark.clause("PU-1", "NO-3")
def test_gateway_is_told_in_json(scene, posts):
    alice, bob = scene.person("alice"), scene.person("bob")
    scene.send_all(alice, bob, ['one "quoted"', "two"], parallel=2)
    (kind, told) = wait_until(lambda: posts and posts[0], 10, "a POST", pause_s=0.05)
    assert kind == "application/json"
    assert (told["user"], told["type"], told["count"]) == (bob, "deferred", 2)
    assert [m["id"] for m in told["messages"]] == [scene.message_uri(i) for i in scene.waiting(bob)]
    assert {m["from"] for m in told["messages"]} == {alice} and all(m["size"] > 0 and m["expiry"] > m["date"] for m in told["messages"])
