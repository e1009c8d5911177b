-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Marks a message that goes straight into the message store.
--   KEYS  de-duplication, as of put
--   ARGV  mark, ttl
-- Answers nothing, also for a repeat of the same mark, or the one that was there
-- first.
-- It is not written into the append-only file: it need only outlive the node,
-- and so nobody waits for the disk.
if redis.replicate_commands then
	redis.replicate_commands()
end
redis.set_repl(redis.REPL_REPLICA)
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
	return false
end
local first = redis.call('GET', KEYS[1])
return first ~= ARGV[1] and first
