/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Addresses of Redis servers.
 */
#include "address.h"

static bool copy(char *to, size_t size, struct cpm_slice s)
{
	if(s.n == 0 || s.n >= size || memchr(s.p, '\0', s.n))
		return false;
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return true;
}

bool address_parse(struct cpm_slice text, struct address *a)
{
	size_t colon = text.n;
	uint64_t port;
	struct cpm_slice host;

	while(colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if(colon < 2)
		return false;
	host = cpm_slice_head(text, colon - 1);
	if(host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct cpm_slice){host.p + 1, host.n - 2};
	if(!cpm_slice_u64(cpm_slice_from(text, colon), &port) || port == 0 || port > 65535)
		return false;
	a->port = (int)port;
	return copy(a->host, sizeof(a->host), host);
}

static const char *sentinel_parse(struct cpm_slice text, struct address_set *set)
{
	static const char *const help = "write sentinel:<master name>@host:port,host:port (at most 8)";
	size_t at = cpm_slice_find(text, '@');
	struct cpm_slice rest = cpm_slice_from(text, at + 1), part;

	if(at == text.n || !copy(set->master, sizeof(set->master), cpm_slice_head(text, at)))
		return help;
	while(cpm_slice_split(&rest, ',', &part)) {
		if(set->sentinel_count == ADDRESS_SENTINELS_MAX
				|| !address_parse(cpm_slice_trim(part), &set->sentinels[set->sentinel_count]))
			return help;
		set->sentinel_count++;
	}
	return set->sentinel_count ? NULL : help;
}

const char *address_set_parse(const char *text, struct address_set *set)
{
	struct cpm_slice s = cpm_slice_trim(cpm_slice_of(text));

	*set = (struct address_set){.sentinel_count = 0};
	if(cpm_slice_starts(s, CPM_SLICE("sentinel:")))
		return sentinel_parse(cpm_slice_from(s, 9), set);
	if(cpm_slice_starts(s, CPM_SLICE("unix:"))) {
		/* the length of sun_path */
		struct cpm_slice path = cpm_slice_from(s, 5);
		if(path.n > 107 || !copy(set->server.host, sizeof(set->server.host), path))
			return "write unix:/path/of/the/socket, with at most 107 characters of path";
		return NULL;
	}
	if(!address_parse(s, &set->server))
		return "write host:port, unix:/path or sentinel:<master name>@host:port";
	return NULL;
}

bool address_eq(const struct address *a, const struct address *b)
{
	return a->port == b->port && !strcmp(a->host, b->host);
}

bool address_of_redirect(const char *error, const struct address *from, struct address *a)
{
	struct cpm_slice rest = cpm_slice_of(error), word;

	for(int i = 0; i < 3; i++) {
		if(!cpm_slice_split(&rest, ' ', &word))
			return false;
	}
	if(word.n > 1 && word.p[0] == ':') {
		uint64_t port;
		if(!cpm_slice_u64(cpm_slice_from(word, 1), &port) || port == 0 || port > 65535)
			return false;
		*a = *from;
		a->port = (int)port;
		return true;
	}
	return address_parse(word, a);
}

bool address_of_master(const redisReply *reply, struct address *a)
{
	uint64_t port;

	if(reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
			|| reply->element[0]->type != REDIS_REPLY_STRING
			|| reply->element[1]->type != REDIS_REPLY_STRING)
		return false;
	if(!copy(a->host, sizeof(a->host),
			   (struct cpm_slice){reply->element[0]->str, reply->element[0]->len}))
		return false;
	if(!cpm_slice_u64((struct cpm_slice){reply->element[1]->str, reply->element[1]->len}, &port)
			|| port == 0 || port > 65535)
		return false;
	a->port = (int)port;
	return true;
}
