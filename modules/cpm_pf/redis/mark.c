/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * mark.lua as a call, and its answer.
 */
#include "mark.h"

#include "../core/queue/key.h"

struct command *mark_call(
		const struct store_config *config, const char *sha, const struct store_mark *mark)
{
	char since_text[CALL_SMALL];
	struct cpm_buf since;
	struct command *c;

	if(!call_id_ok(mark->id) || !call_aor_ok(mark->aor) || !mark->identity.n)
		return NULL;
	c = call_new(COMMAND_MARK, sha, cpm_key_shard(mark->aor, config->shards), 1, 2,
			CALL_ID_MAX + 4 * CALL_SMALL);
	if(!c)
		return NULL;
	call_mark(c, config, mark->history ? "h" : "d", mark->aor, mark->identity);
	cpm_buf_init_fixed(&since, since_text, sizeof(since_text));
	cpm_buf_add_char(&since, '+');
	cpm_buf_add_u64(&since, (uint64_t)call_clamp(mark->now_ms, 0, CALL_NUMBER_MAX));
	cpm_buf_add_char(&since, ':');
	command_arg3(c, cpm_buf_slice(&since), mark->id, CPM_SLICE_NONE);
	command_arg_i64(c, call_clamp(mark->ttl_ms, CALL_REPEAT_MS, CALL_TTL_MAX_MS));
	return call_finished(c);
}

enum store_rc mark_read(const redisReply *reply, struct cpm_slice *id, int64_t *since_ms)
{
	struct cpm_slice text, since;
	uint64_t ms;

	*since_ms = 0;
	if(reply->type == REDIS_REPLY_NIL)
		return STORE_OK;
	if(reply->type != REDIS_REPLY_STRING || !reply->len)
		return STORE_DOWN;
	text = call_slice_of(reply);
	if(text.p[0] != '+') {
		*id = text;
		return STORE_DUPLICATE;
	}
	text = cpm_slice_from(text, 1);
	if(!cpm_slice_split(&text, ':', &since) || !cpm_slice_u64(since, &ms)
			|| ms > (uint64_t)CALL_NUMBER_MAX || !text.n)
		return STORE_DOWN;
	*id = text;
	*since_ms = (int64_t)ms;
	return STORE_BUSY;
}
