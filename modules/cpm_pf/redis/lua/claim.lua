-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Claims what is due in a shard: ends of messages (x expiry, d deletion) and
-- tasks (r report, n notification, s into the message store, p push). A claim that is
-- not settled is handed out again, so that a lost answer or a dead node loses
-- nothing.
--   KEYS  shard's due entries, claimed entries, tasks, taken tasks, sums, tries
--   ARGV  key prefix of the shard, now, at most ends, at most tasks, max bytes,
--         claim ms
-- Answers {when something is due next or 0, 1 when there is more now, the token
--          of these claims: when they run out, number of vanished messages,
--          their entries...,
--          then entry, due, tries, record and body of each}.
local call = redis.call
local due, claimed, tasks, taken, sums, tries = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local prefix, now = ARGV[1], tonumber(ARGV[2])
local ends_max, tasks_max, room = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local again = now + tonumber(ARGV[6])
-- What must wait, as the message is in somebody else's hands, is looked at
-- again after this.
local BUSY_MS = 500
-- The same for a user whom somebody pushes to.
local LEASED_MS = 5000

local function head(key)
	local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
	return first[2] and tonumber(first[2]) or math.huge
end

-- When the next end and the next task are due.
local function heads()
	return math.min(head(due), head(claimed)), math.min(head(tasks), head(taken))
end

