-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- A page of a user's messages in order of arrival, without bodies. Costs what
-- the page costs, however many there are.
--   KEYS  user's waiting, parked and quarantined ids, retries, lease, due entries
--   ARGV  message key prefix, aor, now, offset, count, one id or ''
-- Answers {total, 1 when leased, then id, state, order, expires, not before,
--          attempts, status, bytes of record and body, record with its length}.
local call = redis.call
local prefix, aor, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local offset, count, only = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local WAITING, PARKED, QUARANTINED = 1, 2, 3

local page = {}
local function add(place, found)
	for i = 1, #found, 2 do
		page[#page + 1] = {id = found[i], order = found[i + 1], place = place}
	end
end

-- How many arrived up to a time ("(" before it: before).
local function arrived(places, limit)
	local n = 0
	for _, place in ipairs(places) do
		n = n + call('ZCOUNT', KEYS[place], '-inf', limit)
	end
	return n
end

local function text_of(number)
	return string.format('%.0f', number)
end

-- The earliest order up to which more than offset messages arrived.
local function order_at(places)
	local low, high = math.huge, 0
	for _, place in ipairs(places) do
		low = math.min(low, tonumber(call('ZRANGE', KEYS[place], 0, 0, 'WITHSCORES')[2]))
		high = math.max(high, tonumber(call('ZRANGE', KEYS[place], -1, -1, 'WITHSCORES')[2]))
	end
	while low < high do
		local middle = math.floor((low + high) / 2)
		if arrived(places, text_of(middle)) > offset then
			high = middle
		else
			low = middle + 1
		end
	end
	return text_of(low)
end

local function read_page()
	local total, places = 0, {}
	for place = WAITING, QUARANTINED do
		local n = call('ZCARD', KEYS[place])
		total = total + n
		if n > 0 then
			places[#places + 1] = place
		end
	end
	if offset >= total or count == 0 then
		return total
	end
	if #places == 1 then
		add(places[1], call('ZRANGE', KEYS[places[1]], offset, offset + count - 1, 'WITHSCORES'))
		return total
	end
	local from = order_at(places)
	local skip = offset - arrived(places, '(' .. from)
	for _, place in ipairs(places) do
		add(place, call('ZRANGEBYSCORE', KEYS[place], from, '+inf', 'WITHSCORES',
			'LIMIT', 0, skip + count))
	end
	table.sort(page, function(a, b)
		local x, y = tonumber(a.order), tonumber(b.order)
		return x < y or (x == y and a.id < b.id)
	end)
	local all = page
	page = {}
	for i = skip + 1, math.min(skip + count, #all) do
		page[#page + 1] = all[i]
	end
	return total
end

local function read_one()
	for place = WAITING, QUARANTINED do
		local order = call('ZSCORE', KEYS[place], only)
		if order then
			add(place, {only, order})
			return 1
		end
	end
	if call('EXISTS', prefix .. only) == 1 then
		page[1] = {id = only, order = '0', state = 'ending'}
		return 1
	end
	return 0
end

-- The stored text starts with "<length of the record>\n".
local function record_of(key)
	local head = call('GETRANGE', key, 0, 20)
	local digits = string.match(head, '^(%d+)\n')
	return digits and call('GETRANGE', key, 0, #digits + tonumber(digits)) or ''
end

local function state_of(m, before, words)
	if m.state then
		return m.state
	end
	if m.place == QUARANTINED then
		return 'quarantined'
	end
	if string.find(words, 'held', 1, true) then
		return 'held'
	end
	local word = string.match(words, '%a+')
	if word then
		return word
	end
	if m.place == PARKED then
		return 'pull'
	end
	return tonumber(before) > now and 'retry' or 'waiting'
end

local total = only == '' and read_page() or only ~= '' and read_one()
local answer = {total, call('EXISTS', KEYS[5])}
local retries = call('EXISTS', KEYS[4]) == 1
for _, m in ipairs(page) do
	local key = prefix .. m.id
	local before, attempts, status, words = '0', '0', '0', ''
	local value = retries and call('HGET', KEYS[4], m.id)
	if value then
		before, attempts, status, words = string.match(value, '^(%d+) (%d+) (%d+)(.*)$')
	end
	local expires = call('ZSCORE', KEYS[6], 'x:' .. m.id .. ':' .. aor) or '0'
	for _, v in ipairs({m.id, state_of(m, before, words), m.order, expires, before, attempts,
		status, tostring(call('STRLEN', key)), record_of(key)}) do
		answer[#answer + 1] = v
	end
end
return answer
