/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Calls in line, connections by user, and a breaker in front of a server that
 * is away.
 */
#include "imap.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imapcall.h"
#include "imaplink.h"

/* A connection may be lost so often under one call: the first time it may just have been idle for too long. */
#define RESTARTS_MAX 2
/* Refused logins and calls without an answer, one after the other, that open the breaker. */
#define STRIKES_MAX 3
/* A call that waits for so long for the connections of its user gets another one. */
#define PATIENCE_MS 100
/* A call's strings: login name, folder, key. */
#define NAMES_MAX 2048
#define WAITS_MAX 1024

struct imap {
	const struct imap_config *config;
	CURLM *multi;
	struct imaplink *links;         /* max_connections */
	struct imapcall **work;         /* the call of each link */
	struct imapcall *first, **last; /* in line */
	size_t pending;
	uint64_t connects;
	bool available;
	unsigned strikes;
	int64_t backoff_ms, closed_until_ms;
};

static const char *config_error(const struct imap_config *c)
{
	if(!c->url || (strncmp(c->url, "imap://", 7) != 0 && strncmp(c->url, "imaps://", 8) != 0))
		return "write imap://host:port or imaps://host:port";
	if(c->starttls && strncmp(c->url, "imaps://", 8) == 0)
		return "write imap:// with STARTTLS: imaps:// begins with TLS";
	if(strpbrk(c->url, "@?#;\\ \r\n"))
		return "write the account into the service account's parameters, not into the URL";
	if(c->service && (!c->service[0] || !c->password || !c->password[0]))
		return "write a password for the service account";
	if(!c->max_connections || c->max_connections > WAITS_MAX || !c->max_user_connections
			|| !c->max_pending || !c->max_object_bytes)
		return "write limits of at least 1";
	if(c->timeout_ms < 1 || c->idle_ms < 0 || c->retry_min_ms < 1
			|| c->retry_max_ms < c->retry_min_ms)
		return "write times of at least 1 ms, the longest wait not below the shortest";
	return NULL;
}

struct imap *imap_new(const struct imap_config *config, const char **error)
{
	struct imap *im;

	*error = config_error(config);
	if(*error)
		return NULL;
	*error = "no memory";
	if(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(im = calloc(1, sizeof(*im))))
		return NULL;
	im->config = config;
	im->last = &im->first;
	im->available = true;
	im->multi = curl_multi_init();
	im->links = calloc(config->max_connections, sizeof(*im->links));
	im->work = calloc(config->max_connections, sizeof(*im->work));
	if(im->multi && im->links && im->work)
		return im;
	imap_free(&im);
	return NULL;
}

void imap_free(struct imap **imap)
{
	struct imap *im = *imap;
	struct imapcall *call;

	*imap = NULL;
	if(!im)
		return;
	for(size_t i = 0; im->links && i < im->config->max_connections; i++) {
		free(im->work ? im->work[i] : NULL);
		if(im->links[i].state != IMAPLINK_FREE)
			imaplink_close(&im->links[i]);
	}
	while((call = im->first)) {
		im->first = call->next;
		free(call);
	}
	free(im->links);
	free(im->work);
	if(im->multi)
		curl_multi_cleanup(im->multi);
	free(im);
}

const char *imap_rc_name(enum imap_rc rc)
{
	static const char *const names[] = {"ok", "absent", "refused", "down", "unsure"};

	return names[rc];
}

bool imap_available(const struct imap *im)
{
	return im->available;
}

void imap_gauges(const struct imap *im, struct imap_gauges *out)
{
	*out = (struct imap_gauges){.pending = im->pending, .connects = im->connects};
	for(size_t i = 0; i < im->config->max_connections; i++)
		out->connections += im->links[i].state != IMAPLINK_FREE;
}

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

static void call_line_up(struct imap *im, struct imapcall *call, bool front)
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
static struct imapcall *call_take(struct imap *im, struct imapcall **at)
{
	struct imapcall *call = *at;

