/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Script functions that set where the message goes: to the user's clients, to
 * the interworking function, to another user. tm sends it. The norm's 8.3.1.1
 * steps 4b, 4d and 7.
 */
#include "../../core/dprint.h"
#include "../../core/dset.h"
#include "../core/codec/feature.h"
#include "../core/codec/header.h"
#include "../module/context.h"
#include "../module/logged.h"
#include "../module/post.h"
#include "../module/settings.h"
#include "../module/statistics.h"
#include "../queue/history.h"
#include "../sip/branch.h"
#include "../sip/message.h"
#include "../sip/transaction.h"
#include "script.h"

/* The one line of a message that goes on at once: what its sender hears from whoever it went to. */
static void relayed_tell(const struct transaction_end *end, const char *user)
{
	LM_INFO("event=relayed call_id=%.*s user=%.*s status=%d\n", SLICE_FMT(end->call_id),
			USER_FMT(cpm_slice_of(user)), end->code);
}

/* What every request of 8.3.1.1 step 7 carries: the pager-mode tag and our release. */
static bool dress(struct sip_msg *msg, struct context *c)
{
	static msg_ctx_id_t dressed;
	const struct request *r = context_request(msg, c);
	struct cpm_buf b;
	char text[512 + CPM_FOLDER_MAX];
	size_t i;
	bool tagged = false;

	if(!r)
		return false;
	if(msg_ctx_id_match(msg, &dressed) == 1)
		return true;
	for(i = 0; i < r->accept_contact_count; i++)
		tagged |= cpm_feature_in(r->accept_contact[i], CPM_ICSI_MSG);
	cpm_buf_init_fixed(&b, text, sizeof(text));
	if(!tagged) {
		cpm_buf_add_str(&b, "Accept-Contact: ");
		cpm_feature_add_accept_contact(&b, CPM_ICSI_MSG);
		cpm_buf_add_str(&b, "\r\n");
	}
	cpm_buf_add_str(&b, "User-Agent: ");
	cpm_buf_add_str(&b, settings.release);
	cpm_buf_add_str(&b, "\r\n");
	if(c->recording.uid)
		history_add_header(&b, c->recording.uid, c->recording.uidvalidity,
				(struct cpm_slice){c->recording.folder, c->recording.folder_n});
	if(b.rc != CPM_OK)
		return false;
	branch_remove_headers(msg, HDR_USERAGENT_T);
	/* RFC 3325: who asked for privacy is not named to clients. */
	if(c->facts.anonymous)
		branch_remove_headers(msg, HDR_PAI_T);
	msg_ctx_id_set(msg, &dressed);
	return branch_append_headers(msg, cpm_buf_slice(&b));
}

static bool client_suits(const struct context *c, const struct contact *contact)
{
	return contact_takes_messages(contact)
		   && cpm_decide_client(context_documents(c), contact->instance, CPM_MEDIUM_PAGER);
}

static bool client_add(
		struct sip_msg *msg, struct context *c, const struct contact *contact, bool first)
{
	char text[1024];
	struct cpm_buf b;

	cpm_buf_init_fixed(&b, text, sizeof(text));
	contact_add_request_uri(contact, c->user.key, &b);
	return b.rc == CPM_OK && branch_add(msg, cpm_buf_slice(&b), contact, first);
}

int ki_select_clients(struct sip_msg *msg)
{
	struct context *c = context_of(msg);
	struct contacts contacts;
	size_t i, selected = 0;
	bool failed = false;

	if(!c->user.key.n || !contacts_load(c->user.key, &contacts))
		return -2;
	for(i = 0; i < contacts.count && !failed; i++) {
		if(!client_suits(c, &contacts.items[i]))
			continue;
		failed = !dress(msg, c);
		if(!failed && client_add(msg, c, &contacts.items[i], selected == 0))
			selected++;
	}
	contacts_free(&contacts);
	if(failed)
		return -2;
	c->count = (long)selected;
	c->no_client = selected == 0;
	if(!selected)
		return -1;
	c->undelivered = true;
	context_keep(msg, c);
	transaction_watch(msg, relayed_tell, c->user.key);
	count(relayed);
	return 1;
}

