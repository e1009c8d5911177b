# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""JSON-RPC over HTTP, as Kamailio's jsonrpcs answers it."""

import json
import urllib.error
import urllib.request


class RpcError(Exception):
    def __init__(self, code, text):
        super().__init__(f"{code} {text}")
        self.code, self.text = code, text


class Rpc:
    def __init__(self, url, timeout_s=5):
        self.url, self.timeout_s = url, timeout_s

    def __call__(self, method, *params):
        """The result; RpcError when the server says no, OSError when there is no server."""
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": list(params), "id": 1}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError as e:
            try:
                answer = json.load(e)
            except ValueError:
                raise RpcError(e.code, e.reason) from None
        if "error" in answer:
            raise RpcError(answer["error"].get("code"), answer["error"].get("message"))
        return answer.get("result")
