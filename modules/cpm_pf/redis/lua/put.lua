-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Stores a message. The hot path: seven calls, none of them twice.
--   KEYS  message, its place (user's waiting or parked ids), shard's due
--         entries, de-duplication, the other place, shard's sums;
--         for a parked message: user's retries, shard's tasks;
--         for a large one: its octets, in pieces that have come before
--   ARGV  id, order, expires, quota, window, ttl, record and body, due entry;
--         for a parked message: word, and a task entry and its time if there
--         is one
-- Answers 0 (stored, also for a repeat of the same id), 2 (over quota), 3 (the
-- octets are gone) or the id that was there first.
local call = redis.call
local id = ARGV[1]
if not call('SET', KEYS[4], id, 'NX', 'PX', ARGV[5]) then
	local first = call('GET', KEYS[4])
	return first == id and 0 or first
end
if call('ZCARD', KEYS[2]) + call('ZCARD', KEYS[5]) >= tonumber(ARGV[4]) then
	call('DEL', KEYS[4])
	return 2
end
local octets = #KEYS % 2 == 1 and KEYS[#KEYS]
if octets and call('PEXPIRE', octets, ARGV[6]) == 0 then
	call('DEL', KEYS[4])
	return 3
end
call('SET', KEYS[1], ARGV[7], 'PX', ARGV[6])
call('ZADD', KEYS[2], ARGV[2], id)
call('ZADD', KEYS[3], ARGV[3], ARGV[8])
call('HINCRBY', KEYS[6], 'accepted', 1)
if KEYS[8] then
	call('HSET', KEYS[7], id, '0 0 0 ' .. ARGV[9])
	if ARGV[10] then
		call('ZADD', KEYS[8], 'LT', ARGV[11], ARGV[10])
	end
end
return 0
