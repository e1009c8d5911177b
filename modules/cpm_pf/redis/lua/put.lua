-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Stores a message. The hot path: five calls, none of them twice.
--   KEYS  message, user's waiting ids, shard's due entries, de-duplication;
--         user's retries when the message waits for the user (pull)
--   ARGV  id, order, expires, quota, window, ttl, record and body, due entry
-- Answers 0 (stored, also for a repeat of the same id), 2 (over quota) or the
-- id that was there first.
local call = redis.call
local id = ARGV[1]
if not call('SET', KEYS[4], id, 'NX', 'PX', ARGV[5]) then
	local first = call('GET', KEYS[4])
	return first == id and 0 or first
end
if call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then
	call('DEL', KEYS[4])
	return 2
end
call('SET', KEYS[1], ARGV[7], 'PX', ARGV[6])
call('ZADD', KEYS[2], ARGV[2], id)
call('ZADD', KEYS[3], ARGV[3], ARGV[8])
if KEYS[5] then
	call('HSET', KEYS[5], id, '0 0 0 pull')
end
return 0
