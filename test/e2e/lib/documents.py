# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Served users' XDM documents: builders, and the XDMS that they are put on."""

import itertools
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import quoteattr

COMMON_POLICY = "urn:ietf:params:xml:ns:common-policy"
OMA_POLICY = "urn:oma:xml:xdm:common-policy"
OMA_EXTENSIONS = "urn:oma:xml:xdm:extensions"

PAGER = ("pager-mode-message",)
DEFERRED = ("deferred-messages",)


def entries(uris):
    return "".join(f"<entry uri={quoteattr(uri)}/>" for uri in uris)


def blocklist(uris=(), *, externals=(), refs=(), lists=None):
    """A resource-lists document whose oma_blockedcontacts holds entries, external anchors and entry-refs; lists: further
    lists by name, each a list of URIs."""
    inner = entries(uris) + "".join(f"<external anchor={quoteattr(a)}/>" for a in externals)
    inner += "".join(f"<entry-ref ref={quoteattr(r)}/>" for r in refs)
    others = "".join(f"<list name={quoteattr(n)}>{entries(u)}</list>" for n, u in (lists or {}).items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">'
        f'<list name="oma_blockedcontacts">{inner}</list>{others}</resource-lists>\n'
    )


def one(uri):
    return f"<cp:one id={quoteattr(uri)}/>"


def many(domain=None, *, except_ids=(), except_domains=()):
    inner = "".join(f"<cp:except id={quoteattr(i)}/>" for i in except_ids)
    inner += "".join(f"<cp:except domain={quoteattr(d)}/>" for d in except_domains)
    return f"<cp:many{f' domain={quoteattr(domain)}' if domain else ''}>{inner}</cp:many>"


def rule(
    id, actions, *, media=PAGER, media_except=None, service="CPM", services_except=None, identity=None, external_list=None,
    other_identity=False, anonymous=False, validity=None, conditions="",
):
    """One rule. actions: names of true actions, or raw XML; identity: XML of one() and many(); validity: pairs of dateTimes;
    conditions: further XML."""
    parts = []
    if identity is not None:
        parts.append(f"<cp:identity>{identity}</cp:identity>")
    if external_list is not None:
        parts.append("<ocp:external-list>" + "".join(f"<ocp:entry anc={quoteattr(a)}/>" for a in external_list) + "</ocp:external-list>")
    if other_identity:
        parts.append("<ocp:other-identity/>")
    if anonymous:
        parts.append("<ocp:anonymous-request/>")
    if validity is not None:
        parts.append("<cp:validity>" + "".join(f"<cp:from>{a}</cp:from><cp:until>{b}</cp:until>" for a, b in validity) + "</cp:validity>")
    if services_except is not None:
        inner = "".join(f"<oxe:service enabler={quoteattr(s)}/>" for s in services_except)
        parts.append(f"<oxe:service-list><oxe:all-services-except>{inner}</oxe:all-services-except></oxe:service-list>")
    elif service:
        parts.append(f"<oxe:service-list><oxe:service enabler={quoteattr(service)}/></oxe:service-list>")
    if media_except is not None:
        inner = "".join(f"<oxe:{m}/>" for m in media_except)
        parts.append(f"<oxe:media-list><oxe:all-media-except>{inner}</oxe:all-media-except></oxe:media-list>")
    elif media:
        parts.append("<oxe:media-list>" + "".join(f"<oxe:{m}/>" for m in media) + "</oxe:media-list>")
    if not isinstance(actions, str):
        actions = "".join(f"<oxe:{a}>true</oxe:{a}>" for a in actions)
    return (
        f"<cp:rule id={quoteattr(id)}><cp:conditions>{''.join(parts)}{conditions}</cp:conditions>"
        f"<cp:actions>{actions}</cp:actions></cp:rule>"
    )


def ruleset(*rules):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<cp:ruleset xmlns:cp="{COMMON_POLICY}" xmlns:ocp="{OMA_POLICY}" '
        f'xmlns:oxe="{OMA_EXTENSIONS}">{"".join(rules)}</cp:ruleset>\n'
    )


def forward_to(target):
    """The actions of a forwarding rule."""
    return f"<oxe:allow-forward>true</oxe:allow-forward><oxe:forward-to><oxe:target>{target}</oxe:target></oxe:forward-to>"


def do_not_disturb(**conditions):
    """A rule set with which the user is not to be disturbed (now, or while conditions hold)."""
    return ruleset(rule("dnd", ["allow-do-not-disturb"], media=None, **conditions))


def profile(devices, *, active=True):
    """A preferences profile. devices: {instance: {medium: bool}} with media pager-mode-message, large-message, deferred."""
    inner = ""
    for instance, media in devices.items():
        rows = "".join(f'<deliver media="{m}">{"true" if yes else "false"}</deliver>' for m, yes in media.items())
        inner += f"<device instance={quoteattr(instance)}>{rows}</device>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<upp-directory xmlns="urn:x-cpm-pf:upp:1">'
        f'<profile id="day" active="{"true" if active else "false"}">{inner}</profile></upp-directory>\n'
    )


class Documents:
    """The XDMS of a stack, by HTTP PUT or as files. After each change the nodes are told that their copy is old."""

    def __init__(self, stack):
        self.stack, self.root = stack, stack.env["CPM_XCAP_ROOT"]
        self._changes = itertools.count()

    def url(self, kind, aor):
        """kind: lists, policy or profile."""
        env = self.stack.env
        return f"{self.root}/{env[f'CPM_XCAP_AUID_{kind.upper()}']}/users/{quote(aor, safe=':@+;=')}/{env[f'CPM_XCAP_DOC_{kind.upper()}']}"

    def list_anchor(self, aor, name, *, document=None):
        """The XCAP URI of one list of a user's resource-lists document."""
        return f"{document or self.url('lists', aor)}/~~/resource-lists/list%5B@name=%22{name}%22%5D"

    def put(self, kind, aor, xml, *, reload=True):
        # nginx's ETag is made of second and size: another length each time keeps two changes in one second apart.
        content = (xml if isinstance(xml, bytes) else xml.encode()) + b"\n" * (next(self._changes) % 97)
        self.put_url(self.url(kind, aor), content)
        if reload:
            self.reload(aor)

    def put_url(self, url, content):
        if self.root.startswith("file:"):
            path = Path(urlsplit(url).path)
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(path.name + ".new")
            new.write_bytes(content)
            new.rename(path)
        else:
            with urllib.request.urlopen(urllib.request.Request(url, content, method="PUT"), timeout=30):
                pass

    def delete(self, kind, aor, *, reload=True):
        url = self.url(kind, aor)
        if self.root.startswith("file:"):
            Path(urlsplit(url).path).unlink(missing_ok=True)
        else:
            try:
                with urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=30):
                    pass
            except urllib.error.HTTPError as e:
                if e.code != 404:
                    raise
        if reload:
            self.reload(aor)

    def reload(self, aor):
        for node in self.stack.nodes:
            node.rpc("cpm_pf.reload", aor)
