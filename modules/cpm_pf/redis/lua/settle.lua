-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Ends or puts off what was claimed; the end of a message, its sum and its
-- report are one step. A claim that ran out and is another's by now is left alone.
--   KEYS  shard's due entries, claimed entries, tasks, taken tasks, sums, tries,
--         quarantined entries
--   ARGV  key prefix of the shard, entry, token, now, again or 0, outcome or
--         'quarantine' or 'keep'; for a report: id, due, ttl, record and body;
--         with 'keep': when it is to be stored, or 0
-- Answers 1, or 0 when it had been settled already.
local call = redis.call
local due, claimed, tasks, taken, sums, tries = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local prefix, entry, token, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local again, outcome = ARGV[5], ARGV[6]
local kind = string.sub(entry, 1, 1)
local is_end = kind == 'x' or kind == 'd'
local NEVER = '9007199254740992'

local claims = is_end and claimed or taken
local claim = call('ZSCORE', claims, entry)
if not claim or tonumber(claim) ~= tonumber(token) then
	return 0
end
-- Needs no memory, so it can be the first write on a full server.
call('ZREM', claims, entry)
local id, aor = string.match(entry, '^[xds]:([^:]*):(.*)$')
if kind == 's' and not call('ZSCORE', prefix .. 'p:' .. aor, id) then
	return 0 -- it has ended otherwise: a client took it, told late
end
if again ~= '0' then
	-- a notification that became due meanwhile keeps its earlier time
	call('ZADD', is_end and due or tasks, 'LT', again, entry)
	call('HINCRBY', tries, entry, 1)
	return 1
end
call('HDEL', tries, entry)
if kind == 'n' or kind == 'p' then
	return 1
end
if kind == 'r' then
	call('DEL', prefix .. entry)
	call('HINCRBY', sums, 'reports_ended', 1)
	return 1
end

local message, octets = prefix .. 'm:' .. id, prefix .. 'b:' .. id
if kind == 's' then
	call('ZREM', prefix .. 'p:' .. aor, id)
	call('HDEL', prefix .. 'f:' .. aor, id)
	local x, d = 'x:' .. id .. ':' .. aor, 'd:' .. id .. ':' .. aor
	call('ZREM', due, x, d)
	call('HDEL', tries, x, d)
end
if outcome == 'keep' then
	call('PERSIST', octets)
	if call('PERSIST', message) == 1 or call('EXISTS', message) == 1 then
		call('PERSIST', octets)
		-- every message has an end that is due, if only for operators and sums
		call('ZADD', due, NEVER, 'x:' .. id .. ':' .. aor)
		call('ZADD', prefix .. 'p:' .. aor, call('HGET', sums, 'accepted') or 0, id)
		call('HSET', prefix .. 'f:' .. aor, id, '0 0 0 store')
		if ARGV[7] ~= '0' then
			call('ZADD', tasks, ARGV[7], 's:' .. id .. ':' .. aor)
		end
	else
		call('HINCRBY', sums, 'vanished', 1)
	end
	return 1
end
if outcome == 'quarantine' then
	call('PERSIST', octets)
	if call('PERSIST', message) == 1 or call('EXISTS', message) == 1 then
		call('ZADD', prefix .. 'q:' .. aor, call('HGET', sums, 'accepted') or 0, id)
		call('ZADD', KEYS[7], now, 'x:' .. id .. ':' .. aor)
	else
		call('HINCRBY', sums, 'vanished', 1)
	end
	return 1
end
call('UNLINK', message, octets)
call('HINCRBY', sums, outcome, 1)
if ARGV[7] and call('SET', prefix .. 'r:' .. ARGV[7], ARGV[10], 'NX', 'PX', ARGV[9]) then
	call('ZADD', tasks, ARGV[8], 'r:' .. ARGV[7])
	call('HINCRBY', sums, 'reports', 1)
end
return 1
