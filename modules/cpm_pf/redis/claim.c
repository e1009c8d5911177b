/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Claims, and what settles them.
 */
#include "claim.h"

#include <stdlib.h>

#include "../core/queue/key.h"

/* The longest entry: letter, id, AoR and colons. */
#define ENTRY_MAX (CALL_AOR_MAX + CALL_ID_MAX + 3)

static size_t at_most(size_t value, size_t max)
{
	return value < max ? value : max;
}

struct command *claim_call(const struct store_config *config, const char *sha, unsigned shard,
		int64_t now_ms, size_t ends, size_t tasks, size_t max_bytes)
{
	struct command *c;

	if(shard >= config->shards || (ends == 0 && tasks == 0))
		return NULL;
	c = call_new(COMMAND_CLAIM, sha, shard, 6, 6, 16 * CALL_SMALL);
	if(!c)
		return NULL;
	for(const char *const *kind = (const char *const[]){"due", "claimed", "tasks", "taken", "sums",
				"tries", "", NULL};
			*kind; kind++)
		call_key(c, config, *kind, CPM_SLICE_NONE);
	call_number(c, now_ms);
	command_arg_i64(c, (int64_t)at_most(ends, CALL_LIST_MAX));
	command_arg_i64(c, (int64_t)at_most(tasks, CALL_LIST_MAX));
	command_arg_i64(c, (int64_t)at_most(max_bytes, (size_t)CALL_NUMBER_MAX));
	command_arg_i64(c, call_claim_ms(config));
	return call_finished(c);
}

static bool report_ok(const struct store_config *config, const struct store_report *r)
{
	return call_id_ok(r->id) && r->record.n <= config->limits->max_record_bytes
		   && r->body.n <= config->limits->max_message_bytes;
}

static bool settle_ok(const struct store_config *config, const struct store_settle *s)
{
	return s->shard < config->shards && s->entry.n > 2 && s->entry.n <= ENTRY_MAX
		   && s->entry.p[1] == ':' && s->outcome < STORE_OUTCOMES
		   && (s->report.id.n == 0 || report_ok(config, &s->report));
}

static struct cpm_slice outcome_word(const struct store_settle *s)
{
	if(s->quarantine)
		return CPM_SLICE("quarantine");
	return s->keep ? CPM_SLICE("keep") : cpm_slice_of(store_outcome_name(s->outcome));
}

struct command *claim_settle(
		const struct store_config *config, const char *sha, const struct store_settle *settle)
{
	const struct store_report *r = &settle->report;
	bool report = r->id.n > 0;
	struct command *c;

	if(!settle_ok(config, settle))
		return NULL;
	c = call_new(COMMAND_SETTLE, sha, settle->shard, 7,
			settle->keep ? 7
			: report     ? 10
						 : 6,
			settle->entry.n + r->record.n + r->body.n + 20 * CALL_SMALL);
	if(!c)
		return NULL;
	for(const char *const *kind = (const char *const[]){"due", "claimed", "tasks", "taken", "sums",
				"tries", "quarantine", "", NULL};
			*kind; kind++)
		call_key(c, config, *kind, CPM_SLICE_NONE);
	command_arg(c, settle->entry);
	call_number(c, settle->token);
	call_number(c, settle->now_ms);
	call_number(c, settle->again_ms);
	command_arg(c, outcome_word(settle));
	if(settle->keep)
		call_number(c, settle->store_ms);
	else if(report) {
		command_arg(c, r->id);
		call_number(c, r->due_ms);
		command_arg_i64(c, call_ttl(config, settle->now_ms, r->expires_ms));
		call_text(c, r->record, r->body);
	}
	return call_finished(c);
}

struct command *claim_report(const struct store_config *config, const char *sha,
		struct cpm_slice aor, int64_t now_ms, const struct store_report *report)
{
	struct command *c;

	if(!call_aor_ok(aor) || !report_ok(config, report))
		return NULL;
	c = call_new(COMMAND_REPORT, sha, cpm_key_shard(aor, config->shards), 4, 5,
			2 * CALL_ID_MAX + report->record.n + report->body.n + 12 * CALL_SMALL);
	if(!c)
		return NULL;
	call_key(c, config, "r", report->id);
	call_key(c, config, "tasks", CPM_SLICE_NONE);
	call_key(c, config, "sums", CPM_SLICE_NONE);
	call_mark(c, config, "d", CPM_SLICE("report"), report->id);
	command_arg3(c, CPM_SLICE("r:"), report->id, CPM_SLICE_NONE);
	call_number(c, report->due_ms);
	command_arg_i64(c, call_ttl(config, now_ms, report->expires_ms));
	call_text(c, report->record, report->body);
	command_arg_i64(c, CALL_REPEAT_MS);
	return call_finished(c);
}

