/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * One pass over the lines: session level, then the MSRP media; other media are
 * only remembered.
 */
#include "sdp.h"

#include "../base/ascii.h"

#define CRLF "\r\n"

static const char *const setup_names[] = {"", "active", "passive", "actpass", "holdconn"};
static const char *const direction_names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

static struct cpm_slice take_word(struct cpm_slice *rest)
{
	struct cpm_slice word;

	*rest = cpm_slice_trim(*rest);
	word = cpm_slice_head(*rest, cpm_slice_find(*rest, ' '));
	*rest = cpm_slice_trim(cpm_slice_from(*rest, word.n));
	return word;
}

/* Index of a name, or count. */
static size_t name_find(const char *const *names, size_t count, struct cpm_slice name)
{
	size_t i = 0;

	while(i < count && !cpm_slice_ieq(name, cpm_slice_of(names[i])))
		i++;
	return i;
}

/* IN IP4 192.0.2.1 */
static bool connection_parse(struct cpm_slice value, struct cpm_sdp *sdp)
{
	struct cpm_slice network = take_word(&value), family = take_word(&value);
	struct cpm_slice address = take_word(&value);

	sdp->ipv6 = cpm_slice_ieq(family, CPM_SLICE("IP6"));
	sdp->address = cpm_slice_head(address, cpm_slice_find(address, '/'));
	return cpm_slice_ieq(network, CPM_SLICE("IN")) && address.n
		   && (sdp->ipv6 || cpm_slice_ieq(family, CPM_SLICE("IP4")));
}

/* message 2855 TCP/MSRP *: true when it is MSRP; *valid false when it is, and broken. */
static bool media_parse(struct cpm_slice value, struct cpm_sdp *sdp, bool *valid)
{
	struct cpm_slice kind = take_word(&value), port = take_word(&value);
	struct cpm_slice protocol = take_word(&value);
	uint64_t number = 0;

	sdp->tls = cpm_slice_ieq(protocol, CPM_SLICE("TCP/TLS/MSRP"));
	if(!cpm_slice_ieq(kind, CPM_SLICE("message"))
			|| (!sdp->tls && !cpm_slice_ieq(protocol, CPM_SLICE("TCP/MSRP"))))
		return false;
	port = cpm_slice_head(port, cpm_slice_find(port, '/'));
	*valid = cpm_slice_u64(port, &number) && number <= 65535;
	sdp->port = (unsigned)number;
	return true;
}

/* name:"x" type:image/jpeg size:4092 hash:sha-1:...; a quoted value may hold blanks. */
static bool selector_parse(struct cpm_slice value, struct cpm_sdp *sdp)
{
	while(value.n) {
		size_t end = 0;
		struct cpm_slice word;

		for(bool quoted = false; end < value.n && (quoted || value.p[end] != ' '); end++)
			quoted ^= value.p[end] == '"';
		word = cpm_slice_head(value, end);
		value = cpm_slice_trim(cpm_slice_from(value, end));
		if(!cpm_slice_istarts(word, CPM_SLICE("size:")))
			continue;
		if(!cpm_slice_u64(cpm_slice_from(word, 5), &sdp->file_size))
			return false;
		sdp->file_size_known = true;
	}
	return true;
}

static void carried_take(struct cpm_slice line, struct cpm_slice name, struct cpm_sdp *sdp)
{
	if((cpm_slice_istarts(name, CPM_SLICE("file-")) || cpm_slice_ieq(name, CPM_SLICE("chatroom")))
			&& sdp->carried_count < CPM_SDP_CARRIED_MAX)
		sdp->carried[sdp->carried_count++] = line;
}

/* False when a value that counts is broken. Attributes that are not known are stepped over. */
static bool attribute_parse(struct cpm_slice line, struct cpm_sdp *sdp)
{
	size_t colon = cpm_slice_find(line, ':'), i;
	struct cpm_slice name = cpm_slice_trim(cpm_slice_head(line, colon));
	struct cpm_slice value = cpm_slice_trim(cpm_slice_from(line, colon + 1));

	carried_take(line, name, sdp);
	if((i = name_find(direction_names, 4, name)) < 4) {
		sdp->direction = (enum cpm_sdp_direction)i;
	} else if(cpm_slice_ieq(name, CPM_SLICE("path"))) {
		sdp->path = value;
	} else if(cpm_slice_ieq(name, CPM_SLICE("accept-types"))) {
		sdp->accept_types = value;
	} else if(cpm_slice_ieq(name, CPM_SLICE("accept-wrapped-types"))) {
		sdp->accept_wrapped_types = value;
	} else if(cpm_slice_ieq(name, CPM_SLICE("max-size"))) {
		return cpm_slice_u64(value, &sdp->max_size);
	} else if(cpm_slice_ieq(name, CPM_SLICE("file-selector"))) {
		return selector_parse(value, sdp);
	} else if(cpm_slice_ieq(name, CPM_SLICE("msrp-cema"))) {
		sdp->cema = true;
	} else if(cpm_slice_ieq(name, CPM_SLICE("setup"))) {
		i = name_find(setup_names, 5, value);
		if(i == 0 || i == 5)
			return false;
		sdp->setup = (enum cpm_sdp_setup)i;
	}
	return true;
}

