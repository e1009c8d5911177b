# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Documents of the bench's users, as an XCAP tree of files: 1,000 blocked persons, 10 rules, one device.

Every user has the same text under a name of their own; the module compiles and keeps it for each."""

from pathlib import Path

from sides import DOMAIN

BLOCKED, RULES = 1000, 10


def lists():
    """A block list; every third entry a number, as address books have them."""
    entries = "".join(
        f'<entry uri="{"tel:+1555%07d" % i if i % 3 == 0 else "sip:blocked.user%d@example.com" % i}"/>\n' for i in range(BLOCKED)
    )
    return (
        '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">'
        f'<list name="oma_blockedcontacts">{entries}</list></resource-lists>\n'
    )


def rules():
    """Rules for persons and domains who do not write here, and a do-not-disturb that is over."""
    identities = ('<cp:one id="sip:person%d@example.org"/><cp:one id="tel:+15559%03d"/>', '<cp:many domain="d%d.example.org"/>')
    text = "".join(
        f'<cp:rule id="r{i}"><cp:conditions><cp:identity>'
        + (identities[0] % (i, i) if i % 2 == 0 else identities[1] % i)
        + "</cp:identity><oxe:service-list><oxe:service enabler=\"CPM\"/></oxe:service-list>"
        "<oxe:media-list><oxe:pager-mode-message/></oxe:media-list></cp:conditions>"
        "<cp:actions><oxe:allow-reject-invite>true</oxe:allow-reject-invite></cp:actions></cp:rule>\n"
        for i in range(RULES - 1)
    )
    return (
        '<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns:ocp="urn:oma:xml:xdm:common-policy"'
        ' xmlns:oxe="urn:oma:xml:xdm:extensions">\n'
        + text
        + '<cp:rule id="night"><cp:conditions><cp:validity><cp:from>2020-01-01T22:00:00Z</cp:from>'
        "<cp:until>2020-01-02T06:00:00Z</cp:until></cp:validity>"
        '<oxe:service-list><oxe:service enabler="CPM"/></oxe:service-list></cp:conditions>'
        "<cp:actions><oxe:allow-do-not-disturb>true</oxe:allow-do-not-disturb></cp:actions></cp:rule>\n</cp:ruleset>\n"
    )


def profile():
    return (
        '<upp-directory xmlns="urn:x-cpm-pf:upp:1"><profile id="day" active="true"><device instance="urn:uuid:0">'
        '<deliver media="pager-mode-message">true</deliver></device></profile></upp-directory>\n'
    )


def write_store_users(root, prefix, count):
    """Users prefix0, prefix1, ... below root whose one rule puts everything into their message store."""
    folder = Path(root) / "org.openmobilealliance.access-rules" / "users"
    (folder / "store").mkdir()
    (folder / "store" / "access-rules").write_text(
        '<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns:oxe="urn:oma:xml:xdm:extensions"><cp:rule id="store">'
        '<cp:conditions><oxe:service-list><oxe:service enabler="CPM"/></oxe:service-list><oxe:media-list><oxe:pager-mode-message/>'
        "</oxe:media-list></cp:conditions><cp:actions><oxe:allow-store>true</oxe:allow-store></cp:actions></cp:rule></cp:ruleset>\n",
        encoding="utf-8",
    )
    for i in range(count):
        (folder / f"sip:{prefix}{i}@{DOMAIN}").symlink_to("store")


def write_users(root, users):
    """The tree below root for users {prefix: how many}: prefix0, prefix1, ..."""
    documents = {
        "resource-lists": ("index", lists()),
        "org.openmobilealliance.access-rules": ("access-rules", rules()),
        "org.openmobilealliance.upp-directory": ("upp-directory", profile()),
    }
    for auid, (name, text) in documents.items():
        folder = Path(root) / auid / "users"
        folder.mkdir(parents=True)
        (folder / "model").mkdir()
        (folder / "model" / name).write_text(text, encoding="utf-8")
        for prefix, count in users.items():
            for i in range(count):
                (folder / f"sip:{prefix}{i}@{DOMAIN}").symlink_to("model")