	*at = call->next;
	if(im->last == &call->next)
		im->last = at;
	call->next = NULL;
	return call;
}

static void call_end(struct imap *im, struct imapcall *call)
{
	im->pending--;
	call->cb(call->context, &call->result);
	free(call);
}

static void call_fail(struct imap *im, struct imapcall *call, enum imap_rc rc, const char *reason,
		struct cpm_slice detail)
{
	imapcall_fail(call, rc, reason, detail);
	call_end(im, call);
}

/* Ends all in line, or those of one user. */
static void line_fail(
		struct imap *im, const char *user, const char *reason, struct cpm_slice detail)
{
	struct imapcall **at = &im->first, *failed = NULL, *call;

	while(*at) {
		if(user && !cpm_slice_eq((*at)->user, cpm_slice_of(user))) {
			at = &(*at)->next;
			continue;
		}
		call = call_take(im, at);
		call->next = failed;
		failed = call;
	}
	/* A callback may submit more, which must not fail as well. */
	while((call = failed)) {
		failed = call->next;
		call_fail(im, call, IMAP_DOWN, reason, detail);
	}
}

static void breaker_open(
		struct imap *im, const char *reason, struct cpm_slice detail, int64_t now_ms)
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
	line_fail(im, NULL, reason, detail);
}

static void strike(struct imap *im, const char *reason, struct cpm_slice detail, int64_t now_ms)
{
	if(++im->strikes >= STRIKES_MAX)
		breaker_open(im, reason, detail, now_ms);
}

static void breaker_close(struct imap *im)
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

static bool names_fit(struct cpm_slice user, struct cpm_slice folder, struct cpm_slice key)
{
	if(!user.n || !folder.n || user.n + folder.n + key.n > NAMES_MAX)
		return false;
	for(size_t i = 0; i < user.n; i++)
		if((unsigned char)user.p[i] < ' ' || user.p[i] == 0x7f)
			return false;
	return true;
}

static char *copy(char *at, struct cpm_slice *to, struct cpm_slice from)
{
	*to = (struct cpm_slice){at, from.n};
	if(from.n)
		memcpy(at, from.p, from.n);
	return at + from.n;
}

/* NULL when it is refused at once. */
static struct imapcall *call_new(struct imap *im, enum imapcall_kind kind, struct cpm_slice user,
		struct cpm_slice folder, struct cpm_slice key, struct cpm_slice object, int64_t now_ms)
{
	struct imapcall *call;
	char *at;

	if(im->pending >= im->config->max_pending || now_ms < im->closed_until_ms
			|| !names_fit(user, folder, key) || object.n > im->config->max_object_bytes)
		return NULL;
	call = calloc(1, sizeof(*call) + user.n + folder.n + key.n + object.n);
	if(!call)
		return NULL;
	call->kind = kind;
	at = (char *)(call + 1);
	at = copy(at, &call->user, user);
	at = copy(at, &call->folder, folder);
	at = copy(at, &call->key, key);
	copy(at, &call->object, object);
	call->deadline_ms = now_ms + im->config->timeout_ms;
	return call;
}

static bool call_submit(struct imap *im, struct imapcall *call, imap_cb cb, void *context)
{
	if(!call)
		return false;
	call->cb = cb;
	call->context = context;
	call_line_up(im, call, false);
	im->pending++;
	return true;
}

bool imap_append(
		struct imap *im, const struct imap_append *a, int64_t now_ms, imap_cb cb, void *context)
{
	struct imapcall *call =
			call_new(im, IMAPCALL_APPEND, a->user, a->folder, a->key, a->object, now_ms);

	if(call)
		call->again = a->again;
	return call_submit(im, call, cb, context);
}

bool imap_find(
		struct imap *im, const struct imap_find *f, int64_t now_ms, imap_cb cb, void *context)
{
	return call_submit(im,
			call_new(im, IMAPCALL_FIND, f->user, f->folder, f->key, CPM_SLICE_NONE, now_ms), cb,
			context);
}

