/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Connections by user: what opens, feeds, ends and watches them.
 */
#include <stdio.h>
#include <sys/epoll.h>

#include "imapline.h"

/* A connection may be lost so often under one call: the first time it may just have been idle for too long. */
#define RESTARTS_MAX 2
/* A call that waits for so long for the connections of its user gets another one. */
#define PATIENCE_MS 100
/* Among connections by number: the user's descriptor. */
#define WATCHED UINT64_MAX
/* Of a login name, for the log and the calls that fail with it. */
#define USER_MAX 2048

/* Writes what can be written, and waits for room when there is more. False when the connection is gone. */
static bool link_flush(struct imap *im, struct imaplink *l)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)(l - im->links)};

	if(!imaplink_flush(l))
		return false;
	if(imaplink_writes(l) == l->told)
		return true;
	l->told = !l->told;
	if(l->told)
		event.events |= EPOLLOUT;
	return epoll_ctl(im->watcher, EPOLL_CTL_MOD, l->fd, &event) == 0;
}

static bool link_watch(struct imap *im, struct imaplink *l)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)(l - im->links)};

	return epoll_ctl(im->watcher, EPOLL_CTL_ADD, l->fd, &event) == 0;
}

static void link_close(struct imap *im, struct imaplink *l)
{
	if(l->fd >= 0)
		epoll_ctl(im->watcher, EPOLL_CTL_DEL, l->fd, NULL);
	imaplink_close(l);
	im->connections--;
}

/* The connection is gone, its call goes on with another one or ends. */
static void link_lost(struct imap *im, size_t i, const char *reason, int64_t now_ms)
{
	struct imapcall *call = im->work[i];
	bool new = !im->links[i].asked;

	if(call)
		imapcall_lost(call, im->links[i].sent == im->links[i].out.n);
	im->work[i] = NULL;
	link_close(im, &im->links[i]);
	if(new)
		imapline_strike(im, reason, CPM_SLICE_NONE, now_ms);
	if(!call)
		return;
	if(call->restarts++ < RESTARTS_MAX && now_ms < call->deadline_ms) {
		imapline_add(im, call, true);
		return;
	}
	imapline_fail(im, call, IMAP_DOWN, reason, CPM_SLICE_NONE);
}

static void link_command(struct imap *im, size_t i, int64_t now_ms)
{
	struct imaplink *l = &im->links[i];
	struct imapcall *call = im->work[i];

	if(call->kind == IMAPCALL_REMOVE && !l->capable_uidplus) {
		im->work[i] = NULL;
		imapline_fail(im, call, IMAP_REFUSED, "no-uidplus", CPM_SLICE_NONE);
		return;
	}
	imaplink_begin(l);
	if(!imapcall_add_command(call, l->capable_literal_plus, &l->out) && !l->out.rc)
		return;
	/* Half a command is in the buffer: the connection cannot be used any more. */
	im->work[i] = NULL;
	imapline_fail(im, call, IMAP_REFUSED, "name", CPM_SLICE_NONE);
	link_lost(im, i, "name", now_ms);
}

static void link_give(struct imap *im, size_t i, struct imapcall *call, int64_t now_ms)
{
	im->work[i] = call;
	im->links[i].since_ms = now_ms;
	imapcall_start(call);
	link_command(im, i, now_ms);
}

/* Not at once, so that the call for which it was opened finds it open. */
static int64_t link_idle_end(const struct imap *im, const struct imaplink *l)
{
	return l->since_ms + (im->config->idle_ms > 0 ? im->config->idle_ms : 1);
}

static void capabilities_read(struct imaplink *l, struct cpm_slice words)
{
	l->capable_uidplus = cpm_imap_capable(words, "UIDPLUS");
	l->capable_literal_plus = cpm_imap_capable(words, "LITERAL+");
}

/* Used until now. */
static void link_used(struct imap *im, struct imaplink *l, int64_t now_ms)
{
	l->since_ms = now_ms;
	imapline_due(im, link_idle_end(im, l));
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
		link_used(im, l, now_ms);
		return l->asked;
	}
	if(!call)
		return false;
	imapline_there(im);
	link_used(im, l, now_ms);
	imapcall_answered(call, r);
	if(call->step != IMAPCALL_ENDED) {
		link_command(im, i, now_ms);
		return true;
	}
	im->work[i] = NULL;
	imapline_end(im, call);
	return true;
}

static void link_turn(struct imap *im, size_t i, int64_t now_ms)
{
	struct imaplink *l = &im->links[i];
	struct cpm_imap_response response;
	bool alive = imaplink_move(l);
	enum cpm_rc rc;

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
	else if(!link_flush(im, l))
		link_lost(im, i, "lost", now_ms);
}

static void link_failed(struct imap *im, struct imaplink *l, const char *reason, int64_t now_ms)
{
	char user[USER_MAX + 1], trouble[CURL_ERROR_SIZE];
	uint64_t refused;
	bool again;

	snprintf(user, sizeof(user), "%s", l->user);
	snprintf(trouble, sizeof(trouble), "%s", l->trouble);
	link_close(im, l);
	if(strcmp(reason, "login") != 0) {
		imapline_away(im, reason, cpm_slice_of(trouble), now_ms);
		return;
	}
	/* It may be this user alone that the server does not know, who must not close it to all others. */
	refused = cpm_slice_hash(cpm_slice_of(user), 1);
	again = refused == im->refused;
	im->refused = refused;
	imapline_fail_all(im, user, reason, cpm_slice_of(trouble));
	if(!again)
		imapline_strike(im, reason, cpm_slice_of(trouble), now_ms);
}

