-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Keeps a report that is to be sent.
--   KEYS  report, shard's tasks, sums, mark against repeats
--   ARGV  task entry, due, ttl, record and body, ms the mark is kept
-- Answers 1, or 0 when it was there already.
local call = redis.call
if not call('SET', KEYS[4], '', 'NX', 'PX', ARGV[5])
	or not call('SET', KEYS[1], ARGV[4], 'NX', 'PX', ARGV[3]) then
	return 0
end
call('ZADD', KEYS[2], ARGV[2], ARGV[1])
call('HINCRBY', KEYS[3], 'reports', 1)
return 1
