/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Connections by libcurl, lines by ourselves.
 */
#include "imaplink.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* One response: a SEARCH that found very many, or a long list of flags. */
#define RESPONSE_MAX (256u << 10)
#define READ_PIECE 16384
/* A command without its object. */
#define COMMAND_MAX 4096
/* What a connection keeps for the next command; the memory of a larger object is given back. */
#define KEPT_MAX 65536

static bool options_set(struct imaplink *l)
{
	const struct imap_config *c = l->config;
	CURL *e = l->easy;
	bool ok = true;

#define SET(option, value) ok = ok && curl_easy_setopt(e, option, value) == CURLE_OK
	SET(CURLOPT_URL, c->url);
	SET(CURLOPT_PROTOCOLS_STR, "imap,imaps");
	SET(CURLOPT_CONNECT_ONLY, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)c->timeout_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
	SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(c->timeout_ms / 1000 + 1));
	SET(CURLOPT_ERRORBUFFER, l->trouble);
	SET(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN");
	SET(CURLOPT_SASL_IR, 1L);
	SET(CURLOPT_USERNAME, c->service ? c->service : l->user);
	SET(CURLOPT_PASSWORD, c->password ? c->password : "");
	if(c->service)
		SET(CURLOPT_SASL_AUTHZID, l->user);
	SET(CURLOPT_USE_SSL, (long)(c->starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if(c->ca_file)
		SET(CURLOPT_CAINFO, c->ca_file);
	SET(CURLOPT_PRIVATE, (char *)l);
#undef SET
	return ok;
}

static void out_init(struct imaplink *l)
{
	cpm_buf_init(&l->out, l->config->max_object_bytes + COMMAND_MAX);
	l->sent = 0;
}

bool imaplink_open(struct imaplink *l, CURLM *multi, const struct imap_config *config,
		struct cpm_slice user, int64_t now_ms)
{
	*l = (struct imaplink){.config = config, .multi = multi, .since_ms = now_ms, .fd = -1};
	cpm_buf_init(&l->in, RESPONSE_MAX + READ_PIECE);
	out_init(l);
	l->user = strndup(user.p, user.n);
	l->user_n = user.n;
	l->user_hash = cpm_slice_hash_here(user, 1);
	l->easy = l->user ? curl_easy_init() : NULL;
	l->state = IMAPLINK_CONNECTING;
	if(l->easy && options_set(l) && curl_multi_add_handle(multi, l->easy) == CURLM_OK)
		return true;
	imaplink_close(l);
	return false;
}

void imaplink_close(struct imaplink *l)
{
	if(l->easy) {
		size_t n;

		/* Good manners; nobody waits for the answer. */
		if(l->state == IMAPLINK_READY && l->sent == l->out.n)
			curl_easy_send(l->easy, "BYE LOGOUT\r\n", 12, &n);
		curl_multi_remove_handle(l->multi, l->easy);
		curl_easy_cleanup(l->easy);
	}
	free(l->user);
	cpm_buf_free(&l->in);
	cpm_buf_free(&l->out);
	l->easy = NULL;
	l->user = NULL;
	l->fd = -1;
	l->state = IMAPLINK_FREE;
}

static const char *take_over(struct imaplink *l)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if(curl_easy_getinfo(l->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
		return "unreachable";
	l->fd = fd;
	l->plain = !l->config->starttls && strncmp(l->config->url, "imap://", 7) == 0;
	return NULL;
}

const char *imaplink_connected(struct imaplink *l, CURLcode code)
{
	l->state = IMAPLINK_READY;
	switch(code) {
		case CURLE_OK:
			return take_over(l);
		case CURLE_LOGIN_DENIED:
			return "login";
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_ISSUER_ERROR:
			return "certificate";
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_USE_SSL_FAILED:
			return "tls";
		case CURLE_OPERATION_TIMEDOUT:
			return "timeout";
		case CURLE_WEIRD_SERVER_REPLY:
			return "protocol";
		default:
			return "unreachable";
	}
}

void imaplink_begin(struct imaplink *l)
{
	if(l->sent == l->out.n) {
		cpm_buf_reset(&l->out);
		l->sent = 0;
	}
	cpm_buf_add_char(&l->out, 'C');
	cpm_buf_add_u64(&l->out, ++l->tag);
	cpm_buf_add_char(&l->out, ' ');
}

/* What a connection said to a read or a write. */
enum moved { MOVED, MOVED_NOTHING, MOVED_NEVER };

static enum moved moved(const struct imaplink *l, CURLcode rc, ssize_t n)
{
	if(l->plain)
		return n > 0 ? MOVED
			   : n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
					   ? MOVED_NOTHING
					   : MOVED_NEVER;
	return rc == CURLE_AGAIN ? MOVED_NOTHING : rc == CURLE_OK && n > 0 ? MOVED : MOVED_NEVER;
}

static enum moved link_send(struct imaplink *l, size_t *n)
{
	const char *p = l->out.p + l->sent;
	size_t left = l->out.n - l->sent;
	CURLcode rc = CURLE_OK;
	ssize_t done;

	*n = 0;
	if(l->plain) {
		done = send(l->fd, p, left, MSG_DONTWAIT | MSG_NOSIGNAL);
		*n = done > 0 ? (size_t)done : 0;
	} else {
		rc = curl_easy_send(l->easy, p, left, n);
		done = (ssize_t)*n;
	}
	return moved(l, rc, done);
}

static enum moved link_receive(struct imaplink *l, char *piece, size_t *n)
{
	CURLcode rc = CURLE_OK;
	ssize_t done;

	*n = 0;
	if(l->plain) {
		done = recv(l->fd, piece, READ_PIECE, MSG_DONTWAIT);
		*n = done > 0 ? (size_t)done : 0;
	} else {
		rc = curl_easy_recv(l->easy, piece, READ_PIECE, n);
		done = (ssize_t)*n;
	}
	return moved(l, rc, done);
}

bool imaplink_flush(struct imaplink *l)
{
	while(l->sent < l->out.n) {
		size_t n;
		enum moved what = link_send(l, &n);

		if(what != MOVED)
			return what == MOVED_NOTHING;
		l->sent += n;
	}
	if(l->out.cap > KEPT_MAX) {
		cpm_buf_free(&l->out);
		out_init(l);
	}
	return true;
}

static bool fill(struct imaplink *l)
{
	char piece[READ_PIECE];

	if(l->taken == l->in.n) {
		cpm_buf_reset(&l->in);
		l->taken = 0;
	} else if(l->taken > READ_PIECE) {
		memmove(l->in.p, l->in.p + l->taken, l->in.n - l->taken);
		l->in.n -= l->taken;
		l->taken = 0;
	}
	for(;;) {
		size_t n;
		enum moved what = link_receive(l, piece, &n);

		if(what != MOVED)
			return what == MOVED_NOTHING;
		cpm_buf_add(&l->in, (struct cpm_slice){piece, n});
		if(l->in.rc)
			return false;
		/* Without TLS nothing can be left but what its watcher tells of. */
		if(l->plain && n < sizeof(piece))
			return true;
	}
}

bool imaplink_move(struct imaplink *l)
{
	/* What was received before the end still counts. */
	bool alive = imaplink_flush(l);

	return fill(l) && alive;
}

enum cpm_rc imaplink_take(struct imaplink *l, struct cpm_imap_response *response)
{
	struct cpm_slice rest = cpm_slice_from(cpm_buf_slice(&l->in), l->taken);
	enum cpm_rc rc = rest.n ? cpm_imap_read(rest, RESPONSE_MAX, response) : CPM_NEED_MORE;

	if(!rc)
		l->taken += response->bytes;
	return rc;
}

bool imaplink_is_answer(const struct imaplink *l, const struct cpm_imap_response *response)
{
	uint64_t tag;

	return response->kind == CPM_IMAP_TAGGED && response->tag.n > 1 && response->tag.p[0] == 'C'
		   && cpm_slice_u64(cpm_slice_from(response->tag, 1), &tag) && tag == l->tag;
}

bool imaplink_writes(const struct imaplink *l)
{
	return l->sent < l->out.n;
}
