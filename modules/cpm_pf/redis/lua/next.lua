-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Takes or renews a user's push lease, ends messages, hands out the next ones.
-- Who has a lease, or wants to look again later, leaves an entry p in tasks: it
-- comes to somebody when he does not.
--   KEYS  user's waiting ids, lease, shard's due entries, user's retries,
--         user's quarantined ids, shard's quarantined entries, user's parked
--         ids, ordered ids, ids in flight, shard's sums, tasks, tries
--   ARGV  message key prefix, aor, token, lease ms, now, after, want, max bytes,
--         force, release, first ask, ordered only, when to look again or 0,
--         number of done, interworked, failed, unsent, quarantined;
--         then ids done, ids interworked, (id, not before, status) failed,
--         ids unsent, ids quarantined
-- Answers {0 ok | 1 busy | 2 lost, waiting, parked, next due, other's lease ms,
--          looked up to, number of vanished ids, ids vanished...,
--          then id, order, expires, attempts, order of the user (0, 1 deliver,
--          2 interwork), record and body of each}.
-- A retry is "<not before> <attempts> <status>" and then words, " deliver" or
-- " interwork" for a waiting message.
local call = redis.call
local waiting, lease, due, retry, parked = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[7]
local orders, flying, sums, tasks, tries = KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local prefix, aor, token = ARGV[1], ARGV[2], ARGV[3]
local now, want, room = tonumber(ARGV[5]), tonumber(ARGV[7]), tonumber(ARGV[8])
local octets = string.sub(prefix, 1, -3) .. 'b:'
local force, release, first = ARGV[9] == '1', ARGV[10] == '1', ARGV[11] == '1'
local ordered_only = ARGV[12] == '1'
local again, lease_ms = tonumber(ARGV[13]), tonumber(ARGV[4])
local SCAN_MAX = 1024
-- So many messages share their calls.
local PORTION = 16
-- A lease that has run out is noticed so much later.
local LAPSED_MS = 1000
local at = 19
local retries = call('EXISTS', retry) == 1
local ordered = retries and call('EXISTS', orders) == 1

local function entry(id)
	return 'x:' .. id .. ':' .. aor
end

-- False when the message has ended already, has been claimed for its end, or
-- is quarantined: then what is kept of it must stay. A message that was parked
-- while it was in flight ends as any other.
local function leave_place(id)
	if call('ZREM', waiting, id) == 0 and call('ZREM', parked, id) == 0 then
		return false
	end
	if retries then
		call('HDEL', retry, id)
		if ordered then
			call('ZREM', orders, id)
		end
	end
	return true
end

local function leave(id)
	if not leave_place(id) then
		return false
	end
	call('ZREM', due, entry(id), 'd:' .. id .. ':' .. aor)
	return true
end

