/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What a client's user calls.
 */
#include "imap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "imapline.h"

/* A call's strings: login name, folder, key. */
#define NAMES_MAX 2048

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
	if(!c->max_connections || c->max_connections > IMAP_CONNECTIONS_MAX || !c->max_user_connections
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
	im->watcher = epoll_create1(EPOLL_CLOEXEC);
	im->watched = -1;
	im->links = calloc(config->max_connections, sizeof(*im->links));
	im->work = calloc(config->max_connections, sizeof(*im->work));
	if(im->multi && im->watcher >= 0 && im->links && im->work)
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
	if(im->watcher >= 0)
		close(im->watcher);
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
	*out = (struct imap_gauges){
			.pending = im->pending, .connections = im->connections, .connects = im->connects};
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
	call->user_hash = cpm_slice_hash_here(user, 1);
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
	imapline_add(im, call, false);
	imapline_due(im, call->deadline_ms);
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
