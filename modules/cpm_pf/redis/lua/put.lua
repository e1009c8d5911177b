-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Stores a message. The hot path: seven calls, none of them twice.
--   KEYS  message, its place (user's waiting or parked ids), shard's due
--         entries, de-duplication, the other place, shard's sums;
--         for a parked message, or with a task: user's retries, shard's tasks;
--         for a large one: its octets, in pieces that have come before
--   ARGV  id, expires, quota, window, ttl, record and body, due entry;
--         for a parked message, or with a task: word or '', and a task entry
--         and its time if there is one
-- Answers 0 (stored, also for a repeat of the same id), 2 (over quota), 3 (the
-- octets are gone), the id that was there first, or the mark of another one that
-- was on its way into the message store (mark.lua).
-- Its order is its place among all that this shard has accepted: later messages
-- of a user come behind earlier ones, whichever clocks their nodes have.
local call = redis.call
local id = ARGV[1]
local marked = false
if not call('SET', KEYS[4], id, 'NX', 'PX', ARGV[4]) then
	local first = call('GET', KEYS[4])
	if first == id then
		return 0
	elseif string.byte(first) ~= 43 or string.match(first, ':(.*)') ~= id then
		return first
	end
	marked = true
end
if call('ZCARD', KEYS[2]) + call('ZCARD', KEYS[5]) >= tonumber(ARGV[3]) then
	if not marked then
		call('DEL', KEYS[4])
	end
	return 2
end
local octets = #KEYS % 2 == 1 and KEYS[#KEYS]
if octets and call('PEXPIRE', octets, ARGV[5]) == 0 then
	if not marked then
		call('DEL', KEYS[4])
	end
	return 3
end
if marked then
	call('SET', KEYS[4], id, 'PX', ARGV[4])
end
call('SET', KEYS[1], ARGV[6], 'PX', ARGV[5])
call('ZADD', KEYS[2], call('HINCRBY', KEYS[6], 'accepted', 1), id)
call('ZADD', KEYS[3], ARGV[2], ARGV[7])
if KEYS[8] then
	if ARGV[8] ~= '' then
		call('HSET', KEYS[7], id, '0 0 0 ' .. ARGV[8])
	end
	if ARGV[9] then
		call('ZADD', KEYS[8], 'LT', ARGV[10], ARGV[9])
	end
end
return 0
