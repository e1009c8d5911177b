-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- What the user or an operator wants done with messages that are kept: deliver,
-- interwork, store, delete, hold, release, expire, requeue.
--   KEYS  user's waiting ids, parked ids, retries, ordered ids, shard's due
--         entries, tasks, taken tasks, user's quarantined ids, shard's
--         quarantined entries, sums, tries
--   ARGV  message key prefix, aor, now, when a task to store is due or 0,
--         ttl grace ms, when somebody else is to push what can be pushed now, then
--         'user' or 'operator' and pairs of verb and id, or
--         a verb for all, the places to go through (letters of upq), after
--         which order in the first of them, how many at most
-- Answers {number of messages before, for each pair -1 unknown, 0 unchanged or
--          1 changed}, or {that number, changed, places left, after}.
-- A retry is "<not before> <attempts> <status>" and then words: held, and one of
-- pull, store, delete (the message is parked), deliver, interwork (it waits).
local call = redis.call
local waiting, parked, retry, orders, due = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local tasks, taken, quarantined, quarantine, sums = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local tries = KEYS[11]
local pushable = false
local prefix, aor, now, store_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local is_parked = {pull = true, store = true, delete = true}
local is_order = {deliver = true, interwork = true}
-- A write that needs no memory: after it Redis lets the others of this script
-- pass even when it is full.
call('ZREM', orders, '')

local function entry(kind, id)
	return kind .. ':' .. id .. ':' .. aor
end

local function state_of(id)
	local m = {before = '0', attempts = '0', status = '0', word = ''}
	local value = call('HGET', retry, id)
	if value then
		local words
		m.before, m.attempts, m.status, words = string.match(value, '^(%d+) (%d+) (%d+)(.*)$')
		for word in string.gmatch(words, '%a+') do
			if word == 'held' then
				m.held = true
			else
				m.word = word
			end
		end
	end
	return m
end

local function keep(id, m, order, from)
	local value = m.before .. ' ' .. m.attempts .. ' ' .. m.status .. (m.held and ' held' or '')
		.. (m.word ~= '' and ' ' .. m.word or '')
	if value == '0 0 0' then
		call('HDEL', retry, id)
	else
		call('HSET', retry, id, value)
	end
	local to = (m.held or is_parked[m.word]) and parked or waiting
	if to ~= from then
		call('ZREM', from, id)
		call('ZADD', to, order, id)
	end
	pushable = pushable or to == waiting
	if to == waiting and is_order[m.word] then
		call('ZADD', orders, order, id)
	else
		call('ZREM', orders, id)
	end
end

-- A message that is being stored is in other hands.
local function storing(id)
	local claim = call('ZSCORE', taken, entry('s', id))
	return claim and tonumber(claim) > now
end

-- Also when somebody took it and never came back: he must find it gone.
local function drop_task(id)
	call('ZREM', tasks, entry('s', id))
	call('ZREM', taken, entry('s', id))
	call('HDEL', tries, entry('s', id))
end

local verbs = {}

local function order_as(word)
	return function(id, m)
		if m.word == word and m.before == '0' or storing(id) then
			return false
		end
		if m.word == 'store' then
			drop_task(id)
		end
		m.word, m.before = word, '0'
		return true
	end
end
verbs.deliver = order_as('deliver')
verbs.interwork = order_as('interwork')

function verbs.store(id, m)
	if m.word == 'store' then
		return false
	end
	m.word = 'store'
	if store_ms ~= '0' then
		call('ZADD', tasks, store_ms, entry('s', id))
	end
	return true
end

function verbs.delete(id, m)
	m.word, m.held = 'delete', nil
	call('ZREM', due, entry('x', id))
	call('ZADD', due, now, entry('d', id))
	if not storing(id) then
		drop_task(id)
	end
	return true
end

function verbs.hold(_, m)
	local changed = not m.held
	m.held = true
	return changed
end

function verbs.release(_, m)
	local changed = m.held
	m.held = nil
	return changed
end

function verbs.expire(id)
	local expires = call('ZSCORE', due, entry('x', id))
	if expires and tonumber(expires) > now then
		call('ZADD', due, now, entry('x', id))
		return true
	end
	return false
end

function verbs.requeue(_, m)
	local changed = m.before ~= '0'
	m.before = '0'
	return changed
end

local function from_quarantine(verb, id, order)
	if verb ~= 'delete' and verb ~= 'requeue' then
		return 0
	end
	call('ZREM', quarantined, id)
	call('ZREM', quarantine, entry('x', id))
	local text = call('GETRANGE', prefix .. id, 0, 65535)
	if text == '' then
		call('HINCRBY', sums, 'vanished', 1)
		return 1
	end
	local m = {before = '0', attempts = '0', status = '0', word = ''}
	if verb == 'delete' then
		verbs.delete(id, m)
		keep(id, m, order, quarantined)
		return 1
	end
	local expires = tonumber(string.match(text, '\nexpires%-ms: (%d+)\n')) or now + tonumber(ARGV[5])
	call('ZADD', due, expires, entry('x', id))
	local ttl = string.format('%.0f', math.max(expires - now, 0) + tonumber(ARGV[5]))
	call('PEXPIRE', prefix .. id, ttl)
	call('PEXPIRE', string.sub(prefix, 1, -3) .. 'b:' .. id, ttl)
	keep(id, m, order, quarantined)
	return 1
end

local function act(verb, id)
	local from, order = waiting, call('ZSCORE', waiting, id)
	if not order then
		from, order = parked, call('ZSCORE', parked, id)
	end
	if not order then
		-- a user is not shown what nobody can read
		order = ARGV[7] ~= 'user' and call('ZSCORE', quarantined, id)
		return order and from_quarantine(verb, id, order) or -1
	end
	local m = state_of(id)
	if m.word == 'delete' or not verbs[verb](id, m) then
		return 0
	end
	if verb ~= 'expire' then
		keep(id, m, order, from)
	end
	return 1
end

-- Whoever ordered this pushes it at once; when he dies, another does.
local function wake()
	if pushable then
		call('ZADD', tasks, 'LT', ARGV[6], 'p:' .. aor)
	end
end

local before = call('ZCARD', waiting) + call('ZCARD', parked)
if ARGV[7] == 'user' or ARGV[7] == 'operator' then
	local answer = {before}
	for i = 8, #ARGV, 2 do
		answer[#answer + 1] = act(ARGV[i], ARGV[i + 1])
	end
	wake()
	return answer
end

local verb, places, after, most = ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10])
local place = ({u = waiting, p = parked, q = quarantined})[string.sub(places, 1, 1)]
local found = call('ZRANGEBYSCORE', place, '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
local changed, last = 0, found[#found]
local function act_all(ids, step)
	for i = 1, #ids, step do
		if act(verb, ids[i]) == 1 then
			changed = changed + 1
		end
	end
end
if #found < 2 * most then
	act_all(found, 2)
	wake()
	return {before, changed, string.sub(places, 2), '-1'}
end
-- The next step starts behind the last order: all of that order belong to this one.
local ties = call('ZRANGEBYSCORE', place, last, last)
act_all(found, 2)
act_all(ties, 1)
wake()
return {before, changed, places, last}
