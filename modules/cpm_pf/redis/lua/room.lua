-- SPDX-License-Identifier: GPL-2.0-or-later
-- Copyright (C) 2026 the cpm_pf authors
--
-- How many messages a user has, as put counts them for the quota.
--   KEYS  user's waiting and parked ids
return redis.call('ZCARD', KEYS[1]) + redis.call('ZCARD', KEYS[2])