-- As leave for each, but the calls are shared by all, and what was kept goes too.
local function done(count, sum)
	if count == 0 then
		return
	end
	local there, here, aside, entries, keys = {}, {}, {}, {}, {}
	local scores = call('ZMSCORE', waiting, unpack(ARGV, at, at + count - 1))
	for i = 1, count do
		local id, n = ARGV[at + i - 1], #keys
		local out_of_way = not scores[i] and call('ZSCORE', parked, id)
		if scores[i] or out_of_way then
			there[#there + 1], entries[#entries + 1] = id, entry(id)
			keys[n + 1], keys[n + 2] = prefix .. id, octets .. id
			if out_of_way then
				-- only there an order to delete it can be due
				aside[#aside + 1], entries[#entries + 1] = id, 'd:' .. id .. ':' .. aor
			else
				here[#here + 1] = id
			end
		end
	end
	at = at + count
	if #there == 0 then
		return
	end
	local ended = (#here > 0 and call('ZREM', waiting, unpack(here)) or 0)
		+ (#aside > 0 and call('ZREM', parked, unpack(aside)) or 0)
	if retries then
		call('HDEL', retry, unpack(there))
		if ordered then
			call('ZREM', orders, unpack(there))
		end
	end
	call('ZREM', due, unpack(entries))
	call('UNLINK', unpack(keys))
	call('HINCRBY', sums, sum, ended)
end

-- The same failure told twice (a repeat of this call) counts once; one without a
-- status was no attempt, and only puts off.
local function failed(id, not_before, status)
	local old = call('HGET', retry, id)
	local before, attempts, last, words = nil, 0, '0', ''
	if old then
		before, attempts, last, words = string.match(old, '^(%d+) (%d+) (%d+)(.*)$')
	end
	if before ~= not_before and (call('ZSCORE', waiting, id) or call('ZSCORE', parked, id)) then
		if status ~= '0' then
			attempts, last = attempts + 1, status
		end
		local value = string.format('%s %d %s%s', not_before, attempts, last, words)
		call('HSET', retry, id, value)
		retries = true
	end
end

local function quarantine(id)
	local order = call('ZSCORE', waiting, id) or call('ZSCORE', parked, id)
	if order then
		leave(id)
		call('ZADD', KEYS[5], order, id)
		call('ZADD', KEYS[6], now, entry(id))
		call('PERSIST', prefix .. id)
		call('PERSIST', octets .. id)
	end
end

local holder = call('GET', lease)
local mine = holder == token
local lost = holder and not mine
if mine then
	-- a write that needs no memory: after it Redis lets the others of this
	-- script pass even when it is full, so that a full server can be emptied
	if release then
		call('DEL', lease, flying)
	else
		call('PEXPIRE', lease, ARGV[4])
	end
end

local first_id = at
done(tonumber(ARGV[14]), 'delivered')
done(tonumber(ARGV[15]), 'interworked')
local landed = {}
for i = first_id, at - 1 do
	landed[#landed + 1] = ARGV[i]
end
for _ = 1, tonumber(ARGV[16]) do
	if not lost then
		failed(ARGV[at], ARGV[at + 1], ARGV[at + 2])
		landed[#landed + 1] = ARGV[at]
	end
	at = at + 3
end
for _ = 1, tonumber(ARGV[17]) do
	landed[#landed + 1] = ARGV[at]
	at = at + 1
end
for _ = 1, tonumber(ARGV[18]) do
	quarantine(ARGV[at])
	landed[#landed + 1] = ARGV[at]
	at = at + 1
end
if lost then
	return {first and 1 or 2, call('ZCARD', waiting), call('ZCARD', parked), 0,
		math.max(call('PTTL', lease), 0), 0, 0}
end
if mine and not release then
	if #landed > 0 then
		call('SREM', flying, unpack(landed))
	end
	call('PEXPIRE', flying, ARGV[4])
end

local out, ids, gone, bytes, next_due, looked = {}, {}, {}, 0, 0, 0

-- What the retry of a message says: attempts and the user's order; nil when it
-- is for later.
local function turn_of(retry_value)
	if not retry_value then
		return 0, 0
	end
	local before, attempts, words = string.match(retry_value, '^(%d+) (%d+) %d+(.*)$')
	before = tonumber(before)
	if before > now and not force then
		if next_due == 0 or before < next_due then
			next_due = before
		end
		return nil
	end
	return tonumber(attempts), words == ' deliver' and 1 or words == ' interwork' and 2 or 0
end

-- Its time has come; with a fraction, while it was in flight.
local function is_over(expires)
	return expires and (tonumber(expires) <= now or string.find(expires, '.', 1, true))
end

-- Those of found (id, order, id, ...) between two places that can go now, each
-- {id, order, expires, attempts, order of the user}, and the keys of their texts.
local function candidates(found, start, stop)
	local names, entries, rows, keys = {}, {}, {}, {}
	for i = start, stop, 2 do
		names[#names + 1], entries[#entries + 1] = found[i], entry(found[i])
	end
	local values = retries and call('HMGET', retry, unpack(names)) or {}
	local ends = call('ZMSCORE', due, unpack(entries))
	for i, id in ipairs(names) do
		local attempts, wish = turn_of(values[i])
		if attempts and not is_over(ends[i]) then
			rows[#rows + 1] = {id, found[start + 2 * i - 1], ends[i] or '0', attempts, wish}
			keys[#keys + 1] = prefix .. id
		end
	end
	return rows, keys
end

-- False when the batch is full.
local function consider(found, start, stop)
	local rows, keys = candidates(found, start, stop)
	local texts = #keys > 0 and call('MGET', unpack(keys))
	for i, row in ipairs(rows) do
		local id, text = row[1], texts[i]
		if not text then
			gone[#gone + 1] = id
		else
			bytes = bytes + #text
			if #ids > 0 and bytes > room then
				return false
			end
			ids[#ids + 1] = id
			local n = #out
			out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5], out[n + 6] =
				id, row[2], row[3], row[4], row[5], text
		end
	end
	return #ids < want
end

local function hand_out(from)
	local chunk = math.min(math.max(want, 16), 128)
	local offset = 0
	while true do
		local found = call('ZRANGEBYSCORE', from, '(' .. ARGV[6], '+inf', 'WITHSCORES',
			'LIMIT', offset, chunk)
		local i = 1
		while i < #found do
			-- texts that do not fit are read for nothing: not many
			local last = math.min(i + 2 * math.min(PORTION, want - #ids) - 1, #found)
			if not consider(found, i, last) then
				return
			end
			i = last + 1
		end
		if #found < 2 * chunk then
			return
		end
		offset = offset + chunk
		if offset >= SCAN_MAX then
			if #ids == 0 then
				looked = tonumber(found[#found])
			end
			return
		end
	end
end

if want > 0 and (ordered or not ordered_only) then
	hand_out(ordered_only and orders or waiting)
end
local vanished = 0
for _, id in ipairs(gone) do
	if leave(id) then
		vanished = vanished + 1
	end
end
if vanished > 0 then
	call('HINCRBY', sums, 'vanished', vanished)
end
-- Who asks first and gets nothing needs no lease; who gives it back keeps it
-- for what was handed out.
if #ids > 0 and (not holder or release) or not holder and not release and not first then
	-- as above: the first write must be one that needs no memory
	call('DEL', lease, flying)
	call('SET', lease, token, 'PX', ARGV[4])
end
if #ids > 0 then
	call('SADD', flying, unpack(ids))
	call('PEXPIRE', flying, ARGV[4])
end

local left = call('ZCARD', waiting)
local task = 'p:' .. aor
if #ids > 0 then
	if not mine then
		call('ZADD', tasks, now + lease_ms + LAPSED_MS, task)
	end
elseif release then
	if next_due > 0 and (again == 0 or next_due < again) then
		again = next_due
	end
	if left > 0 and again > 0 then
		if not mine then
			call('DEL', flying) -- as above
		end
		call('ZADD', tasks, math.max(again, now) + lease_ms, task)
		call('HDEL', tries, task)
	elseif mine and call('ZREM', tasks, task) == 1 then
		call('HDEL', tries, task)
	end
end

local answer = {0, left, call('ZCARD', parked), next_due, 0, looked, #gone}
for _, id in ipairs(gone) do
	answer[#answer + 1] = id
end
for _, value in ipairs(out) do
	answer[#answer + 1] = value
end
return answer
