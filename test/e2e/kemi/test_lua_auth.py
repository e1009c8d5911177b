# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""WITH_AUTH with cfg/kamailio.lua: the tests of the native script, on a stack with this one."""

import tempfile
from pathlib import Path

from authentication.test_authentication import *  # noqa: F401, F403
from stack import CONFIG

# Whom to trust is a line there.
FOLDER = tempfile.TemporaryDirectory(prefix="cpm-lua-")
SCRIPT = Path(FOLDER.name) / "kamailio.lua"
TRUSTED, OURS = '"^127%."', '"^127%.0%.0%.1$"'
text = CONFIG.with_suffix(".lua").read_text(encoding="utf-8")
assert TRUSTED in text
SCRIPT.write_text(text.replace(TRUSTED, OURS), encoding="utf-8")

STACK = {"defines": {"WITH_AUTH": True, "WITH_LUA": True}, "strings": {"CPM_LUA": str(SCRIPT)}}
LOG_ALLOW = [r"parse_first_line: bad message", r"parse_msg: message=<HTTP/1.1 503", r"build_sip_msg_from_buf\(\): parsing failed"]
