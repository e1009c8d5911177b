-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Proves that every piece of a large message is there, and gives its octets the
-- name under which put.lua takes them over: under that name there never is a
-- message with a hole.
--   KEYS  octets, notes (see piece.lua), the name
--   ARGV  pieces that were written, octets in all, ttl, how many to answer with
-- Answers the first octets, also to a repeat; 0 when some are lost.
local call = redis.call
local total = tonumber(ARGV[2])
if call('STRLEN', KEYS[1]) == total and call('BITCOUNT', KEYS[2]) == tonumber(ARGV[1]) then
	call('RENAME', KEYS[1], KEYS[3])
	call('DEL', KEYS[2])
elseif call('STRLEN', KEYS[3]) ~= total then
	return 0
end
call('PEXPIRE', KEYS[3], ARGV[3])
return call('GETRANGE', KEYS[3], 0, ARGV[4] - 1)
