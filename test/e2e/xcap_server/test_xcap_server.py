# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Another XDMS: Kamailio's xcap_server with SQLite holds the block list."""

import subprocess
from pathlib import Path

import pytest
from lib.documents import blocklist
from ports import free_port
from stack import Kamailio, program

TABLES = Path("/usr/share/kamailio/db_sqlite")


@pytest.fixture(scope="module", autouse=True)
def xcap_server(request, run_dir):
    """Runs before the stack, which finds it at its CPM_XCAP_ROOT and starts no XDMS of its own."""
    folder = run_dir / "xcap_server"
    folder.mkdir()
    tables = "".join((TABLES / f"{name}-create.sql").read_text() for name in ("standard", "presence"))
    subprocess.run([program("sqlite3"), str(folder / "xcap.db")], input=tables, text=True, check=True)
    server = Kamailio("xcap_server", folder, f"127.0.0.1:{free_port()}", config=Path(__file__).parent / "xcap.cfg", strings={"CPM_RUN": str(folder)})
    server.start()
    request.module.STACK = {"environ": {"CPM_XCAP_ROOT": f"http://{server.sip}/xcap-root"}}
    yield server
    assert server.process.stop()


@pytest.mark.clause("PR-1", "PM-3")
def test_block_list_of_another_xdms_decides(scene):
    alice, bob, mallory = scene.person("alice"), scene.person("bob"), scene.person("mallory")
    scene.documents.put("lists", bob, blocklist([mallory]))
    assert scene.send(mallory, bob).status == 403
    assert scene.send(alice, bob).status == 202
    scene.documents.put("lists", bob, blocklist([alice]))
    assert scene.send(mallory, bob).status == 202
    assert scene.send(alice, bob).status == 403


@pytest.mark.clause("PR-1")
def test_unchanged_document_is_not_sent_again(scene):
    """Revalidation by ETag: the server says 304, the copy stays."""
    bob, mallory = scene.person("bob"), scene.person("mallory")
    scene.documents.put("lists", bob, blocklist([mallory]))
    before = scene.statistics()["documents_not_modified"]
    scene.documents.reload(bob)
    assert scene.statistics()["documents_not_modified"] > before
    assert scene.send(mallory, bob).status == 403