bool imap_remove(
		struct imap *im, const struct imap_remove *r, int64_t now_ms, imap_cb cb, void *context)
{
	struct imapcall *call =
			call_new(im, IMAPCALL_REMOVE, r->user, r->folder, r->key, CPM_SLICE_NONE, now_ms);

	if(call) {
		call->uid = r->uid;
		call->uidvalidity = r->uidvalidity;
	}
	return call_submit(im, call, cb, context);
}

/* The connection is gone, its call goes on with another one or ends. */
static void link_lost(struct imap *im, size_t i, const char *reason, int64_t now_ms)
{
	struct imapcall *call = im->work[i];
	bool new = !im->links[i].asked;

	im->work[i] = NULL;
	imaplink_close(&im->links[i]);
	if(new)
		strike(im, reason, CPM_SLICE_NONE, now_ms);
	if(!call)
		return;
	if(call->restarts++ < RESTARTS_MAX && now_ms < call->deadline_ms) {
		call_line_up(im, call, true);
		return;
	}
	call_fail(im, call, IMAP_DOWN, reason, CPM_SLICE_NONE);
}

static void link_command(struct imap *im, size_t i, int64_t now_ms)
{
	struct imaplink *l = &im->links[i];
	struct imapcall *call = im->work[i];

	if(call->kind == IMAPCALL_REMOVE && !l->capable_uidplus) {
		im->work[i] = NULL;
		call_fail(im, call, IMAP_REFUSED, "no-uidplus", CPM_SLICE_NONE);
		return;
	}
	imaplink_begin(l);
	if(!imapcall_add_command(call, l->capable_literal_plus, &l->out) && !l->out.rc)
		return;
	/* Half a command is in the buffer: the connection cannot be used any more. */
	im->work[i] = NULL;
	call_fail(im, call, IMAP_REFUSED, "name", CPM_SLICE_NONE);
	link_lost(im, i, "name", now_ms);
}

static void link_give(struct imap *im, size_t i, struct imapcall *call, int64_t now_ms)
{
	im->work[i] = call;
	im->links[i].since_ms = now_ms;
	imapcall_start(call);
	link_command(im, i, now_ms);
}

static void capabilities_read(struct imaplink *l, struct cpm_slice words)
{
	l->capable_uidplus = cpm_imap_capable(words, "UIDPLUS");
	l->capable_literal_plus = cpm_imap_capable(words, "LITERAL+");
}

/* False when the connection is of no use any more. */
static bool link_answer(
		struct imap *im, size_t i, const struct cpm_imap_response *r, int64_t now_ms)
{
	struct imaplink *l = &im->links[i];
	struct imapcall *call = im->work[i];

	if(r->kind == CPM_IMAP_CONTINUE)
		return call && imapcall_add_literal(call, &l->out) && !l->out.rc;
	if(r->kind == CPM_IMAP_UNTAGGED) {
		if(r->status == CPM_IMAP_BYE)
			return false;
		if(r->status == CPM_IMAP_DATA && cpm_slice_istarts(r->text, CPM_SLICE("CAPABILITY ")))
			capabilities_read(l, r->text);
		if(call)
			imapcall_note(call, r);
		return true;
	}
	if(!imaplink_is_answer(l, r))
		return false;
	if(!l->asked) {
		l->asked = r->status == CPM_IMAP_OK;
		return l->asked;
	}
	if(!call)
		return false;
	breaker_close(im);
	l->since_ms = now_ms;
	imapcall_answered(call, r);
	if(call->step != IMAPCALL_ENDED) {
		link_command(im, i, now_ms);
		return true;
	}
	im->work[i] = NULL;
	call_end(im, call);
	return true;
}

