/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the functions for users' orders and questions share.
 */
#include "command.h"

#include "../../core/forward.h"
#include "../../core/mem/shm.h"
#include "../../core/parser/parse_uri.h"
#include "../media/media.h"
#include "post.h"
#include "settings.h"
#include "statistics.h"

struct dialog_job {
	struct command_job command;
	dialog_id id;
};

static bool domain_is_ours(struct cpm_slice domain)
{
	str host = str_of_slice(domain);

	return check_self(&host, 0, 0) == 1;
}

bool command_user(struct context *c, struct cpm_slice *aor)
{
	const struct cpm_uri_key *number = NULL;
	bool foreign = false;
	size_t i;

	for(i = 0; i < c->facts.originator_count; i++) {
		const struct cpm_uri_key *who = &c->facts.originators[i];
		if(!who->domain.n)
			number = who;
		else if(domain_is_ours(who->domain)) {
			*aor = who->key;
			return true;
		} else
			foreign = true;
	}
	if(number && !foreign) {
		*aor = number->key;
		return true;
	}
	c->reason = "unauthorised";
	return false;
}

static bool is_server(struct cpm_slice uri)
{
	struct sip_uri parts;
	str text = str_of_slice(uri);

	return parse_uri(text.s, text.len, &parts) == 0 && parts.user.len == 0
		   && check_self(&parts.host, 0, 0) == 1;
}

bool command_addressed(struct context *c, struct cpm_slice uri)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	size_t i;

	if(cpm_uri_canon(uri, memory, sizeof(memory), &key) == CPM_OK) {
		for(i = 0; i < c->facts.originator_count; i++) {
			if(cpm_slice_eq(key.key, c->facts.originators[i].key))
				return true;
		}
	}
	if(is_server(uri))
		return true;
	c->reason = "unauthorised";
	return false;
}

const char *command_printable(struct command_printable *p, struct cpm_slice foreign)
{
	size_t i, n = foreign.n < COMMAND_PRINTABLE_MAX ? foreign.n : COMMAND_PRINTABLE_MAX;

	for(i = 0; i < n; i++)
		p->text[i] = foreign.p[i] > ' ' && foreign.p[i] < 0x7f && foreign.p[i] != '"' ? foreign.p[i]
																					  : '?';
	p->text[n] = '\0';
	return p->text;
}

void command_refuse(const struct command_request *request, const char *reason)
{
	context_resume(reason, NULL);
	if(!transaction_continue(&request->transaction, &request->route))
		count(unparked);
	context_resume(NULL, NULL);
}

static void dialog_job_run(struct command_job *job, struct store *store, int64_t now)
{
	dialog_work(((struct dialog_job *)job)->id);
	shm_free(job);
}

bool command_post_dialog(int owner, dialog_id id)
{
	struct dialog_job *job = shm_malloc(sizeof(*job));

	if(!job)
		return false;
	*job = (struct dialog_job){.command = {{JOB_COMMAND}, dialog_job_run}, .id = id};
	if(post_to(POST_QUEUE, owner, job) || post_to(POST_MEDIA, owner - settings.queue_workers, job))
		return true;
	shm_free(job);
	return false;
}

struct cpm_slice command_own_uri(void)
{
	return cpm_slice_of(settings.pf_uri);
}

char *command_put(char *at, struct cpm_slice *to, struct cpm_slice from)
{
	*to = (struct cpm_slice){at, from.n};
	if(from.n)
		memcpy(at, from.p, from.n);
	return at + from.n;
}
