/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One table. doc/reference.md lists it.
 */
#include "reason.h"

struct reason {
	const char *word;
	int status;
	const char *phrase;
};

static const struct reason reasons[] = {
		{"malformed", 400, "Bad Request"},
		{"too-large", 413, "Message Too Large"},
		{"unsupported", 415, "Unsupported Media Type"},
		{"quota", 480, "Temporarily Unavailable"},
		{"system", 480, "Temporarily Unavailable"},
		{"undelivered", 480, "Temporarily Unavailable"},
		{"no-client", 480, "Temporarily Unavailable"},
		{"unauthorised", 403, "Forbidden"},
		{"no-messages", 488, "Not Acceptable Here"},
		{"bad-event", 489, "Bad Event"},
		{"not-acceptable", 406, "Not Acceptable"},
		{"dnd", 480, "Temporarily Unavailable"},
		{"policy", 480, "Temporarily Unavailable"},
		{"media", 488, "Not Acceptable Here"},
		{"breadth", 440, "Max-Breadth Exceeded"},
		{"no-media", 488, "Not Acceptable Here"},
		{"store", 503, "Service Unavailable"},
		{"busy", 503, "Service Unavailable"},
		{"documents", 503, "Service Unavailable"},
};

static const struct reason *reason_find(const char *word)
{
	size_t i;

	for(i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if(strcmp(reasons[i].word, word) == 0)
			return &reasons[i];
	}
	return NULL;
}

int reason_status(const char *reason)
{
	const struct reason *r = reason_find(reason);

	return r ? r->status : 500;
}

const char *reason_phrase(const char *reason)
{
	const struct reason *r = reason_find(reason);

	return r ? r->phrase : "Server Internal Error";
}

const char *reason_word(struct cpm_slice name)
{
	size_t i;

	for(i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if(cpm_slice_eq(cpm_slice_of(reasons[i].word), name))
			return reasons[i].word;
	}
	return NULL;
}
