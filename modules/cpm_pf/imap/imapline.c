/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Calls in line, and the breaker.
 */
#include "imapline.h"

#include <stdio.h>
#include <stdlib.h>

/* Refused logins and calls without an answer, one after the other, that open the breaker. */
#define STRIKES_MAX 3

static void say(const struct imap *im, enum imap_log_level level, const char *what,
		const char *reason, struct cpm_slice detail)
{
	char text[512], safe[256];
	size_t n = 0;

	for(size_t i = 0; i < detail.n && n < sizeof(safe) - 1; i++)
		safe[n++] =
				detail.p[i] >= ' ' && detail.p[i] < 0x7f && detail.p[i] != '"' ? detail.p[i] : '?';
	safe[n] = '\0';
	snprintf(text, sizeof(text), "message store: %s reason=%s%s%s%s", what, reason,
			n ? " said=\"" : "", safe, n ? "\"" : "");
	if(im->config->log)
		im->config->log(im->config->context, level, text);
}

void imapline_add(struct imap *im, struct imapcall *call, bool front)
{
	if(front) {
		call->next = im->first;
		if(!im->first)
			im->last = &call->next;
		im->first = call;
		return;
	}
	call->next = NULL;
	*im->last = call;
	im->last = &call->next;
}

/* Takes the call behind *at out of the line. */
struct imapcall *imapline_take(struct imap *im, struct imapcall **at)
{
	struct imapcall *call = *at;

	*at = call->next;
	if(im->last == &call->next)
		im->last = at;
	call->next = NULL;
	return call;
}

void imapline_due(struct imap *im, int64_t at_ms)
{
	if(at_ms < im->due_ms)
		im->due_ms = at_ms;
}

void imapline_end(struct imap *im, struct imapcall *call)
{
	im->pending--;
	call->cb(call->context, &call->result);
	free(call);
}

void imapline_fail(struct imap *im, struct imapcall *call, enum imap_rc rc, const char *reason,
		struct cpm_slice detail)
{
	imapcall_fail(call, rc, reason, detail);
	imapline_end(im, call);
}

/* Ends all in line, or those of one user. */
void imapline_fail_all(
		struct imap *im, const char *user, const char *reason, struct cpm_slice detail)
{
	struct imapcall **at = &im->first, *failed = NULL, *call;

	while(*at) {
		if(user && !cpm_slice_eq((*at)->user, cpm_slice_of(user))) {
			at = &(*at)->next;
			continue;
		}
		call = imapline_take(im, at);
		call->next = failed;
		failed = call;
	}
	/* A callback may submit more, which must not fail as well. */
	while((call = failed)) {
		failed = call->next;
		imapline_fail(im, call, IMAP_DOWN, reason, detail);
	}
}

void imapline_away(struct imap *im, const char *reason, struct cpm_slice detail, int64_t now_ms)
{
	const struct imap_config *c = im->config;

	im->backoff_ms = im->backoff_ms ? im->backoff_ms * 2 : c->retry_min_ms;
	if(im->backoff_ms > c->retry_max_ms)
		im->backoff_ms = c->retry_max_ms;
	im->closed_until_ms = now_ms + im->backoff_ms;
	if(im->available) {
		im->available = false;
		say(im, IMAP_LOG_WARNING, "away", reason, detail);
		if(c->state)
			c->state(c->context, false, reason);
	}
	imapline_fail_all(im, NULL, reason, detail);
}

void imapline_strike(struct imap *im, const char *reason, struct cpm_slice detail, int64_t now_ms)
{
	if(++im->strikes >= STRIKES_MAX)
		imapline_away(im, reason, detail, now_ms);
}

void imapline_there(struct imap *im)
{
	im->strikes = 0;
	im->backoff_ms = 0;
	im->closed_until_ms = 0;
	if(im->available)
		return;
	im->available = true;
	say(im, IMAP_LOG_NOTICE, "there", "connected", CPM_SLICE_NONE);
	if(im->config->state)
		im->config->state(im->config->context, true, "connected");
}
