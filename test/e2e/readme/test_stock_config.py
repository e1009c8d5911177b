# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""README's "Use it": the module added to Debian's own kamailio.cfg, with digest authentication from a database."""

import re
import subprocess
from pathlib import Path

import pytest
from lib.documents import blocklist
from lib.messages import cpim, pager_headers
from lib.phones import Phone, send_messages
from ports import free_port
from stack import TOP, Kamailio, program

TABLES = Path("/usr/share/kamailio/db_sqlite")
DOMAIN, PASSWORD = "cpm.test", "secret"
USERS = ("alice", "mallory", "bob")


def blocks(section):
    text = (TOP / "README.md").read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```$", text, re.M | re.S), text


def stock_config(folder, stack):
    """The package's file, with what README says put where README says."""
    (settings, routes), text = blocks("Use it")
    line, before = re.search(r"write `(.*?)` above `(.*?)` in", text).groups()
    settings = settings.replace('"cpm_pf.so"', f'"{stack.module}"').replace("example.net", DOMAIN)
    settings = settings.replace("127.0.0.1:6379", stack.env["CPM_REDIS"]).replace("file:///var/lib/cpm_pf/xcap", stack.env["CPM_XCAP_ROOT"])
    config = Path("/etc/kamailio/kamailio.cfg").read_text(encoding="utf-8")
    for place, added in (
        ("#!KAMAILIO\n", f'#!define WITH_AUTH\n#!define DBURL "sqlite:///{folder}/users.db"\n'),
        ("####### Routing Logic ########\n", settings),
        (f"\t{before}\n", f"\t{line}\n"),
    ):
        assert config.count(place) == 1, place
        config = config.replace(place, place + added if place.startswith("#!") else added + place)
    # The database and the address are the operator's.
    config = config.replace('loadmodule "jsonrpcs.so"\n', 'loadmodule "db_sqlite.so"\nloadmodule "jsonrpcs.so"\n')
    config = config.replace("# listen=udp:10.0.0.10:5060", f"log_stderror=yes\nalias={DOMAIN}\nlisten=udp:CPM_SIP_ADDR")
    path = folder / "stock.cfg"
    path.write_text(config + routes, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def stock(stack, run_dir):
    folder = run_dir / "stock"
    folder.mkdir()
    tables = "".join((TABLES / f"{name}-create.sql").read_text() for name in ("standard", "auth_db"))
    users = "".join(f"INSERT INTO subscriber (username, domain, password) VALUES ('{u}', '{DOMAIN}', '{PASSWORD}');\n" for u in USERS)
    subprocess.run([program("sqlite3"), str(folder / "users.db")], input=tables + users, text=True, check=True)
    server = Kamailio("stock", folder, f"127.0.0.1:{free_port()}", config=stock_config(folder, stack))
    server.start()
    yield server
    assert server.process.stop()


def test_the_module_works_in_it(scene, stock):
    alice, mallory, bob = (f"sip:{name}@{DOMAIN}" for name in USERS)
    scene.documents.put("lists", bob, blocklist([mallory]))

    def send(sender, password=PASSWORD):
        body = cpim("Lunch at noon?", sender, bob)
        name = sender[4:].partition("@")[0]
        return send_messages(
            scene.folder, stock.sip, target=bob, from_=f"<{sender}>", to=f"<{bob}>", messages=[(pager_headers(sender, asserted=False), body)],
            user=name, password=password,
        )[0]

    assert send(alice, "wrong").status == 407
    sent = send(alice)
    assert sent.status == 202
    refused = send(mallory)
    assert (refused.status, refused.warning) == (403, f'399 {DOMAIN} "122 Function not allowed"')
    phone = Phone(scene.folder, bob).start()
    try:
        assert phone.register(stock.sip, user="bob", password=PASSWORD).status == 200
        assert phone.wait_received(1)[0].body == sent.request.body
        # The phone is there: it gets the next one at once.
        assert send(alice).status == 200
        assert len(phone.wait_received(2)) == 2
    finally:
        phone.stop()
