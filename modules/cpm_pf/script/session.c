/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Script functions for invitations to CPM sessions where this server is a
 * proxy: the norm's 8.3.2.1. tm sends, Kamailio's rr stays on the way.
 */
#include "../../core/dprint.h"
#include "../module/logged.h"
#include "../module/reason.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../sip/branch.h"
#include "../sip/transaction.h"
#include "choice.h"
#include "script.h"

#define HEADERS_MAX 65536

int ki_check_registered(struct sip_msg *msg)
{
	struct context *c = context_of(msg);

	if(!c->user.key.n)
		return -2;
	if(contacts_any(c->user.key))
		return 1;
	c->no_client = true;
	c->reason = "no-client";
	return -1;
}

static int media_refuse(struct context *c, const char *reason, struct cpm_slice why)
{
	c->reason = reason;
	c->why = why;
	return 1;
}

/* Without an offer nothing can be said of the media: that conforms where all of them do. */
static int no_offer(struct context *c, struct cpm_slice allowed)
{
	return cpm_sdpmedia_in(allowed, CPM_SLICE("*"))
				   ? -1
				   : media_refuse(c, "media", CPM_SLICE("no offer to judge by"));
}

/* Whether the user's rules reject this medium beside the messages, of which the verdict for the session speaks. */
static bool user_rejects(struct context *c, struct cpm_slice name)
{
	struct cpm_facts facts = c->facts;
	struct cpm_verdict verdict;

	facts.now_ms = c->now_ms;
	if(!choice_medium(name, &facts.medium) || facts.medium == CPM_MEDIUM_SESSION)
		return false;
	cpm_decide(context_documents(c), &facts, &verdict);
	if(verdict.action != CPM_REJECT)
		return false;
	c->rule = verdict.rule;
	return true;
}

int ki_check_media(struct sip_msg *msg)
{
	struct cpm_slice allowed = cpm_slice_of(settings.session_media);
	struct context *c = context_judged(msg);
	const struct request *r = context_request(msg, c);
	struct cpm_sdpmedia media;
	struct cpm_diag diag = {0};
	enum cpm_rc rc;
	size_t i;

	if(!r)
		return -2;
	rc = choice_read_media(r, &media, &diag);
	if(rc == CPM_NOTFOUND)
		return no_offer(c, allowed);
	if(rc != CPM_OK) {
		count(malformed);
		return media_refuse(
				c, rc == CPM_LIMIT ? "too-large" : "malformed", cpm_slice_of(diag.reason));
	}
	for(i = 0; i < media.count; i++) {
		if(!cpm_sdpmedia_in(allowed, media.names[i]) || user_rejects(c, media.names[i]))
			return media_refuse(c, "media", media.names[i]);
	}
	return -1;
}

/* text: the user, then on a line of its own the Contribution-ID. */
static void session_tell(const struct transaction_end *end, const char *text)
{
	struct cpm_slice rest = cpm_slice_of(text), user = CPM_SLICE_NONE;

	cpm_slice_split(&rest, '\n', &user);
	if(end->code < 300) {
		choice_remember(user, rest, end->instance, end->uri);
		count(sessions_answered);
	} else {
		count(sessions_unanswered);
	}
	LM_INFO("event=session call_id=%.*s user=%.*s status=%d\n", SLICE_FMT(end->call_id),
			USER_FMT(user), end->code);
}

static void session_watch(struct sip_msg *msg, const struct context *c)
{
	char memory[CPM_URI_KEY_MAX + 256];
	struct cpm_buf text;

	cpm_buf_init_fixed(&text, memory, sizeof(memory));
	cpm_buf_add(&text, c->user.key);
	cpm_buf_add_char(&text, '\n');
	/* A longer one is no id, and nobody will extend that session. */
	if(c->request.contribution_id.n <= 255)
		cpm_buf_add(&text, c->request.contribution_id);
	transaction_watch(msg, session_tell, cpm_buf_slice(&text));
}

/* Built once; each branch gets a copy, since of a request that was parked tm keeps no changes for later branches. Belongs to the context
 * with `dressed`, which no other process and no failure route has: what goes to a 302's address or the ISF speaks of no clients. */
static struct cpm_buf header_lines;

static bool headers_build(const struct sip_msg *msg, const struct session_choice *choice)
{
	if(!header_lines.max)
		cpm_buf_init(&header_lines, HEADERS_MAX);
	cpm_buf_reset(&header_lines);
	choice_add_headers(choice, choice_disposition(msg), &header_lines);
	return header_lines.rc == CPM_OK;
}

int ki_dress_session(struct sip_msg *msg)
{
	struct context *c = context_of(msg);

	if(!context_request(msg, c))
		return -2;
	/* RFC 3325: who asked for privacy is named to the ISF and the core, and to no client. */
	if(c->facts.anonymous && !c->to_known)
		branch_remove_headers(msg, HDR_PAI_T);
	if(!c->dressed || !header_lines.n)
		return 1;
	branch_remove_headers(msg, HDR_REQUESTDISPOSITION_T);
	return branch_append_headers(msg, cpm_buf_slice(&header_lines)) ? 1 : -2;
}

static size_t branches_add(struct sip_msg *msg, const struct session_choice *choice)
{
	size_t i, added = 0;

	for(i = 0; i < choice->contacts.count; i++) {
		const struct contact *contact = &choice->contacts.items[i];

		if(choice->expected[i] && branch_add(msg, contact->uri, contact, added == 0))
			added++;
	}
	return added;
}

int ki_select_session(struct sip_msg *msg)
{
	struct context *c = context_judged(msg);
	struct session_choice choice;
	size_t added;

	c->reason = "busy";
	if(!choice_make(msg, c, &choice))
		return -2;
	c->no_client = choice.count == 0;
	if(c->no_client) {
		c->reason = "no-client";
		choice_free(&choice);
		return -1;
	}
	added = headers_build(msg, &choice) ? branches_add(msg, &choice) : 0;
	choice_free(&choice);
	if(!added)
		return -2;
	c->reason = "";
	c->dressed = true;
	c->count = (long)added;
	context_keep(msg, c);
	session_watch(msg, c);
	count(sessions);
	return 1;
}

int ki_follow_redirect(struct sip_msg *msg)
{
	struct context *c = context_of(msg);
	size_t added = branch_add_redirects(msg, cpm_slice_of(settings.core_uri));
	const struct request *r = context_request(msg, c);

	if(!added || !r)
		return -1;
	c->to_known = settings.core_uri[0] != '\0';
	count(redirected);
	LM_INFO("event=redirected call_id=%.*s user=%.*s branches=%zu\n", SLICE_FMT(r->call_id),
			USER_FMT(c->user.key), added);
	return 1;
}

int ki_refuse(struct sip_msg *msg, str *reason)
{
	struct context *c = context_of(msg);
	const struct request *r = context_request(msg, c);
	const char *word = reason_word(slice_of_str(reason));
	int code;

	if(!word || !r) {
		LM_ERR("cpm_refuse: there is no reason \"%.*s\"\n", reason->len, reason->s);
		return -2;
	}
	code = reason_status(word);
	count(refused);
	LM_INFO("event=refused call_id=%.*s user=%.*s reason=%s code=%d rule=\"%.*s\" why=\"%.*s\"\n",
			SLICE_FMT(r->call_id), USER_FMT(c->user.key), word, code, SLICE_FMT(c->rule),
			SLICE_FMT(c->why));
	return transaction_refuse(msg, code, reason_phrase(word), cpm_slice_of(settings_server_line()))
				   ? 1
				   : -2;
}
