-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- What an operator sees of a user's messages, without bodies.
--   KEYS  user's waiting, expired and quarantined ids, retries, lease, due entries
--   ARGV  message key prefix, aor, now, offset, count, one id or ''
-- Answers {total, 1 when leased, then id, state, order, expires, not before,
--          attempts, status, bytes of record and body, record with its length}.
local call = redis.call
local prefix, aor, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local offset, count, only = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local states = {'waiting', 'expired', 'quarantined'}

local all = {}
for kind = 1, 3 do
	local ids = call('ZRANGE', KEYS[kind], 0, -1, 'WITHSCORES')
	for i = 1, #ids, 2 do
		if only == '' or only == ids[i] then
			all[#all + 1] = {id = ids[i], order = ids[i + 1], state = states[kind]}
		end
	end
end
table.sort(all, function(a, b)
	local x, y = tonumber(a.order), tonumber(b.order)
	return x < y or (x == y and a.id < b.id)
end)

-- The stored text starts with "<length of the record>\n".
local function record_of(key)
	local head = call('GETRANGE', key, 0, 20)
	local digits = string.match(head, '^(%d+)\n')
	return digits and call('GETRANGE', key, 0, #digits + tonumber(digits)) or ''
end

local answer = {#all, call('EXISTS', KEYS[5])}
for i = offset + 1, math.min(offset + count, #all) do
	local m = all[i]
	local key = prefix .. m.id
	local before, attempts, status, held = '0', '0', '0', ''
	local value = call('HGET', KEYS[4], m.id)
	if value then
		before, attempts, status, held = string.match(value, '^(%d+) (%d+) (%d+)(.*)$')
	end
	if m.state == 'waiting' and held ~= '' then
		m.state = string.match(held, '%a+')
	elseif m.state == 'waiting' and tonumber(before) > now then
		m.state = 'retry'
	end
	local expires = call('ZSCORE', KEYS[6], 'x:' .. m.id .. ':' .. aor) or '0'
	for _, v in ipairs({m.id, m.state, m.order, expires, before, attempts, status,
		tostring(call('STRLEN', key)), record_of(key)}) do
		answer[#answer + 1] = v
	end
end
return answer