static bool next_line(struct cpm_slice *rest, struct cpm_slice *line)
{
	if(!cpm_slice_split(rest, '\n', line))
		return false;
	if(line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

enum level { LEVEL_SESSION, LEVEL_MSRP, LEVEL_OTHER };

static enum cpm_rc media_take(
		struct cpm_slice value, struct cpm_sdp *sdp, enum level *level, bool *found)
{
	struct cpm_sdp media = *sdp;
	bool valid = true;

	if(sdp->media_count == CPM_SDP_MEDIA_MAX)
		return CPM_LIMIT;
	*level = LEVEL_OTHER;
	if(!*found && media_parse(value, &media, &valid)) {
		if(!valid)
			return CPM_SYNTAX;
		*sdp = media;
		sdp->msrp = sdp->media_count;
		*level = LEVEL_MSRP;
		*found = true;
	}
	sdp->media[sdp->media_count++] = value;
	return CPM_OK;
}

/* One line; *reason says what is wrong with it. */
static enum cpm_rc line_take(struct cpm_slice line, struct cpm_sdp *sdp, enum level *level,
		bool *found, const char **reason)
{
	struct cpm_slice value = cpm_slice_from(line, 2);

	*reason = "not a line of SDP";
	if(line.n < 2 || line.p[1] != '=' || memchr(line.p, 0, line.n) || memchr(line.p, '\r', line.n))
		return CPM_SYNTAX;
	*reason = "a broken media line, or too many";
	if(line.p[0] == 'm')
		return media_take(value, sdp, level, found);
	if(*level == LEVEL_OTHER)
		return CPM_OK;
	*reason = "a broken connection address";
	if(line.p[0] == 'c')
		return connection_parse(value, sdp) ? CPM_OK : CPM_SYNTAX;
	*reason = "a broken attribute";
	if(line.p[0] == 'a')
		return attribute_parse(value, sdp) ? CPM_OK : CPM_SYNTAX;
	return CPM_OK;
}

enum cpm_rc cpm_sdp_parse(struct cpm_slice text, struct cpm_sdp *sdp, struct cpm_diag *diag)
{
	struct cpm_slice rest = text, line;
	enum level level = LEVEL_SESSION;
	bool found = false;
	const char *reason;

	memset(sdp, 0, sizeof(*sdp));
	if(!cpm_slice_starts(text, CPM_SLICE("v=0")))
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "does not start with v=0");
	for(size_t lines = 0; next_line(&rest, &line); lines++) {
		enum cpm_rc rc = CPM_OK;

		if(lines == CPM_SDP_LINES_MAX)
			return cpm_diag_set(diag, CPM_LIMIT, text.n - rest.n, "too many lines");
		if(line.n)
			rc = line_take(line, sdp, &level, &found, &reason);
		if(rc)
			return cpm_diag_set(diag, rc, (size_t)(line.p - text.p), reason);
	}
	if(!found)
		return cpm_diag_set(diag, CPM_UNSUPPORTED, text.n, "no MSRP media");
	if(sdp->port && (!sdp->path.n || !sdp->address.n))
		return cpm_diag_set(diag, CPM_SYNTAX, text.n, "MSRP media without path or address");
	return CPM_OK;
}

bool cpm_sdp_accepts(struct cpm_slice types, struct cpm_slice type)
{
	struct cpm_slice main_type = cpm_slice_head(type, cpm_slice_find(type, '/') + 1);

	for(;;) {
		struct cpm_slice word = take_word(&types);

		if(!word.n)
			return false;
		if(cpm_slice_eq(word, CPM_SLICE("*")) || cpm_slice_ieq(word, type))
			return true;
		if(word.n == main_type.n + 1 && word.p[word.n - 1] == '*'
				&& cpm_slice_ieq(cpm_slice_head(word, main_type.n), main_type))
			return true;
	}
}

static void add_address(struct cpm_buf *b, struct cpm_slice address)
{
	cpm_buf_add_str(b, cpm_slice_find(address, ':') < address.n ? "IN IP6 " : "IN IP4 ");
	cpm_buf_add(b, address);
	cpm_buf_add_str(b, CRLF);
}

static void add_session(struct cpm_buf *b, const struct cpm_sdp_own *own)
{
	cpm_buf_add_str(b, "v=0" CRLF "o=- ");
	cpm_buf_add_u64(b, own->session);
	cpm_buf_add_char(b, ' ');
	cpm_buf_add_u64(b, own->version);
	cpm_buf_add_char(b, ' ');
	add_address(b, own->address);
	cpm_buf_add_str(b, "s=-" CRLF "c=");
	add_address(b, own->address);
	cpm_buf_add_str(b, "t=0 0" CRLF);
}

static void add_text(struct cpm_buf *b, const char *name, struct cpm_slice value)
{
	if(!value.n)
		return;
	cpm_buf_add_str(b, "a=");
	cpm_buf_add_str(b, name);
	cpm_buf_add_char(b, ':');
	cpm_buf_add(b, value);
	cpm_buf_add_str(b, CRLF);
}

static void add_number(struct cpm_buf *b, const char *attribute, uint64_t value, bool wanted)
{
	if(!wanted)
		return;
	cpm_buf_add_str(b, attribute);
	cpm_buf_add_u64(b, value);
	cpm_buf_add_str(b, CRLF);
}

static void add_media(struct cpm_buf *b, const struct cpm_sdp_own *own)
{
	cpm_buf_add_str(b, "m=message ");
	cpm_buf_add_u64(b, own->port);
	cpm_buf_add_str(b, own->tls ? " TCP/TLS/MSRP *" CRLF : " TCP/MSRP *" CRLF);
	cpm_buf_add_str(b, "a=");
	cpm_buf_add_str(b, direction_names[own->direction]);
	cpm_buf_add_str(b, CRLF);
	add_text(b, "accept-types", own->accept_types);
	add_text(b, "accept-wrapped-types", own->accept_wrapped_types);
	add_text(b, "path", own->path);
	add_number(b, "a=max-size:", own->max_size, own->max_size != 0);
	add_number(b, "a=file-selector:size:", own->file_size, own->file_size_known);
	for(size_t i = 0; i < own->carried_count; i++) {
		cpm_buf_add_str(b, "a=");
		cpm_buf_add(b, own->carried[i]);
		cpm_buf_add_str(b, CRLF);
	}
	add_text(b, "setup", cpm_slice_of(setup_names[own->setup]));
	if(own->cema)
		cpm_buf_add_str(b, "a=msrp-cema" CRLF);
}

/* The same media with port 0. */
static void add_refused(struct cpm_buf *b, struct cpm_slice media)
{
	struct cpm_slice kind = take_word(&media);

	take_word(&media);
	cpm_buf_add_str(b, "m=");
	cpm_buf_add(b, kind);
	cpm_buf_add_str(b, " 0 ");
	cpm_buf_add(b, media);
	cpm_buf_add_str(b, CRLF);
}

void cpm_sdp_add_offer(struct cpm_buf *b, const struct cpm_sdp_own *own)
{
	add_session(b, own);
	add_media(b, own);
}

void cpm_sdp_add_answer(
		struct cpm_buf *b, const struct cpm_sdp *offer, const struct cpm_sdp_own *own)
{
	add_session(b, own);
	for(size_t i = 0; i < offer->media_count; i++) {
		if(i == offer->msrp)
			add_media(b, own);
		else
			add_refused(b, offer->media[i]);
	}
}

void cpm_sdp_add_refusal(
		struct cpm_buf *b, const struct cpm_sdp *offer, const struct cpm_sdp_own *own)
{
	add_session(b, own);
	for(size_t i = 0; i < offer->media_count; i++)
		add_refused(b, offer->media[i]);
}

enum cpm_sdp_setup cpm_sdp_setup_answer(enum cpm_sdp_setup offered)
{
	switch(offered) {
		case CPM_SDP_ACTIVE:
		case CPM_SDP_ACTPASS:
			return CPM_SDP_PASSIVE;
		case CPM_SDP_PASSIVE:
			return CPM_SDP_ACTIVE;
		default:
			return offered;
	}
}