static void link_turn(struct imap *im, size_t i, int64_t now_ms)
{
	struct imaplink *l = &im->links[i];
	struct cpm_imap_response response;
	bool alive = imaplink_move(l);
	enum cpm_rc rc;

	l->stirs = false;

	while(l->state == IMAPLINK_READY && !(rc = imaplink_take(l, &response))) {
		if(!link_answer(im, i, &response, now_ms)) {
			link_lost(im, i, "lost", now_ms);
			return;
		}
	}
	if(l->state != IMAPLINK_READY)
		return;
	if(rc != CPM_NEED_MORE)
		link_lost(im, i, "protocol", now_ms);
	else if(!alive)
		link_lost(im, i, "lost", now_ms);
	else if(!imaplink_flush(l))
		link_lost(im, i, "lost", now_ms);
}

static void link_failed(struct imap *im, struct imaplink *l, const char *reason, int64_t now_ms)
{
	char user[NAMES_MAX + 1], trouble[CURL_ERROR_SIZE];

	snprintf(user, sizeof(user), "%s", l->user);
	snprintf(trouble, sizeof(trouble), "%s", l->trouble);
	imaplink_close(l);
	if(strcmp(reason, "login") != 0) {
		breaker_open(im, reason, cpm_slice_of(trouble), now_ms);
		return;
	}
	/* It may be this user alone that the server does not know. */
	line_fail(im, user, reason, cpm_slice_of(trouble));
	strike(im, reason, cpm_slice_of(trouble), now_ms);
}

static bool some_connect(const struct imap *im)
{
	for(size_t i = 0; i < im->config->max_connections; i++)
		if(im->links[i].state == IMAPLINK_CONNECTING)
			return true;
	return false;
}

static void connecting_end(struct imap *im, int64_t now_ms)
{
	CURLMsg *m;
	int left, running;

	if(!some_connect(im))
		return;
	curl_multi_perform(im->multi, &running);
	while((m = curl_multi_info_read(im->multi, &left))) {
		struct imaplink *l = NULL;
		const char *reason;

		if(m->msg != CURLMSG_DONE
				|| curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&l) != CURLE_OK
				|| !l)
			continue;
		reason = imaplink_connected(l, m->data.result);
		if(reason) {
			link_failed(im, l, reason, now_ms);
			continue;
		}
		breaker_close(im);
		l->since_ms = now_ms;
		imaplink_begin(l);
		cpm_buf_add_str(&l->out, "CAPABILITY\r\n");
	}
}

static bool link_is_of(const struct imaplink *l, struct cpm_slice user)
{
	return l->state != IMAPLINK_FREE && cpm_slice_eq(cpm_slice_of(l->user), user);
}

static bool link_is_idle(const struct imap *im, size_t i)
{
	return im->links[i].state == IMAPLINK_READY && im->links[i].asked && !im->work[i];
}

/* A free place, made free by the connection that was idle for longest when there is none. */
static struct imaplink *link_place(struct imap *im)
{
	struct imaplink *oldest = NULL;

	for(size_t i = 0; i < im->config->max_connections; i++) {
		struct imaplink *l = &im->links[i];

		if(l->state == IMAPLINK_FREE)
			return l;
		if(link_is_idle(im, i) && (!oldest || l->since_ms < oldest->since_ms))
			oldest = l;
	}
	if(oldest)
		imaplink_close(oldest);
	return oldest;
}

/* Opens a connection for a call's user: the first one at once, another when the call has waited for those that there are. A login
 * costs more than a few calls. While the server is away one at a time is tried. */
static void link_open(struct imap *im, const struct imapcall *call, bool *full, int64_t now_ms)
{
	int64_t waited = now_ms - (call->deadline_ms - im->config->timeout_ms);
	size_t own = 0, opening = 0, opening_own = 0;
	struct imaplink *l;

	for(size_t i = 0; i < im->config->max_connections; i++) {
		bool unready = im->links[i].state == IMAPLINK_CONNECTING
					   || (im->links[i].state == IMAPLINK_READY && !im->links[i].asked);

		opening += unready;
		own += link_is_of(&im->links[i], call->user);
		opening_own += unready && link_is_of(&im->links[i], call->user);
	}
	if((own && (waited < PATIENCE_MS || opening_own)) || own >= im->config->max_user_connections
			|| (!im->available && opening))
		return;
	l = link_place(im);
	if(!l) {
		*full = true;
		return;
	}
	im->connects++;
	if(!imaplink_open(l, im->multi, im->config, call->user, now_ms))
		*full = true;
}

