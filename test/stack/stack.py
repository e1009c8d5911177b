#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""A private stack on loopback: Redis, an XDMS (nginx), a message store (Dovecot), one or more Kamailio nodes with cpm_pf.

As a program:  stack.py up | down | status     (make up, make down; CPM_RUN chooses the run folder)
As a library:  with Stack(run_dir) as stack: ...

Every address can be given by the environment (see ADDRESSES). A CPM_REDIS, CPM_XCAP_ROOT or CPM_IMAP at which a server
listens already is used as it is and never stopped; where nothing listens, the stack starts its own there.
"""

import http.client
import os
import shlex
import shutil
import socket
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import dovecot
from ports import free_port, is_free
from process import Process, wait_until
from rpc import Rpc, RpcError

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
CONFIG = TOP / "cfg" / "kamailio.cfg"
MODULE = Path(os.environ.get("CPM_MODULE") or TOP / "build" / "module" / "cpm_pf.so")

DEFAULTS = {
    "CPM_DOMAIN": "cpm.test",
    "CPM_XCAP_AUID_LISTS": "resource-lists",
    "CPM_XCAP_AUID_POLICY": "org.openmobilealliance.access-rules",
    "CPM_XCAP_AUID_PROFILE": "org.openmobilealliance.upp-directory",
    "CPM_XCAP_DOC_LISTS": "index",
    "CPM_XCAP_DOC_POLICY": "access-rules",
    "CPM_XCAP_DOC_PROFILE": "upp-directory",
}
# CPM_SIP host:port, UDP and TCP; CPM_REDIS host:port or unix:/path; CPM_XCAP_ROOT http://host:port/path or file:///path;
# CPM_RPC http://host:port/RPC; CPM_ISF host:port, where the test or the user puts the interworking function; CPM_IMAP host:port;
# CPM_MSRP host:port, where large messages come in.
ADDRESSES = ("CPM_SIP", "CPM_REDIS", "CPM_XCAP_ROOT", "CPM_RPC", "CPM_ISF", "CPM_IMAP", "CPM_MSRP")


class StackError(Exception):
    """Something that the user of the stack can understand and change."""


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
    if not path:
        raise StackError(f"{name} is not installed: run `make deps`")
    return path


def host_port(text, default_port=None):
    host, _, port = text.rpartition(":") if ":" in text else (text, "", default_port)
    if not host or not str(port).isdigit():
        raise StackError(f"'{text}' is no address: write host:port")
    return host, int(port)


def listens(address):
    """Whether something accepts connections at host:port or unix:/path."""
    kind, target = (socket.AF_UNIX, address[5:]) if address.startswith("unix:") else (socket.AF_INET, host_port(address))
    with socket.socket(kind, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        try:
            s.connect(target)
        except OSError:
            return False
    return True


def tail(path, count=15):
    """The first troubles that a log tells of, or its last lines."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    troubles = [line for line in lines if "ERROR" in line or "CRITICAL" in line or "rror:" in line]
    return "\n".join("    " + line for line in (troubles[:count] or lines[-count:]))


class Redis:
    """A private Redis server that fsyncs every write before it answers."""

    def __init__(self, folder, address, config=None):
        self.folder, self.address, self.process = Path(folder), address, None
        self.config = {
            "appendonly": "yes", "appendfsync": "always", "save": '""', "maxmemory-policy": "noeviction",
            "daemonize": "no", "loglevel": "notice", "dir": str(self.folder), **(config or {}),
        }

    @property
    def log(self):
        return self.folder / "redis.log"

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.address.startswith("unix:"):
            where = {"port": "0", "unixsocket": self.address[5:]}
        else:
            host, port = host_port(self.address)
            where = {"bind": host, "port": str(port)}
        config = self.folder / "redis.conf"
        config.write_text("".join(f"{k} {v}\n" for k, v in {**where, **self.config}.items()), encoding="utf-8")
        self.process = Process.start("redis", [program("redis-server"), str(config)], self.log)
        self.wait_ready()

    def wait_ready(self):
        def ready():
            if not self.process.alive():
                raise StackError(f"redis-server ended:\n{tail(self.log)}")
            return self.ping()

        wait_until(ready, 20, "redis-server")

    def ping(self):
        kind, target = (
            (socket.AF_UNIX, self.address[5:]) if self.address.startswith("unix:") else (socket.AF_INET, host_port(self.address))
        )
        with socket.socket(kind, socket.SOCK_STREAM) as s:
            s.settimeout(1)
            try:
                s.connect(target)
                s.sendall(b"PING\r\n")
                return s.recv(64).startswith((b"+PONG", b"-NOAUTH"))
            except OSError:
                return False


