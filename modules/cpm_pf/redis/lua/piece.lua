-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- Writes a piece of a large message that comes, and notes that it has: whoever
-- has the note has the octets, as both are one step. A server that lost pieces
-- (a failover to a replica that lagged) lost their notes as well, and seal.lua
-- finds them missing. A repeat changes nothing.
--   KEYS  octets, notes (a bit for each piece)
--   ARGV  number of the piece from 0, offset, octets, ttl; whether the ttl begins
--         anew
-- Answers 1.
local call = redis.call
local first = call('EXISTS', KEYS[1]) == 0
if first then
	call('DEL', KEYS[2])
end
call('SETRANGE', KEYS[1], ARGV[2], ARGV[3])
call('SETBIT', KEYS[2], ARGV[1], 1)
if first or ARGV[5] == '1' then
	call('PEXPIRE', KEYS[1], ARGV[4])
	call('PEXPIRE', KEYS[2], ARGV[4])
end
return 1
