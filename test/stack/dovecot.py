#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A private Dovecot: the message store of a test stack, without privileges, with a certificate of a CA of its own.

As a program:  dovecot.py prepare DIR HOST:PORT TLS_PORT [QUOTA]   writes configuration and certificates, prints the folder
               dovecot.py run DIR                                  becomes the server
               dovecot.py remove DIR                               removes its folder and what is in it
"""

import grp
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVICE = "cpm_pf"
PASSWORD = "store-secret"


def account():
    """Who the server runs as: it takes no mail for root."""
    if os.getuid() == 0:
        return pwd.getpwnam("nobody")
    return pwd.getpwuid(os.getuid())


def _openssl(folder, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")


def certificates(folder, host):
    """ca.pem, and tls.pem with tls.key for host, signed by it."""
    _openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650",
        "-subj", "/CN=cpm_pf test CA", "-keyout", "ca.key", "-out", "ca.pem",
    )
    _openssl(
        folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={host}",
        "-keyout", "tls.key", "-out", "tls.csr",
    )
    (folder / "tls.ext").write_text(f"subjectAltName=DNS:localhost,IP:{host}\n", encoding="ascii")
    _openssl(
        folder, "x509", "-req", "-in", "tls.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "3650",
        "-extfile", "tls.ext", "-out", "tls.pem",
    )


def prepare(link, address, tls_port, quota=None, fsync="optimized", spare=0, service=SERVICE, password=PASSWORD):
    """Makes a folder that the server's account can reach, with link pointing to it; the folder. An old one is used again."""
    link = Path(link)
    who = account()
    if link.is_symlink() and link.exists():
        folder = link.resolve()
    else:
        # Not below link: the folders above it may be closed to the server's account. Short: there are sockets in it.
        folder = Path(tempfile.mkdtemp(prefix="cpm-dovecot-", dir="/var/tmp"))
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
        certificates(folder, address.rpartition(":")[0])
    host, _, port = address.rpartition(":")
    words = {
        "DIR": folder, "HOST": host, "PORT": port, "TLS_PORT": tls_port, "USER": who.pw_name, "GROUP": grp.getgrgid(who.pw_gid).gr_name,
        "SERVICE": service, "PASSWORD": password, "QUOTA": quota or "storage=1000M", "PLUGINS": "quota" if quota else "",
        "IMAP_PLUGINS": "imap_quota" if quota else "", "FSYNC": fsync, "SPARE": spare,
    }
    text = (HERE / "dovecot.conf").read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", str(value))
    (folder / "dovecot.conf").write_text(text, encoding="utf-8")
    if os.getuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, who.pw_uid, who.pw_gid)
    return folder


def command(folder):
    path = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not path:
        raise RuntimeError("dovecot is not installed: run `make deps`")
    return [path, "-F", "-c", str(Path(folder) / "dovecot.conf")]


def drop():
    """Gives up root, for good."""
    if os.getuid() == 0:
        who = account()
        os.setgroups([])
        os.setgid(who.pw_gid)
        os.setuid(who.pw_uid)


def remove(link):
    link = Path(link)
    if link.is_symlink():
        shutil.rmtree(link.resolve(), ignore_errors=True)
        link.unlink(missing_ok=True)


def main(arguments):
    if len(arguments) >= 4 and arguments[0] == "prepare":
        print(prepare(arguments[1], arguments[2], arguments[3], *arguments[4:5]))
    elif len(arguments) == 2 and arguments[0] == "run":
        argv = command(Path(arguments[1]).resolve())
        drop()
        os.execv(argv[0], argv)
    elif len(arguments) == 2 and arguments[0] == "remove":
        remove(arguments[1])
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RuntimeError as e:
        sys.exit(f"dovecot.py: {e}")