class Xdms:
    """A private nginx that takes XCAP documents by PUT and gives them with an ETag.

    Its ETag is made of the second of the change and the size: two changes of equal length within a second look alike."""

    def __init__(self, folder, root, files, auids):
        self.folder, self.root, self.files, self.auids, self.process = Path(folder), root, Path(files), auids, None

    @property
    def log(self):
        return self.folder / "error.log"

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files.mkdir(parents=True, exist_ok=True)
        url = urlsplit(self.root)
        words = {
            "USER": "user root;" if os.getuid() == 0 else "",
            "DIR": self.folder, "FILES": self.files, "LISTEN": f"{url.hostname}:{url.port or 80}", "PATH": url.path.rstrip("/"),
            "LISTS": self.auids[0], "POLICY": self.auids[1], "PROFILE": self.auids[2],
        }
        text = (HERE / "nginx.conf").read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        config = self.folder / "nginx.conf"
        config.write_text(text, encoding="utf-8")
        argv = [program("nginx"), "-e", str(self.log), "-p", str(self.folder), "-c", str(config)]
        self.process = Process.start("nginx", argv, self.folder / "output.log")

        def ready():
            if not self.process.alive():
                raise StackError(f"nginx ended:\n{tail(self.folder / 'output.log')}\n{tail(self.log)}")
            return self.answers()

        wait_until(ready, 20, "nginx")

    def answers(self):
        url = urlsplit(self.root)
        connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=1)
        try:
            connection.request("GET", url.path + "/")
            return connection.getresponse().status > 0
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Dovecot:
    """A private IMAP server with UIDPLUS: the users' message stores. Its folder is elsewhere, since it runs without privileges."""

    def __init__(self, link, address, quota=None, spare=0, service=dovecot.SERVICE, password=dovecot.PASSWORD):
        self.link, self.address, self.quota, self.spare, self.process = Path(link), address, quota, spare, None
        self.service, self.password = service, password
        self.tls_port = free_port()

    @property
    def folder(self):
        return self.link.resolve()

    @property
    def log(self):
        return self.folder / "dovecot.log"

    @property
    def ca_file(self):
        return self.folder / "ca.pem"

    @property
    def tls_address(self):
        return f"{host_port(self.address)[0]}:{self.tls_port}"

    def start(self):
        try:
            folder = dovecot.prepare(
                self.link, self.address, self.tls_port, self.quota, spare=self.spare, service=self.service, password=self.password
            )
        except RuntimeError as e:
            raise StackError(str(e)) from None
        argv = [sys.executable, str(HERE / "dovecot.py"), "run", str(folder)]
        self.process = Process.start("dovecot", argv, self.link.parent / "dovecot-output.log")

        def ready():
            if not self.process.alive():
                raise StackError(f"dovecot ended:\n{tail(self.link.parent / 'dovecot-output.log')}")
            return listens(self.address)

        wait_until(ready, 20, "dovecot")

    def remove(self):
        """Its folder, with what is stored in it."""
        dovecot.remove(self.link)


