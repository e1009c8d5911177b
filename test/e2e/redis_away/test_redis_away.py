# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
"""Redis down, stalled, read-only, full: 503 with Retry-After in time, nothing accepted is lost, and it resumes by itself."""

import os
import signal
import time

import pytest
import redis
from lib.documents import rule, ruleset
from process import wait_until
from stack import host_port

STACK = {"modparams": [("cpm_pf", "redis_timeout_ms", 500)]}
LOG_ALLOW = [r"[Rr]edis"]


@pytest.fixture
def client(stack):
    host, port = host_port(stack.env["CPM_REDIS"])
    with redis.Redis(host, port) as connection:
        yield connection


def send(scene, bob):
    begin = time.monotonic()
    reply = scene.send("sip:alice@cpm.test", bob)
    return reply, time.monotonic() - begin


def assert_refused(scene, bob, within_s):
    reply, took = send(scene, bob)
    assert reply.status == 503
    assert reply.reply.get("Retry-After")
    assert took < within_s


def assert_resumes(scene, bob, waiting):
    """Accepted again; waiting: how many were accepted before the trouble."""
    wait_until(scene.stack.node.answers_rpc, 15, "the queue has its Redis again")
    assert send(scene, bob)[0].status == 202
    scene.wait_waiting(bob, waiting + 1)


@pytest.mark.clause("ST-4")
def test_down(scene, stack):
    bob = scene.person("bob")
    assert send(scene, bob)[0].status == 202
    stack.redis.process.kill()
    assert_refused(scene, bob, 2.5)
    assert_refused(scene, bob, 1)
    stack.redis.start()
    assert_resumes(scene, bob, 1)


@pytest.mark.clause("ST-4")
def test_stalled(scene, stack):
    """A command that was under way may have been done or not; what was answered 503 may come, what was answered 202 must."""
    bob = scene.person("bob")
    assert send(scene, bob)[0].status == 202
    os.kill(stack.redis.process.pid, signal.SIGSTOP)
    try:
        assert_refused(scene, bob, 2.5)
        assert_refused(scene, bob, 1)
    finally:
        os.kill(stack.redis.process.pid, signal.SIGCONT)
    wait_until(stack.node.answers_rpc, 15, "the queue has its Redis again")
    last = send(scene, bob)[0]
    assert last.status == 202
    phone = scene.phone(bob)
    wait_until(lambda: last.request.imdn_id in [m.imdn_id for m in phone.received()], 10, "the last message")


@pytest.mark.clause("ST-4")
def test_read_only(scene, client):
    bob = scene.person("bob")
    assert send(scene, bob)[0].status == 202
    client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert_refused(scene, bob, 2)
    finally:
        client.execute_command("REPLICAOF", "NO", "ONE")
    assert_resumes(scene, bob, 1)


@pytest.mark.clause("ST-4")
def test_full(scene, client):
    bob = scene.person("bob")
    assert send(scene, bob)[0].status == 202
    client.config_set("maxmemory", 1)
    try:
        assert_refused(scene, bob, 2)
    finally:
        client.config_set("maxmemory", 0)
    assert_resumes(scene, bob, 1)


def test_decisions_need_no_redis(scene, stack):
    bob = scene.person("bob")
    scene.documents.put("policy", bob, ruleset(rule("no", ["allow-reject-invite"])))
    carol = scene.person("carol")
    scene.phone(carol)
    stack.redis.process.kill()
    try:
        assert send(scene, bob)[0].status == 403
        assert send(scene, carol)[0].status == 200
    finally:
        stack.redis.start()
    wait_until(stack.node.answers_rpc, 15, "the queue has its Redis again")