static int isf_missing(void)
{
	if(settings.isf_uri[0])
		return 0;
	LM_ERR("no interworking function is known: set parameter isf_uri\n");
	return -2;
}

/* Straight to the ISF, the Request-URI as it came: alone, or as one more branch when clients were selected. */
int ki_interwork(struct sip_msg *msg)
{
	struct context *c = context_of(msg);
	str isf = {settings.isf_uri, (int)strlen(settings.isf_uri)};
	str uri = str_of_slice(
			c->read ? c->request.original_uri : slice_of_str(&msg->first_line.u.request.uri));

	if(isf_missing())
		return -2;
	if(c->event != CONTEXT_REQUEST) {
		c->taken = c->event == CONTEXT_EVENT_END;
		if(!c->taken)
			LM_ERR("cpm_interwork: of the event routes only cpm_pf:expired can take a message "
				   "over\n");
		return c->taken ? 1 : -2;
	}
	if(c->count > 0) {
		if(append_branch(msg, &uri, &isf, NULL, Q_UNSPECIFIED, 0, NULL, NULL, 0, NULL, NULL) < 0)
			return -2;
	} else {
		clear_branches();
		if(rewrite_uri(msg, &uri) < 0 || set_dst_uri(msg, &isf) < 0)
			return -2;
		reset_path_vector(msg);
		reset_force_socket(msg);
	}
	c->undelivered = c->to_known = true;
	context_keep(msg, c);
	transaction_watch(msg, relayed_tell, c->user.key);
	count(interworked);
	return 1;
}

/* A copy for the ISF beside a message that is deferred: sent as a request of ours, its answer only counted. */
int ki_interwork_copy(struct sip_msg *msg)
{
	struct context *c = context_of(msg);
	const struct request *r = context_request(msg, c);

	if(isf_missing() || !r)
		return -2;
	if(!message_copy(msg, r, cpm_slice_of(settings.isf_uri)))
		return -2;
	count(interworked);
	return 1;
}

int ki_forward(struct sip_msg *msg)
{
	struct context *c = context_of(msg);
	str uri = str_of_slice(c->verdict.forward_to),
		core = {settings.core_uri, (int)strlen(settings.core_uri)};

	if(!uri.len || rewrite_uri(msg, &uri) < 0)
		return -2;
	if(core.len && set_dst_uri(msg, &core) < 0)
		return -2;
	c->to_known = core.len > 0;
	transaction_watch(msg, relayed_tell, c->user.key);
	count(forwarded);
	return 1;
}

static int push_deferred(struct cpm_slice aor, struct cpm_slice contact, bool registered)
{
	char memory[CPM_URI_KEY_MAX];
	struct cpm_uri_key key;
	struct cpm_slice inner;

	if(cpm_uri_of_address(aor, &inner))
		aor = inner;
	if(cpm_uri_canon(aor, memory, sizeof(memory), &key) != CPM_OK)
		return -1;
	if(cpm_uri_of_address(contact, &inner))
		contact = inner;
	if(registered)
		return post_registered(key.key, contact, false, 0) ? 1 : -2;
	return post_trigger(key.key, contact, true, 0) ? 1 : -2;
}

/* Of a REGISTER: its user, and the clients that it brings. */
int ki_push_deferred(struct sip_msg *msg)
{
	const struct request *r = context_request(msg, context_of(msg));
	struct cpm_slice rest, value;
	int rc = -1;

	if(!r)
		return -2;
	if(!msg->contact)
		return push_deferred(r->to, CPM_SLICE_NONE, true);
	rest = slice_of_str(&msg->contact->body);
	while(rc != -2 && cpm_header_next_value(&rest, &value))
		rc = push_deferred(r->to, value, true);
	return rc;
}

int ki_push_deferred_aor(struct sip_msg *msg, str *aor)
{
	return push_deferred(slice_of_str(aor), CPM_SLICE_NONE, false);
}

int ki_push_deferred_contact(struct sip_msg *msg, str *aor, str *contact)
{
	return push_deferred(slice_of_str(aor), slice_of_str(contact), false);
}