class Kamailio:
    """One SIP server: a configuration file of its own that defines the addresses, includes the product's and adds parameters."""

    def __init__(self, name, folder, sip, rpc=None, config=CONFIG, strings=None, defines=None, modparams=(), wrap=(), script=""):
        self.name, self.folder, self.sip, self.config = name, Path(folder), sip, Path(config)
        self.rpc_url = rpc
        self.strings, self.defines, self.modparams, self.wrap = dict(strings or {}), dict(defines or {}), list(modparams), list(wrap)
        self.process, self.script = None, script

    @property
    def log(self):
        return self.folder / "kamailio.log"

    @property
    def ctl(self):
        return f"unix:{self.folder}/kamailio.ctl"

    @property
    def rpc(self):
        return Rpc(self.rpc_url)

    def _write_config(self):
        lines = ["#!KAMAILIO", "# Written by test/stack/stack.py: the addresses of this run, then the product's configuration."]
        lines.append(f"#!define CPM_SIP_ADDR {self.sip}")
        # A substdefs name is a quoted token, and is replaced inside strings as well.
        lines += [f'#!substdefs "!{name}!{value}!g"' for name, value in self.strings.items()]
        lines += [f"#!define {name}" + ("" if value is True else f" {value}") for name, value in self.defines.items()]
        lines.append(f'include_file "{self.config}"')
        if self.rpc_url and urlsplit(self.rpc_url).netloc != self.sip:
            lines.append(f"listen=tcp:{urlsplit(self.rpc_url).netloc}")
        for module, name, value in self.modparams:
            lines.append(f'modparam("{module}", "{name}", {value})' if isinstance(value, int) else f'modparam("{module}", "{name}", "{value}")')
        lines.append(self.script)
        path = self.folder / "kamailio.cfg"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "kamailio.ctl").unlink(missing_ok=True)
        config = self._write_config()
        argv = [
            *self.wrap, program("kamailio"), "-f", str(config), "-P", str(self.folder / "kamailio.pid"), "-Y", str(self.folder),
            "-x", "fm", "-X", "fm", "-m", "64", "-M", "8", "-DD", "-E",
        ]
        self.process = Process.start(self.name, argv, self.log)
        self.wait_ready(120 if self.wrap else 30)

    def wait_ready(self, deadline_s):
        def ready():
            if not self.process.alive():
                raise StackError(f"{self.name} ended at its start, {self.log} says:\n{tail(self.log)}")
            return self.answers_options() and (not self.rpc_url or self.answers_rpc())

        wait_until(ready, deadline_s, f"{self.name} (see {self.log})", pause_s=0.05)

    def answers_options(self):
        """Any reply to OPTIONS over UDP."""
        host, port = host_port(self.sip)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)
            s.connect((host, port))
            own = "%s:%d" % s.getsockname()
            call = uuid.uuid4().hex
            try:
                s.send(
                    (
                        f"OPTIONS sip:{self.sip} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{call}\r\nMax-Forwards: 1\r\n"
                        f"From: <sip:probe@{own}>;tag={call[:8]}\r\nTo: <sip:{self.sip}>\r\nCall-ID: {call}\r\n"
                        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
                    ).encode()
                )
                return s.recv(4096).startswith(b"SIP/2.0 ")
            except OSError:
                return False

    def answers_rpc(self):
        """cpm_pf.ping succeeds: the queue process has its Redis. A server without the module counts as ready."""
        try:
            self.rpc("cpm_pf.ping")
            return True
        except RpcError as e:
            return e.text == "Method Not Found"
        except OSError:
            return False


