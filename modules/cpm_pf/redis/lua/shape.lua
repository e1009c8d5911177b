-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Counts a piece of a shard's waiting messages by domain and age.
--   KEYS  shard's due entries
--   ARGV  key prefix of the shard, now, first rank, how many, then the upper
--         ends of all ages but the last, in ms
-- Answers {number of all, number looked at, then domain and a count for each age}.
local call = redis.call
local prefix, now, from, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ages = #ARGV - 4 + 1
local domains, names = {}, {}
-- In it is when a message arrived.
local RECORD_HEAD = 4095

local function counts_of(domain)
	local counts = domains[domain]
	if not counts then
		counts = {}
		for i = 1, ages do
			counts[i] = 0
		end
		domains[domain] = counts
		names[#names + 1] = domain
	end
	return counts
end

local function age_index(age)
	for i = 1, ages - 1 do
		if age < tonumber(ARGV[4 + i]) then
			return i
		end
	end
	return ages
end

local entries = most > 0 and call('ZRANGE', KEYS[1], from, from + most - 1) or {}
for _, entry in ipairs(entries) do
	local id, aor = string.match(entry, '^[xd]:([^:]*):(.*)$')
	if id then
		local head = call('GETRANGE', prefix .. 'm:' .. id, 0, RECORD_HEAD)
		local arrived = string.match(head, '\narrived%-ms: (%d+)\n')
		local age = arrived and now - tonumber(arrived) or 0
		local counts = counts_of(string.match(aor, '@([^@]*)$') or 'tel')
		local i = age_index(age)
		counts[i] = counts[i] + 1
	end
end
local answer = {call('ZCARD', KEYS[1]), #entries}
for _, name in ipairs(names) do
	answer[#answer + 1] = name
	for _, count in ipairs(domains[name]) do
		answer[#answer + 1] = count
	end
end
return answer
