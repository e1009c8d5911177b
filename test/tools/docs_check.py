#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""docs_check.py [TOP]: compares doc/reference.md with what the module exports, and the other documents with what they name.

Fails when a parameter, function, pseudo-variable, KEMI name, RPC command, RPC field, statistic, reason or log event is
exported and not documented, or documented and not exported; when a parameter's default or range differs, or it has no
example; when a link leads nowhere, or a `make` target or a #!define of cfg/kamailio.cfg that a document names does not
exist; when doc/storage.md does not show the golden records. Reads the C tables with simple patterns: what it cannot read
at all is an error too."""

import ast
import operator
import re
import sys
from pathlib import Path

MODULE = "modules/cpm_pf"
# The folders of the shell, where what is exported and logged has its names.
SHELL = ("module", "script", "queue", "media", "archive", "rpc")
# Written by `make conformance`; may not exist yet.
GENERATED = {"doc/conformance.md"}
CONSTANTS = {"INT_MAX": 2**31 - 1}
OPERATORS = {ast.Mult: operator.mul, ast.LShift: operator.lshift, ast.Add: operator.add, ast.Sub: operator.sub}


def number(text):
    """The value of a C constant expression as settings.c writes them."""

    def value(node):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.Name):
            return CONSTANTS[node.id]
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        raise ValueError(text)

    return value(ast.parse(text.strip(), mode="eval").body)


class Check:
    def __init__(self, top):
        self.top, self.problems = Path(top), []
        self.reference = self.read("doc/reference.md")

    def read(self, path):
        return (self.top / path).read_text(encoding="utf-8")

    def module(self, name):
        return self.read(f"{MODULE}/module/{name}")

    def shell(self, folder):
        """All sources of a folder."""
        return "".join(self.read(path) for path in sorted((self.top / MODULE / folder).glob("*.c")))

    def say(self, text):
        self.problems.append(text)

    def section(self, title):
        """The text of a second-level section of the reference."""
        found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", self.reference, re.MULTILINE | re.DOTALL)
        if not found:
            self.say(f'doc/reference.md has no section "{title}"')
        return found.group(1) if found else ""

    def compare(self, kind, exported, documented):
        exported, documented = set(exported), set(documented)
        if not exported:
            self.say(f"no {kind} was found in the source: docs_check.py must learn its new form")
        for name in sorted(exported - documented):
            self.say(f"{kind} {name} is exported but not documented")
        for name in sorted(documented - exported):
            self.say(f"{kind} {name} is documented but not exported")

    # What the module exports

    def parameters(self):
        """By name: kind, default, range."""
        rows = re.findall(r"^(TEXT|WORD|NUMBER|SWITCH)\((\w+), ([^,\n]+?)(?:, ([^,\n]+), ([^,\n]+))?\)$", self.module("parameters.def"), re.MULTILINE)
        return {name: (kind, default, (low, high)) for kind, name, default, low, high in rows}

    def check_parameters(self):
        parameters = self.parameters()
        text = self.section("Parameters")
        rows = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", text, re.MULTILINE)}
        self.compare("parameter", parameters, rows)
        examples = set(re.findall(r'^modparam\("cpm_pf", "(\w+)"', text, re.MULTILINE))
        for name in sorted(set(rows) & set(parameters)):
            default, span, meaning = (cell.strip() for cell in rows[name])
            kind, given, limits = parameters[name]
            if kind in ("NUMBER", "SWITCH"):
                expected = f"`{number(given)}`"
            else:
                expected = "none" if given == "NULL" else f"`{given}`"
            if default != expected:
                self.say(f"parameter {name}: its default is {expected}, documented is {default}")
            if kind == "NUMBER":
                expected = "{} to {}".format(*map(number, limits))
                if span != expected:
                    self.say(f"parameter {name}: its range is {expected}, documented is {span}")
            elif kind == "SWITCH" and span != "switch":
                self.say(f"parameter {name} has no range in the source and is not documented as a switch")
            if not meaning:
                self.say(f"parameter {name} has no meaning")
            if name not in examples:
                self.say(f"parameter {name} has no example")

    def check_functions(self):
        source = self.module("exports.c")
        exported = re.findall(r'(?:EXPORT_\d\(|^\t\{)"(cpm_\w+)"', source, re.MULTILINE)
        self.compare("function", exported, re.findall(r"^### `(cpm_\w+)\(", self.section("Functions"), re.MULTILINE))
        kemi = re.findall(r"^\tKEMI\((\w+),", source, re.MULTILINE)
        self.compare("KEMI name", kemi, re.findall(r"^\| `(\w+)` \|", self.section("KEMI"), re.MULTILINE))

    def check_variables(self):
        exported = re.findall(r'\[VARIABLE_\w+\] = "(\w+)"', self.module("variables.c"))
        documented = re.findall(r"^\| `\$cpm\((\w+)\)` \|", self.section("Pseudo-variables"), re.MULTILINE)
        self.compare("pseudo-variable", exported, documented)

    def check_rpc(self):
        source, text = self.shell("rpc"), self.section("RPC commands")
        exported = re.findall(r'^\t\{"(cpm_pf\.\w+)", rpc_', source, re.MULTILINE)
        self.compare("RPC command", exported, re.findall(r"^### `(cpm_pf\.\w+)[ `]", text, re.MULTILINE))
        fields = re.findall(r'\brpc_add_(?:text|number|time)\([^;"]*?"(\w+)"', source)
        fields += re.findall(r'struct_add\(\w+, "[\[{]", "(\w+)"', source)
        if not fields:
            self.say("no RPC field was found in the source: docs_check.py must learn its new form")
        for field in sorted(set(fields)):
            if not re.search(rf"`{field}`|^\t+{field}:", text, re.MULTILINE):
                self.say(f"RPC field {field} is not documented")

    def check_statistics(self):
        source = self.module("statistics.h")
        exported = re.findall(r"\bX\((\w+)\)", source[source.index("#define CPM_STATISTICS") : source.index("#define STATISTIC_DECLARE")])
        documented = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", self.section("Statistics"), re.MULTILINE)
        self.compare("statistic", exported, documented)

    def check_reasons(self):
        source = self.module("reason.c")
        exported = re.findall(r'^\t\t\{"([\w-]+)", (\d+), "', source, re.MULTILINE)
        table = self.section("SIP answers").partition("Other answers")[0]
        documented = re.findall(r"^\| `([\w-]+)` \| (\d+) \|", table, re.MULTILINE)
        self.compare("reason", (" ".join(r) for r in exported), (" ".join(r) for r in documented))

    def check_log(self):
        sources = "".join(self.shell(folder) for folder in SHELL)
        exported = re.findall(r'"event=(\w+) |\bLOG_END\("(\w+)"\)', sources)
        exported = [a or b for a, b in exported]
        self.compare("log event", exported, re.findall(r"^\| `event=(\w+) ", self.section("Log lines"), re.MULTILINE))

    # What the documents name

    def documents(self):
        paths = [*self.top.glob("*.md"), *self.top.glob("doc/**/*.md"), *self.top.glob("test/**/*.md")]
        return {path.relative_to(self.top).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}

    @staticmethod
    def anchors(text):
        """The anchors of a document's headings, as GitHub makes them."""
        headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}

    def check_links(self, documents):
        for name, text in documents.items():
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                file = (self.top / name).parent / path if path else self.top / name
                try:
                    relative = file.resolve().relative_to(self.top.resolve()).as_posix()
                except ValueError:
                    self.say(f"{name}: the link {target} leads out of the project")
                    continue
                if relative in GENERATED:
                    continue
                if not file.exists():
                    self.say(f"{name}: the link {target} leads nowhere")
                elif anchor and anchor not in self.anchors(file.read_text(encoding="utf-8")):
                    self.say(f"{name}: {target}: there is no such heading")

    def check_golden(self):
        """doc/storage.md shows every golden record as it is."""
        text = self.read("doc/storage.md")
        for path in sorted((self.top / "test/unit/queue/golden").glob("record-*.txt")):
            if path.read_text(encoding="utf-8") not in text:
                self.say(f"doc/storage.md does not show {path.name}")

    def check_words(self, documents):
        targets = set(re.findall(r"^([a-z][a-z0-9-]*):", self.read("Makefile"), re.MULTILINE))
        defines = set(re.findall(r"\b(WITH(?:OUT)?_\w+)", self.read("cfg/kamailio.cfg")))
        for name, text in documents.items():
            for target in set(re.findall(r"`make ([a-z][a-z0-9-]*)", text)) - targets:
                self.say(f"{name}: there is no target `make {target}`")
            for define in set(re.findall(r"`(WITH(?:OUT)?_\w+)`", text)) - defines:
                self.say(f"{name}: cfg/kamailio.cfg has no {define}")

    def run(self):
        self.check_parameters()
        self.check_functions()
        self.check_variables()
        self.check_rpc()
        self.check_statistics()
        self.check_reasons()
        self.check_log()
        self.check_golden()
        documents = self.documents()
        self.check_links(documents)
        self.check_words(documents)
        return self.problems


def main(top):
    problems = Check(top).run()
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print("the documents agree with the source")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]))