class Stack:
    """The servers of one run folder. nodes, documents ("http" or "file"), defines, modparams, strings (more names that
    the configuration replaces), script (more routes) and redis_config change the defaults."""

    def __init__(
        self, run_dir, *, environ=None, nodes=1, documents="http", config=CONFIG, module=MODULE, rpc=True, defines=None,
        modparams=(), redis_config=None, wrap=(), prefer_sip=None, script="", strings=None, imap=False,
        imap_quota=None,
    ):
        self.dir = Path(run_dir).resolve()
        if len(str(self.dir)) > 80:
            raise StackError(f"{self.dir}: too long for the unix sockets in it; choose another run folder by CPM_RUN")
        given = {k: v for k, v in (environ or {}).items() if v}
        self.env = {k: given.get(k, v) for k, v in DEFAULTS.items()}
        self.env["CPM_SIP"] = given.get("CPM_SIP") or self._sip_address(prefer_sip)
        self.env["CPM_RPC"] = given.get("CPM_RPC") or f"http://{self.env['CPM_SIP']}/RPC"
        self.env["CPM_MSRP"] = given.get("CPM_MSRP") or f"127.0.0.1:{free_port()}"
        self.env["CPM_ISF"] = given.get("CPM_ISF") or f"127.0.0.1:{free_port()}"
        self.env["CPM_REDIS"] = given.get("CPM_REDIS") or f"127.0.0.1:{free_port()}"
        self.env["CPM_XCAP_ROOT"] = given.get("CPM_XCAP_ROOT", "").rstrip("/") or (
            f"file://{self.dir}/xcap" if documents == "file" else f"http://127.0.0.1:{free_port()}/xcap"
        )
        self.dovecot = None
        if imap:
            self.env["CPM_IMAP"] = given.get("CPM_IMAP") or f"127.0.0.1:{free_port()}"
            self.env["CPM_IMAP_USER_TEMPLATE"] = given.get("CPM_IMAP_USER_TEMPLATE") or "{user}@" + self.env["CPM_DOMAIN"]
            self.env["CPM_IMAP_PASSWORD"] = given.get("CPM_IMAP_PASSWORD") or dovecot.PASSWORD
            self.env["CPM_IMAP_SERVICE"] = given.get("CPM_IMAP_SERVICE") or dovecot.SERVICE
            account = {"service": self.env["CPM_IMAP_SERVICE"], "password": self.env["CPM_IMAP_PASSWORD"]}
            self.dovecot = Dovecot(self.dir / "dovecot", self.env["CPM_IMAP"], imap_quota, **account)
            defines = {"WITH_STORE": True, **(defines or {})}
            if given.get("CPM_IMAP_USER_TEMPLATE"):
                modparams = [("cpm_pf", "store_user", given["CPM_IMAP_USER_TEMPLATE"]), *modparams]
        if urlsplit(self.env["CPM_RPC"]).path != "/RPC":
            raise StackError("CPM_RPC must end in /RPC")
        self.env["CPM_RUN"] = str(self.dir)
        self.env["CPM_KAMCMD"] = f"unix:{self.dir}/kamailio.ctl"
        self.module = Path(module)
        self.redis = Redis(self.dir / "redis", self.env["CPM_REDIS"], redis_config)
        auids = [self.env[f"CPM_XCAP_AUID_{kind}"] for kind in ("LISTS", "POLICY", "PROFILE")]
        self.xdms = Xdms(self.dir / "nginx", self.env["CPM_XCAP_ROOT"], self.dir / "xcap", auids)
        self.strings = dict(strings or {})
        options = {"config": config, "defines": defines, "modparams": modparams, "wrap": wrap, "script": script}
        self.nodes = [self._node(i, rpc, options) for i in range(nodes)]

    @staticmethod
    def _sip_address(prefer):
        return prefer if prefer and is_free(*host_port(prefer)) else f"127.0.0.1:{free_port()}"

    def _node(self, index, rpc, options):
        sip = self.env["CPM_SIP"] if index == 0 else f"127.0.0.1:{free_port()}"
        url = (self.env["CPM_RPC"] if index == 0 else f"http://{sip}/RPC") if rpc else None
        folder = self.dir if index == 0 else self.dir / f"node{index + 1}"
        names = [*DEFAULTS, "CPM_REDIS", "CPM_XCAP_ROOT", "CPM_ISF"]
        if self.dovecot:
            names += ["CPM_IMAP_SERVICE", "CPM_IMAP_PASSWORD", "CPM_IMAP"]
        # Each node has an MSRP port of its own.
        msrp = self.env["CPM_MSRP"] if index == 0 else f"127.0.0.1:{free_port()}"
        strings = {
            "CPM_MSRP": msrp, "CPM_MODULE": str(self.module), "CPM_RUN": str(folder), "CPM_LUA": str(CONFIG.with_suffix(".lua")),
            **{name: self.env[name] for name in names}, **self.strings,
        }
        return Kamailio(f"kamailio{index + 1}" if index else "kamailio", folder, sip, url, strings=strings, **options)

    @property
    def node(self):
        return self.nodes[0]

    @property
    def rpc(self):
        return self.node.rpc

    @property
    def domain(self):
        return self.env["CPM_DOMAIN"]

    def processes(self):
        """In the order of their start."""
        return [s.process for s in (self.redis, self.xdms, self.dovecot, *self.nodes) if s and s.process]

    def start(self):
        self.dir.mkdir(parents=True, exist_ok=True)
        try:
            if not listens(self.env["CPM_REDIS"]):
                self.redis.start()
            self._start_xdms()
            if self.dovecot and not listens(self.env["CPM_IMAP"]):
                self.dovecot.start()
            for node in self.nodes:
                if not is_free(*host_port(node.sip)):
                    raise StackError(f"{node.sip} is taken: choose another address by CPM_SIP")
                node.start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start_xdms(self):
        root = urlsplit(self.env["CPM_XCAP_ROOT"])
        if root.scheme == "file":
            Path(root.path).mkdir(parents=True, exist_ok=True)
        elif root.scheme not in ("http", "https"):
            raise StackError("CPM_XCAP_ROOT must be http://host:port/path or file:///path")
        elif not listens(f"{root.hostname}:{root.port or (443 if root.scheme == 'https' else 80)}"):
            self.xdms.start()

    def stop(self):
        """Names of the processes that had to be killed."""
        # As at the start, a server that another program runs is slow.
        deadline_s = 60 if any(node.wrap for node in self.nodes) else 15
        killed = [p.name for p in reversed(self.processes()) if not p.stop(deadline_s)]
        for server in (self.redis, self.xdms, self.dovecot, *self.nodes):
            if server:
                server.process = None
        if self.dovecot:
            self.dovecot.remove()
        return killed

    __enter__ = start

    def __exit__(self, *_):
        self.stop()