local function result(end_ms, task_ms, gone, rows)
	local more = ends_max > 0 and end_ms <= now or tasks_max > 0 and task_ms <= now
	local next_ms = math.min(end_ms, task_ms)
	local answer = {next_ms < math.huge and math.ceil(next_ms) or 0, more and 1 or 0, again, #gone}
	for _, entry in ipairs(gone) do
		answer[#answer + 1] = entry
	end
	for _, value in ipairs(rows) do
		answer[#answer + 1] = value
	end
	return answer
end

local end_ms, task_ms = heads()
if end_ms > now and task_ms > now then
	return result(end_ms, task_ms, {}, {})
end
-- A write that needs no memory: after it Redis lets the others of this script
-- pass even when it is full, so that a full server can be emptied.
call('ZREM', claimed, '')
local counting = call('EXISTS', tries) == 1
local gone, rows, bytes, full = {}, {}, 0, false

local function fits(text)
	bytes = bytes + #text
	full = #rows > 0 and bytes > room
	return not full
end

local function add(entry, score, text)
	local n = #rows
	rows[n + 1], rows[n + 2], rows[n + 4] = entry, score, text
	rows[n + 3] = counting and call('HGET', tries, entry) or '0'
end

local function leave(id, aor)
	if call('ZREM', prefix .. 'u:' .. aor, id) == 1 then
		call('ZREM', prefix .. 'o:' .. aor, id)
	else
		call('ZREM', prefix .. 'p:' .. aor, id)
	end
	call('HDEL', prefix .. 'f:' .. aor, id)
end

local function vanish(id, aor)
	local x, d, s = 'x:' .. id .. ':' .. aor, 'd:' .. id .. ':' .. aor, 's:' .. id .. ':' .. aor
	gone[#gone + 1] = x
	leave(id, aor)
	call('ZREM', due, x, d)
	call('ZREM', claimed, x, d)
	call('ZREM', tasks, s)
	call('ZREM', taken, s)
	call('HDEL', tries, x, d, s)
	call('HINCRBY', sums, 'vanished', 1)
end

-- Handed out for pushing, or being stored.
local function busy(id, aor)
	local storing = call('ZSCORE', taken, 's:' .. id .. ':' .. aor)
	return storing and tonumber(storing) > now
		or call('SISMEMBER', prefix .. 'i:' .. aor, id) == 1
end

local function claim_end(entry, score, from)
	local id, aor = string.match(entry, '^[xd]:([^:]*):(.*)$')
	if not id then
		call('ZREM', from, entry)
		return
	end
	if from == due and busy(id, aor) then
		-- the fraction says that its time had come: it is not handed out again
		call('ZADD', due, string.format('%.1f', now + BUSY_MS - 0.5), entry)
		return
	end
	local text = call('GET', prefix .. 'm:' .. id)
	if not text then
		vanish(id, aor)
	elseif fits(text) then
		call('ZREM', due, entry)
		call('ZADD', claimed, again, entry)
		if from == due then
			local s = 's:' .. id .. ':' .. aor
			leave(id, aor)
			call('ZREM', tasks, s)
			call('ZREM', taken, s)
			call('HDEL', tries, s)
		end
		add(entry, score, text)
	end
end

local function take(entry, score, text)
	call('ZREM', tasks, entry)
	call('ZADD', taken, again, entry)
	add(entry, score, text)
end

local function claim_store(entry, score, from)
	local id, aor = string.match(entry, '^s:([^:]*):(.*)$')
	if not id or not call('ZSCORE', prefix .. 'p:' .. aor, id) then
		call('ZREM', from, entry) -- it has ended, or its user wants it otherwise
		call('HDEL', tries, entry)
	elseif from == tasks and call('SISMEMBER', prefix .. 'i:' .. aor, id) == 1 then
		call('ZADD', tasks, now + BUSY_MS, entry)
	else
		local text = call('GET', prefix .. 'm:' .. id)
		if not text then
			vanish(id, aor)
		elseif fits(text) then
			take(entry, score, text)
		end
	end
end

-- Something is to go to the interworking function, which needs no client; looks
-- at the first orders only.
local function interworks(aor)
	for _, id in ipairs(call('ZRANGE', prefix .. 'o:' .. aor, 0, 99)) do
		local value = call('HGET', prefix .. 'f:' .. aor, id)
		if value and string.find(value, ' interwork', 1, true) then
			return true
		end
	end
	return false
end

-- A user who has something waiting, and nobody who pushes it.
local function claim_push(entry, score, from)
	local aor = string.sub(entry, 3)
	if call('EXISTS', prefix .. 'u:' .. aor) == 0 then
		call('ZREM', from, entry)
		call('HDEL', tries, entry)
	elseif call('EXISTS', prefix .. 'l:' .. aor) == 1 then
		call('ZREM', from, entry)
		call('ZADD', tasks, now + LEASED_MS, entry)
	elseif from == tasks and call('ZSCORE', taken, entry) then
		call('ZADD', tasks, now + BUSY_MS, entry)
	else
		take(entry, score, interworks(aor) and 'interwork' or '')
	end
end

local function claim_task(entry, score, from)
	local kind = string.sub(entry, 1, 2)
	if kind == 'p:' then
		claim_push(entry, score, from)
	elseif kind == 'n:' then
		if from == tasks and call('ZSCORE', taken, entry) then
			call('ZADD', tasks, now + BUSY_MS, entry) -- its user is being told
		else
			take(entry, score, '')
		end
	elseif kind == 'r:' then
		local text = call('GET', prefix .. entry)
		if not text then
			call('ZREM', from, entry)
			call('HDEL', tries, entry)
			call('HINCRBY', sums, 'reports_ended', 1)
		elseif fits(text) then
			take(entry, score, text)
		end
	else
		claim_store(entry, score, from)
	end
end

local function claim(lapsed, fresh, most, one)
	for _, from in ipairs({lapsed, fresh}) do
		local left = most - #rows / 4
		if left > 0 and not full then
			local found = call('ZRANGEBYSCORE', from, '-inf', now, 'WITHSCORES', 'LIMIT', 0, left)
			for i = 1, #found, 2 do
				one(found[i], found[i + 1], from)
				if full then
					return
				end
			end
		end
	end
end

if end_ms <= now then
	claim(claimed, due, ends_max, claim_end)
end
if task_ms <= now and not full then
	claim(taken, tasks, tasks_max + #rows / 4, claim_task)
end
end_ms, task_ms = heads()
return result(end_ms, task_ms, gone, rows)