static void connecting_end(struct imap *im, int64_t now_ms)
{
	CURLMsg *m;
	int left, running;

	if(!im->connecting)
		return;
	curl_multi_perform(im->multi, &running);
	while((m = curl_multi_info_read(im->multi, &left))) {
		struct imaplink *l = NULL;
		const char *reason;

		if(m->msg != CURLMSG_DONE
				|| curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&l) != CURLE_OK
				|| !l)
			continue;
		im->connecting--;
		reason = imaplink_connected(l, m->data.result);
		if(!reason && !link_watch(im, l))
			reason = "unreachable";
		if(reason) {
			link_failed(im, l, reason, now_ms);
			continue;
		}
		imapline_there(im);
		l->since_ms = now_ms;
		imapline_due(im, now_ms + im->config->timeout_ms);
		imaplink_begin(l);
		cpm_buf_add_str(&l->out, "CAPABILITY\r\n");
		if(!link_flush(im, l))
			link_lost(im, (size_t)(l - im->links), "lost", now_ms);
	}
}

static bool link_is_of(const struct imaplink *l, const struct imapcall *call)
{
	return l->state != IMAPLINK_FREE && l->user_hash == call->user_hash
		   && cpm_slice_eq((struct cpm_slice){l->user, l->user_n}, call->user);
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
		link_close(im, oldest);
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
		own += link_is_of(&im->links[i], call);
		opening_own += unready && link_is_of(&im->links[i], call);
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
	if(!imaplink_open(l, im->multi, im->config, call->user, now_ms)) {
		*full = true;
		return;
	}
	im->connections++;
	im->connecting++;
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
				&& !(link_is_of(&im->links[i], call) && link_is_idle(im, i)))
			i++;
		if(i < im->config->max_connections) {
			link_give(im, i, imapline_take(im, at), now_ms);
			if(im->work[i] && !link_flush(im, &im->links[i]))
				link_lost(im, i, "lost", now_ms);
			continue;
		}
		if(!full)
			link_open(im, call, &full, now_ms);
		at = &call->next;
	}
}

/* Ends calls whose time is over, and connections that nobody needs. */
static void expire(struct imap *im, int64_t now_ms)
{
	struct imapcall **at = &im->first;

	if(now_ms < im->due_ms)
		return;
	im->due_ms = INT64_MAX;
	for(size_t i = 0; i < im->config->max_connections; i++) {
		struct imaplink *l = &im->links[i];
		int64_t until;

		if(l->state != IMAPLINK_READY)
			continue;
		until = im->work[i] ? im->work[i]->deadline_ms
				: l->asked  ? link_idle_end(im, l)
							: l->since_ms + im->config->timeout_ms;
		if(now_ms >= until) {
			bool busy = im->work[i] != NULL;

			link_lost(im, i, "timeout", now_ms);
			if(busy)
				imapline_strike(im, "timeout", CPM_SLICE_NONE, now_ms);
		} else {
			imapline_due(im, until);
		}
	}
	while(*at) {
		if((*at)->deadline_ms > now_ms) {
			imapline_due(im, (*at)->deadline_ms);
			at = &(*at)->next;
			continue;
		}
		/* It never had its turn, or its connection was lost too late to try another. */
		imapline_fail(im, imapline_take(im, at), IMAP_DOWN, "busy", CPM_SLICE_NONE);
		at = &im->first;
	}
}

int64_t imap_run(struct imap *im, int64_t now_ms)
{
	connecting_end(im, now_ms);
	for(size_t i = 0; i < im->stirring_n; i++) {
		if(im->links[im->stirring[i]].state == IMAPLINK_READY)
			link_turn(im, im->stirring[i], now_ms);
	}
	im->stirring_n = 0;
	expire(im, now_ms);
	dispatch(im, now_ms);
	return im->first && im->due_ms > now_ms + PATIENCE_MS ? now_ms + PATIENCE_MS : im->due_ms;
}

/* One round of events: which connections stir. */
static void events_take(struct imap *im, int timeout_ms)
{
	struct epoll_event events[IMAP_EVENTS_MAX];
	int n = epoll_wait(im->watcher, events, IMAP_EVENTS_MAX, timeout_ms);

	im->stirring_n = 0;
	for(int i = 0; i < n; i++)
		if(events[i].data.u64 != WATCHED)
			im->stirring[im->stirring_n++] = (size_t)events[i].data.u64;
}

void imap_watch(struct imap *im, int fd, bool read, bool write)
{
	struct epoll_event event = {
			.events = (read ? EPOLLIN : 0) | (write ? EPOLLOUT : 0), .data.u64 = WATCHED};

	if(epoll_ctl(im->watcher, EPOLL_CTL_MOD, fd, &event) < 0)
		epoll_ctl(im->watcher, EPOLL_CTL_ADD, fd, &event);
}

void imap_wait(struct imap *im, int fd, int timeout_ms)
{
	struct curl_waitfd wait = {.fd = im->watcher, .events = CURL_WAIT_POLLIN};
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = WATCHED};

	if(fd >= 0 && im->watched < 0 && epoll_ctl(im->watcher, EPOLL_CTL_ADD, fd, &event) == 0)
		im->watched = fd;
	if(!im->connecting) {
		events_take(im, timeout_ms);
		return;
	}
	curl_multi_poll(im->multi, &wait, 1, timeout_ms, NULL);
	events_take(im, 0);
}