# The program: state between `up` and `down` is kept in two files of the run folder.


def run_folder():
    return Path(os.environ.get("CPM_RUN") or TOP / "run").resolve()


def recorded(folder):
    try:
        lines = (folder / "processes").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [Process(name, int(pid), int(started)) for name, pid, started in (line.split() for line in lines)]


def up():
    folder = run_folder()
    old = recorded(folder)
    if old and all(p.alive() for p in old):
        print(f"already running: see {folder}/env; `make down` stops it")
        return 0
    if old:
        down()
    if not CONFIG.exists() or not MODULE.exists():
        raise StackError("the module is not built: run `make build`")
    config = {"appendfsync": os.environ["CPM_REDIS_FSYNC"]} if os.environ.get("CPM_REDIS_FSYNC") else None
    # Who plays with documents wants to see what they do.
    defines = {"CPM_XDM_MAX_AGE_MS": os.environ.get("CPM_XDM_MAX_AGE_MS", "1000")}
    stack = Stack(folder, environ=os.environ, redis_config=config, defines=defines, prefer_sip="127.0.0.1:5060", imap=True).start()
    (folder / "processes").write_text("".join(f"{p.name} {p.pid} {p.started}\n" for p in stack.processes()), encoding="utf-8")
    env = folder / "env"
    env.write_text("".join(f"{k}={shlex.quote(v)}\n" for k, v in stack.env.items()), encoding="utf-8")
    print(f"running: SIP at {stack.env['CPM_SIP']} (UDP, TCP), domain {stack.domain}; addresses in {env}, log in {stack.node.log}")
    return 0


def down():
    folder = run_folder()
    processes = recorded(folder)
    for process in reversed(processes):
        if not process.stop():
            print(f"{process.name} did not end by itself and was killed", file=sys.stderr)
    dovecot.remove(folder / "dovecot")
    (folder / "processes").unlink(missing_ok=True)
    (folder / "env").unlink(missing_ok=True)
    print("stopped: " + ", ".join(p.name for p in processes) if processes else "nothing to stop")
    return 0


def status():
    processes = recorded(run_folder())
    for p in processes:
        print(f"{p.name} {p.pid} {'runs' if p.alive() else 'has ended'}")
    return 0 if processes and all(p.alive() for p in processes) else 1


def main(arguments):
    commands = {"up": up, "down": down, "status": status}
    if len(arguments) != 1 or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return commands[arguments[0]]()
    except (StackError, TimeoutError) as e:
        print(f"stack.py: {e}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
