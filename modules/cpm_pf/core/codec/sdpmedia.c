/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One pass over the lines; only m= and one attribute count.
 */
#include "sdpmedia.h"

#include "../base/ascii.h"

static bool is_separator(char c)
{
	return cpm_ascii_space(c) || c == ',';
}

/* The next word of a list; empty at its end. */
static struct cpm_slice next_word(struct cpm_slice *rest)
{
	struct cpm_slice word;
	size_t n = 0;

	while(rest->n && is_separator(rest->p[0]))
		*rest = cpm_slice_from(*rest, 1);
	while(n < rest->n && !is_separator(rest->p[n]))
		n++;
	word = cpm_slice_head(*rest, n);
	*rest = cpm_slice_from(*rest, n);
	return word;
}

static bool is_token(struct cpm_slice s)
{
	size_t i = 0;

	while(i < s.n && cpm_ascii_token(s.p[i]))
		i++;
	return s.n && i == s.n;
}

/* audio 49170/2 RTP/AVP 0 */
static bool media_take(struct cpm_slice value, struct cpm_sdpmedia *media, bool *open)
{
	struct cpm_slice kind = next_word(&value), port = next_word(&value);
	uint64_t number;

	if(!is_token(kind) || !next_word(&value).n
			|| !cpm_slice_u64(cpm_slice_head(port, cpm_slice_find(port, '/')), &number)
			|| number > 65535)
		return false;
	*open = number != 0;
	if(*open)
		media->names[media->count++] =
				cpm_slice_ieq(kind, CPM_SLICE("message")) ? CPM_SLICE(CPM_SDPMEDIA_MESSAGE) : kind;
	return true;
}

static void attribute_take(struct cpm_slice value, struct cpm_sdpmedia *media)
{
	struct cpm_slice name = cpm_slice_trim(cpm_slice_head(value, cpm_slice_find(value, ':')));
	struct cpm_slice *last = &media->names[media->count - 1];

	if(cpm_slice_ieq(name, CPM_SLICE("file-selector"))
			&& cpm_slice_eq(*last, CPM_SLICE(CPM_SDPMEDIA_MESSAGE)))
		*last = CPM_SLICE(CPM_SDPMEDIA_FILE);
}

enum cpm_rc cpm_sdpmedia_read(
		struct cpm_slice text, struct cpm_sdpmedia *media, struct cpm_diag *diag)
{
	struct cpm_slice rest = text, line;
	bool open = false; /* attributes belong to the last name */
	size_t lines = 0, count = 0;

	media->count = 0;
	if(!cpm_slice_starts(text, CPM_SLICE("v=0")))
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "does not start with v=0");
	while(cpm_slice_split(&rest, '\n', &line)) {
		size_t offset = (size_t)(line.p - text.p);

		line = cpm_slice_trim(line);
		if(lines++ == CPM_SDP_LINES_MAX)
			return cpm_diag_set(diag, CPM_LIMIT, offset, "too many lines");
		if(cpm_slice_starts(line, CPM_SLICE("m="))) {
			if(count++ == CPM_SDP_MEDIA_MAX)
				return cpm_diag_set(diag, CPM_LIMIT, offset, "too many media");
			if(!media_take(cpm_slice_from(line, 2), media, &open))
				return cpm_diag_set(diag, CPM_SYNTAX, offset, "a broken media line");
		} else if(open && cpm_slice_starts(line, CPM_SLICE("a="))) {
			attribute_take(cpm_slice_from(line, 2), media);
		}
	}
	return CPM_OK;
}

bool cpm_sdpmedia_in(struct cpm_slice list, struct cpm_slice name)
{
	for(;;) {
		struct cpm_slice word = next_word(&list);

		if(!word.n)
			return false;
		if(cpm_slice_eq(word, CPM_SLICE("*")) || cpm_slice_ieq(word, name))
			return true;
	}
}
