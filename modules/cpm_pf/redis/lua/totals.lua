-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Sums of one shard in one step, so that they balance.
--   KEYS  shard's due, claimed and quarantined entries, tasks, taken tasks, sums
--   ARGV  names of sums
-- Answers {due, claimed, quarantined, tasks and taken ones, each sum}.
local call = redis.call
local answer = {call('ZCARD', KEYS[1]), call('ZCARD', KEYS[2]), call('ZCARD', KEYS[3]),
	call('ZCARD', KEYS[4]) + call('ZCARD', KEYS[5])}
for _, value in ipairs(call('HMGET', KEYS[6], unpack(ARGV))) do
	answer[#answer + 1] = tonumber(value or 0)
end
return answer
