# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""The operator's policy for the media of sessions (8.3.2.1 step 4)."""

import pytest
from lib.session import SessionCall, SessionPhone, media, session_headers

STACK = {"modparams": [("cpm_pf", "session_media", "message-session, video")]}


@pytest.mark.clause("SE-4")
@pytest.mark.parametrize("kinds, status", [
    (["message"], 486), (["message", "video"], 486), (["video"], 486), (["message", "audio:0"], 486),
    (["audio"], 488), (["message", "audio"], 488), (["file"], 488), (["message", "file"], 488), (["message", "application"], 488),
])
def test_media(scene, stack, kinds, status):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob, status=486)
    call = SessionCall(scene, alice, bob, body=media(*kinds))
    assert call.status == status and len(phone.invites) == (status == 486)
    refused = f'call_id={call.call.call_id} user={bob} reason=media code=488 rule="" why="' in stack.node.log.read_text()
    assert refused == (status == 488)


@pytest.mark.clause("SE-4")
def test_the_offer_in_a_multipart(scene):
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob, status=486)
    part = "--b\r\nContent-Type: application/sdp\r\n\r\n{}\r\n--b\r\nContent-Type: text/plain\r\n\r\nm=audio 1 RTP/AVP 0\r\n--b--\r\n"
    headers = [*session_headers(alice), "Content-Type: multipart/mixed;boundary=b"]
    for kind, status in (("audio", 488), ("message", 486)):
        assert SessionCall(scene, alice, bob, body=part.format(media(kind)), headers=headers).status == status
    assert len(phone.invites) == 1


@pytest.mark.clause("SE-4")
def test_no_offer(scene):
    """What cannot be judged does not conform to a policy that leaves media out."""
    alice, bob = scene.person("alice"), scene.person("bob")
    phone = SessionPhone(scene, bob)
    assert SessionCall(scene, alice, bob, body="").status == 488 and phone.invites == []