/* Gives calls in line to connections of their users, and opens what is missing. */
static void dispatch(struct imap *im, int64_t now_ms)
{
	struct imapcall **at = &im->first;
	bool full = false;

	while(*at) {
		struct imapcall *call = *at;
		size_t i = 0;

		while(i < im->config->max_connections
				&& !(link_is_idle(im, i) && link_is_of(&im->links[i], call->user)))
			i++;
		if(i < im->config->max_connections) {
			link_give(im, i, call_take(im, at), now_ms);
			continue;
		}
		if(!full)
			link_open(im, call, &full, now_ms);
		at = &call->next;
	}
}

/* Ends calls whose time is over, and connections that nobody needs. */
static int64_t expire(struct imap *im, int64_t now_ms)
{
	struct imapcall **at = &im->first;
	int64_t next = INT64_MAX;

	for(size_t i = 0; i < im->config->max_connections; i++) {
		struct imaplink *l = &im->links[i];
		int64_t until;

		if(l->state != IMAPLINK_READY)
			continue;
		until = im->work[i]
						? im->work[i]->deadline_ms
						: l->since_ms + (l->asked ? im->config->idle_ms : im->config->timeout_ms);
		if(now_ms >= until) {
			bool busy = im->work[i] != NULL;

			link_lost(im, i, "timeout", now_ms);
			if(busy)
				strike(im, "timeout", CPM_SLICE_NONE, now_ms);
		} else if(until < next) {
			next = until;
		}
	}
	while(*at) {
		if((*at)->deadline_ms > now_ms) {
			next = (*at)->deadline_ms < next ? (*at)->deadline_ms : next;
			at = &(*at)->next;
			continue;
		}
		/* It never had its turn, or its connection was lost too late to try another. */
		call_fail(im, call_take(im, at), IMAP_DOWN, "busy", CPM_SLICE_NONE);
		at = &im->first;
	}
	return next;
}

int64_t imap_run(struct imap *im, int64_t now_ms)
{
	int64_t next;

	connecting_end(im, now_ms);
	for(size_t i = 0; i < im->config->max_connections; i++)
		if(im->links[i].state == IMAPLINK_READY && im->links[i].stirs)
			link_turn(im, i, now_ms);
	next = expire(im, now_ms);
	dispatch(im, now_ms);
	for(size_t i = 0; i < im->config->max_connections; i++) {
		struct imaplink *l = &im->links[i];

		if(l->state == IMAPLINK_READY && !imaplink_flush(l))
			link_lost(im, i, "lost", now_ms);
	}
	return im->first && next > now_ms + PATIENCE_MS ? now_ms + PATIENCE_MS : next;
}

void imap_wait(struct imap *im, int fd, int timeout_ms)
{
	struct curl_waitfd waits[WAITS_MAX + 1];
	struct pollfd fds[WAITS_MAX + 1];
	struct imaplink *links[WAITS_MAX + 1];
	unsigned n = 0;

	waits[n++] = (struct curl_waitfd){.fd = fd, .events = CURL_WAIT_POLLIN};
	for(size_t i = 0; i < im->config->max_connections; i++) {
		links[n] = &im->links[i];
		n += imaplink_waits(&im->links[i], &waits[n]);
	}
	if(some_connect(im)) {
		curl_multi_poll(im->multi, waits, n, timeout_ms, NULL);
		for(unsigned i = 1; i < n; i++)
			links[i]->stirs |= waits[i].revents != 0;
		return;
	}
	for(unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){.fd = waits[i].fd,
				.events = (short)(POLLIN | (waits[i].events & CURL_WAIT_POLLOUT ? POLLOUT : 0))};
	if(poll(fds, n, timeout_ms) <= 0)
		return;
	for(unsigned i = 1; i < n; i++)
		links[i]->stirs |= fds[i].revents != 0;
}