static struct command *user_task(const struct store_config *config, const char *letter,
		struct cpm_slice aor, const char *flag, const char *flag_too, int64_t at_ms)
{
	struct command *c;

	if(!call_aor_ok(aor))
		return NULL;
	c = command_new(
			COMMAND_NOTIFY, 4u + (flag != NULL) + (flag_too != NULL), aor.n + 4 * CALL_SMALL);
	if(!c)
		return NULL;
	c->shard = cpm_key_shard(aor, config->shards);
	command_arg(c, CPM_SLICE("ZADD"));
	call_key(c, config, "tasks", CPM_SLICE_NONE);
	if(flag)
		command_arg(c, cpm_slice_of(flag));
	if(flag_too)
		command_arg(c, cpm_slice_of(flag_too));
	call_number(c, at_ms);
	command_arg3(c, cpm_slice_of(letter), aor, CPM_SLICE_NONE);
	return call_finished(c);
}

struct command *claim_notify(
		const struct store_config *config, struct cpm_slice aor, int64_t at_ms, bool there)
{
	return user_task(config, "n:", aor, "LT", there ? "XX" : NULL, at_ms);
}

struct command *claim_push(const struct store_config *config, struct cpm_slice aor, int64_t at_ms)
{
	return user_task(config, "p:", aor, NULL, NULL, at_ms);
}

struct store_claim {
	redisReply *reply;
	struct store_due due[];
};

void store_claim_free(struct store_claim **claim)
{
	if(*claim) {
		freeReplyObject((*claim)->reply);
		free(*claim);
		*claim = NULL;
	}
}

static bool kind_of(char letter, enum store_due_kind *kind)
{
	static const struct {
		char letter;
		enum store_due_kind kind;
	} kinds[] = {{'x', STORE_DUE_EXPIRED}, {'d', STORE_DUE_DELETED}, {'r', STORE_DUE_REPORT},
			{'n', STORE_DUE_NOTIFY}, {'s', STORE_DUE_STORE}, {'p', STORE_DUE_PUSH}};

	for(size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if(kinds[i].letter == letter) {
			*kind = kinds[i].kind;
			return true;
		}
	}
	return false;
}

static bool due_read(redisReply *const *row, int64_t token, struct store_due *due)
{
	struct cpm_slice entry = call_slice_of(row[0]), rest;

	*due = (struct store_due){.entry = entry,
			.token = token,
			.due_ms = call_number_of(row[1]),
			.attempts = call_number_of(row[2])};
	if(entry.n < 3 || entry.p[1] != ':' || !kind_of(entry.p[0], &due->kind))
		return false;
	rest = cpm_slice_from(entry, 2);
	if(due->kind == STORE_DUE_NOTIFY || due->kind == STORE_DUE_PUSH) {
		due->aor = rest;
		due->body = call_slice_of(row[3]);
		return true;
	}
	if(due->kind == STORE_DUE_REPORT) {
		due->id = rest;
	} else {
		size_t colon = cpm_slice_find(rest, ':');
		due->id = cpm_slice_head(rest, colon);
		due->aor = cpm_slice_from(rest, colon + 1);
	}
	call_text_split(call_slice_of(row[3]), &due->record, &due->body);
	return due->id.n > 0;
}

#define CLAIM_HEAD 4
#define CLAIM_ROW 4

bool claim_answer_read(redisReply *reply, struct claim_answer *answer)
{
	struct store_claim *claim;
	size_t from, rows;

	*answer = (struct claim_answer){.count = 0};
	if(!call_rows_ok(reply, CLAIM_HEAD, 1) || reply->element[3]->integer < 0
			|| (size_t)reply->element[3]->integer > reply->elements - CLAIM_HEAD)
		return false;
	answer->next_ms = reply->element[0]->integer;
	answer->more = reply->element[1]->integer == 1;
	answer->gone_count = (size_t)reply->element[3]->integer;
	answer->gone = (const redisReply *const *)(reply->element + CLAIM_HEAD);
	from = CLAIM_HEAD + answer->gone_count;
	if((reply->elements - from) % CLAIM_ROW)
		return false;
	rows = (reply->elements - from) / CLAIM_ROW;
	if(rows == 0)
		return true;
	claim = malloc(sizeof(*claim) + rows * sizeof(struct store_due));
	if(!claim)
		return false;
	for(size_t i = 0; i < rows; i++) {
		if(due_read(reply->element + from + i * CLAIM_ROW, reply->element[2]->integer,
				   &claim->due[answer->count]))
			answer->count++;
	}
	if(answer->count == 0) {
		free(claim);
		return true;
	}
	claim->reply = reply;
	answer->claim = claim;
	answer->due = claim->due;
	return true;
}
