-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Takes or renews a user's push lease, ends messages, hands out the next ones.
--   KEYS  user's waiting ids, lease, shard's due entries, user's retries,
--         user's quarantined ids, shard's quarantined entries
--   ARGV  message key prefix, aor, token, lease ms, now, after, want, max bytes,
--         force, release, first ask, number of done, failed, quarantined;
--         then ids done, (id, not before, status) failed, ids quarantined
-- Answers {0 ok | 1 busy | 2 lost, waiting, next due, other's lease ms,
--          number of vanished ids, ids vanished...,
--          then id, order, expires, attempts, record and body of each}.
-- A retry is "<not before> <attempts> <status>", with " held" for a held one.
local call = redis.call
local waiting, lease, due, retry = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix, aor, token = ARGV[1], ARGV[2], ARGV[3]
local now, want, room = tonumber(ARGV[5]), tonumber(ARGV[7]), tonumber(ARGV[8])
local force, release, first = ARGV[9] == '1', ARGV[10] == '1', ARGV[11] == '1'
local SCAN_MAX = 4096
local at = 15
local retries = call('EXISTS', retry) == 1

local function entry(id)
	return 'x:' .. id .. ':' .. aor
end

-- False when the id was not waiting: then it has ended already, and what is
-- kept of it (expired, quarantined) must stay.
local function leave(id)
	if call('ZREM', waiting, id) == 0 then
		return false
	end
	call('ZREM', due, entry(id))
	if retries then
		call('HDEL', retry, id)
	end
	return true
end

local function done(id)
	if leave(id) then
		call('DEL', prefix .. id)
	end
end

-- The same failure told twice (a repeat of this call) counts once.
local function failed(id, not_before, status)
	local old = call('HGET', retry, id)
	local before, attempts, _, held = nil, 0, nil, ''
	if old then
		before, attempts, _, held = string.match(old, '^(%d+) (%d+) (%d+)(.*)$')
	end
	if before ~= not_before and call('ZSCORE', waiting, id) then
		local value = string.format('%s %d %s%s', not_before, attempts + 1, status, held)
		call('HSET', retry, id, value)
		retries = true
	end
end

local function quarantine(id)
	local order = call('ZSCORE', waiting, id)
	if order then
		leave(id)
		call('ZADD', KEYS[5], order, id)
		call('ZADD', KEYS[6], now, entry(id))
		call('PERSIST', prefix .. id)
	end
end

local holder = call('GET', lease)
local mine = holder == token
local lost = holder and not mine
if mine then
	-- a write that needs no memory: after it Redis lets the others of this
	-- script pass even when it is full, so that a full server can be emptied
	if release then
		call('DEL', lease)
	else
		call('PEXPIRE', lease, ARGV[4])
	end
end

for _ = 1, tonumber(ARGV[12]) do
	done(ARGV[at])
	at = at + 1
end
for _ = 1, tonumber(ARGV[13]) do
	if not lost then
		failed(ARGV[at], ARGV[at + 1], ARGV[at + 2])
	end
	at = at + 3
end
for _ = 1, tonumber(ARGV[14]) do
	quarantine(ARGV[at])
	at = at + 1
end
if lost then
	return {first and 1 or 2, call('ZCARD', waiting), 0, math.max(call('PTTL', lease), 0), 0}
end

local out, gone, taken, bytes, next_due = {}, {}, 0, 0, 0

-- False when the batch is full.
local function consider(id, order, retry_value)
	local attempts = 0
	if retry_value then
		local before, n, _, held = string.match(retry_value, '^(%d+) (%d+) (%d+)(.*)$')
		attempts = tonumber(n)
		before = tonumber(before)
		if held ~= '' then
			return true
		end
		if before > now and not force then
			if next_due == 0 or before < next_due then
				next_due = before
			end
			return true
		end
	end
	local expires = call('ZSCORE', due, entry(id)) or '0'
	if expires ~= '0' and tonumber(expires) <= now then
		return true
	end
	local text = call('GET', prefix .. id)
	if not text then
		gone[#gone + 1] = id
		return true
	end
	bytes = bytes + #text
	if taken > 0 and bytes > room then
		return false
	end
	taken = taken + 1
	local n = #out
	out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = id, order, expires, attempts, text
	return taken < want
end

local function hand_out()
	local chunk = math.min(math.max(want, 16), 128)
	local offset = 0
	while offset < SCAN_MAX do
		local ids = call('ZRANGEBYSCORE', waiting, '(' .. ARGV[6], '+inf', 'WITHSCORES',
			'LIMIT', offset, chunk)
		for i = 1, #ids, 2 do
			local value = retries and call('HGET', retry, ids[i])
			if not consider(ids[i], ids[i + 1], value) then
				return
			end
		end
		if #ids < 2 * chunk then
			return
		end
		offset = offset + chunk
	end
end

if want > 0 then
	hand_out()
end
for _, id in ipairs(gone) do
	leave(id)
end
-- Who asks first and gets nothing needs no lease; who gives it back keeps it
-- for what was handed out.
if taken > 0 and (not holder or release) or not holder and not release and not first then
	call('DEL', lease) -- as above: the first write must be one that needs no memory
	call('SET', lease, token, 'PX', ARGV[4])
end

local answer = {0, call('ZCARD', waiting), next_due, 0, #gone}
for _, id in ipairs(gone) do
	answer[#answer + 1] = id
end
for _, value in ipairs(out) do
	answer[#answer + 1] = value
end
return answer
