-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Claims messages whose time has come. A claim that is not acknowledged is
-- handed out again, so that a lost answer or a dead node loses no notice.
--   KEYS  shard's due entries, shard's claimed entries, shard's expired entries
--   ARGV  key prefix of the shard, now, limit, grace ms, claim ms,
--         then entries acknowledged
-- Answers {1 when there are more, entries...}.
local call = redis.call
local due, claimed, expired = KEYS[1], KEYS[2], KEYS[3]
local prefix, now, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local grace, again = tonumber(ARGV[4]), now + tonumber(ARGV[5])
local KEPT_MAX = 1000

for i = 6, #ARGV do
	call('ZREM', claimed, ARGV[i])
end
if limit == 0 then
	return {0}
end

local function expire(entry)
	call('ZREM', due, entry)
	call('ZADD', claimed, again, entry)
	call('ZADD', expired, now, entry)
	local id, aor = string.match(entry, '^x:([^:]*):(.*)$')
	if not id then
		return
	end
	local waiting, kept = prefix .. 'u:' .. aor, prefix .. 'e:' .. aor
	local order = call('ZSCORE', waiting, id)
	if order then
		call('ZREM', waiting, id)
		call('HDEL', prefix .. 'f:' .. aor, id)
		call('ZADD', kept, order, id)
		call('ZREMRANGEBYRANK', kept, 0, -KEPT_MAX - 1)
		call('PEXPIRE', kept, grace)
	end
end

call('ZREMRANGEBYSCORE', expired, '-inf', now - grace)
local answer = {0}
for _, entry in ipairs(call('ZRANGEBYSCORE', claimed, '-inf', now, 'LIMIT', 0, limit)) do
	call('ZADD', claimed, again, entry)
	answer[#answer + 1] = entry
end
local rest = limit - (#answer - 1)
if rest > 0 then
	for _, entry in ipairs(call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, rest)) do
		expire(entry)
		answer[#answer + 1] = entry
	end
end
if #answer - 1 == limit then
	answer[1] = 1
end
return answer
