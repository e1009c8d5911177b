/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * SIP and tel URIs taken apart and brought into their canonical form. The form
 * of RFC 3261 section 19.1.4 is narrowed to what names an identity: two escapes
 * of one character are equal, reserved characters are not equal to their
 * escapes, and numbers lose their visual separators (RFC 3966 section 4).
 */
#include "uri.h"

#include "../base/ascii.h"
#include "header.h"

/* What a byte may be part of: none of a URI; an escape's equal (unreserved); a user part as it is; a host's name; that in lower case. */
enum { FOREIGN = 1, UNRESERVED = 2, USER = 4, HOST = 8, LOWER_HOST = 16 };

static const unsigned char kinds[256] = {
		[0 ... ' '] = FOREIGN,
		['"'] = FOREIGN,
		['<'] = FOREIGN,
		['>'] = FOREIGN,
		[0x7f] = FOREIGN,
		['0' ... '9'] = UNRESERVED | USER | HOST | LOWER_HOST,
		['A' ... 'Z'] = UNRESERVED | USER | HOST,
		['a' ... 'z'] = UNRESERVED | USER | HOST | LOWER_HOST,
		['-'] = UNRESERVED | USER | HOST | LOWER_HOST,
		['_'] = UNRESERVED | USER | HOST | LOWER_HOST,
		['.'] = UNRESERVED | USER | HOST | LOWER_HOST,
		['!'] = UNRESERVED | USER,
		['~'] = UNRESERVED | USER,
		['*'] = UNRESERVED | USER,
		['\''] = UNRESERVED | USER,
		['('] = UNRESERVED | USER,
		[')'] = UNRESERVED | USER,
		['&'] = USER,
		['='] = USER,
		['+'] = USER,
		['$'] = USER,
		[','] = USER,
		[';'] = USER,
		['?'] = USER,
		['/'] = USER,
};

static bool is(char c, unsigned char kind)
{
	return kinds[(unsigned char)c] & kind;
}

/* Length of the run of bytes of this kind at s.p[from]. */
static size_t run_of(struct cpm_slice s, size_t from, unsigned char kind)
{
	size_t i = from;

	while(i < s.n && is(s.p[i], kind))
		i++;
	return i - from;
}

static void add_escape(struct cpm_buf *b, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";

	cpm_buf_add_char(b, '%');
	cpm_buf_add_char(b, digits[c >> 4]);
	cpm_buf_add_char(b, digits[c & 15]);
}

/* Offset of the first byte that no URI may hold, text.n when there is none. */
static size_t find_foreign(struct cpm_slice text)
{
	for(size_t i = 0; i < text.n; i++)
		if(is(text.p[i], FOREIGN))
			return i;
	return text.n;
}

/* Takes the part up to the first byte of set off *rest. */
static struct cpm_slice take_until(struct cpm_slice *rest, const char *set)
{
	struct cpm_slice part = *rest;
	size_t i = 0;

	while(i < rest->n && !cpm_ascii_in(rest->p[i], set))
		i++;
	part.n = i;
	*rest = cpm_slice_from(*rest, i);
	return part;
}

/* Takes "c<part>" off *rest, where part ends before the first byte of set. */
static struct cpm_slice take_after(struct cpm_slice *rest, char c, const char *set)
{
	if(!rest->n || rest->p[0] != c)
		return (struct cpm_slice){rest->p, 0};
	*rest = cpm_slice_from(*rest, 1);
	return take_until(rest, set);
}

/* The inside of an IPv6 reference. */
static bool reference_valid(struct cpm_slice inside)
{
	for(size_t i = 0; i < inside.n; i++)
		if(cpm_ascii_hex(inside.p[i]) < 0 && !cpm_ascii_in(inside.p[i], ":."))
			return false;
	return true;
}

static bool host_valid(struct cpm_slice host)
{
	if(host.n > 3 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		return reference_valid((struct cpm_slice){host.p + 1, host.n - 2});
	return host.n && run_of(host, 0, HOST) == host.n && !cpm_ascii_in(host.p[0], ".-");
}

static bool port_valid(struct cpm_slice port)
{
	uint64_t number;

	return port.n <= 5 && cpm_slice_u64(port, &number) && number <= 65535;
}

static bool escapes_valid(struct cpm_slice s)
{
	for(size_t i = 0; i < s.n; i++)
		if(s.p[i] == '%' && cpm_ascii_escape(s, i) < 0)
			return false;
	return true;
}

static enum cpm_rc parse_sip(
		struct cpm_slice text, size_t start, struct cpm_uri *uri, struct cpm_diag *diag)
{
	struct cpm_slice rest = cpm_slice_from(text, start);
	size_t at = cpm_slice_find(rest, '@');
	bool has_port;

	if(at < rest.n) {
		struct cpm_slice userinfo = cpm_slice_head(rest, at);

		uri->user = cpm_slice_head(userinfo, cpm_slice_find(userinfo, ':'));
		userinfo = cpm_slice_from(userinfo, uri->user.n);
		uri->password = take_after(&userinfo, ':', "");
		if(!uri->user.n || !escapes_valid(uri->user))
			return cpm_diag_set(diag, CPM_SYNTAX, start, "bad user part");
		rest = cpm_slice_from(rest, at + 1);
	}
	if(rest.n && rest.p[0] == '[') {
		uri->host = cpm_slice_head(rest, cpm_slice_find(rest, ']') + 1);
		rest = cpm_slice_from(rest, uri->host.n);
	} else {
		uri->host = cpm_slice_head(rest, run_of(rest, 0, HOST));
		rest = cpm_slice_from(rest, uri->host.n);
		if(rest.n && !cpm_ascii_in(rest.p[0], ":;?"))
			return cpm_diag_set(diag, CPM_SYNTAX, (size_t)(uri->host.p - text.p), "bad host");
	}
	if(!host_valid(uri->host))
		return cpm_diag_set(diag, CPM_SYNTAX, (size_t)(uri->host.p - text.p), "bad host");
	has_port = rest.n && rest.p[0] == ':';
	uri->port = take_after(&rest, ':', ";?");
	if(has_port && !port_valid(uri->port))
		return cpm_diag_set(diag, CPM_SYNTAX, (size_t)(uri->port.p - text.p), "bad port");
	uri->params = take_after(&rest, ';', "?");
	uri->headers = take_after(&rest, '?', "");
	if(rest.n)
		return cpm_diag_set(diag, CPM_SYNTAX, text.n - rest.n, "unexpected byte");
	return CPM_OK;
}

/* A number without its separators and escapes, appended to b; false when it is none. A local number
 * may also hold hexadecimal digits, '*' and '#' (RFC 3966 section 3). */
static bool add_number(struct cpm_buf *b, struct cpm_slice number)
{
	bool global = false, first = true;
	size_t digits = 0;

	for(size_t i = 0; i < number.n; i++, first = false) {
		char c = number.p[i];

		if(c == '%') {
			int byte = cpm_ascii_escape(number, i);

			if(byte < 0)
				return false;
			c = (char)byte;
			i += 2;
		}
		if(cpm_ascii_in(c, "-.()"))
			continue;
		if(c == '+' && first)
			global = true;
		else if(cpm_ascii_digit(c) || (!global && (cpm_ascii_hex(c) >= 0 || cpm_ascii_in(c, "*#"))))
			digits++;
		else
			return false;
		cpm_buf_add_char(b, cpm_ascii_lower(c));
	}
	return digits > 0;
}

static bool number_valid(struct cpm_slice number)
{
	struct cpm_buf nowhere;
	char none;

	cpm_buf_init_fixed(&nowhere, &none, 0);
	return add_number(&nowhere, number);
}

static bool number_global(struct cpm_slice number)
{
	return cpm_slice_starts(number, CPM_SLICE("+")) || cpm_slice_istarts(number, CPM_SLICE("%2B"));
}

static bool context_valid(struct cpm_slice context)
{
	return number_global(context) ? number_valid(context) : !context.n || host_valid(context);
}

static enum cpm_rc parse_tel(
		struct cpm_slice text, size_t start, struct cpm_uri *uri, struct cpm_diag *diag)
{
	struct cpm_slice rest = cpm_slice_from(text, start), context = CPM_SLICE_NONE;

	uri->user = take_until(&rest, ";?");
	uri->params = take_after(&rest, ';', "?");
	uri->headers = take_after(&rest, '?', "");
	if(!number_valid(uri->user))
		return cpm_diag_set(diag, CPM_SYNTAX, start, "bad number");
	cpm_uri_param(uri->params, CPM_SLICE("phone-context"), &context);
	if(!context_valid(context))
		return cpm_diag_set(diag, CPM_SYNTAX, (size_t)(context.p - text.p), "bad phone-context");
	return CPM_OK;
}

enum cpm_rc cpm_uri_parse(struct cpm_slice text, struct cpm_uri *uri, struct cpm_diag *diag)
{
	size_t colon = cpm_slice_find(text, ':');
	size_t foreign = find_foreign(text);
	struct cpm_slice scheme = cpm_slice_head(text, colon);

	*uri = (struct cpm_uri){0};
	if(colon == text.n || !colon)
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "no URI scheme");
	if(foreign < text.n)
		return cpm_diag_set(diag, CPM_SYNTAX, foreign, "byte that no URI may hold");
	if(cpm_slice_ieq(scheme, CPM_SLICE("sip")))
		uri->scheme = CPM_URI_SIP;
	else if(cpm_slice_ieq(scheme, CPM_SLICE("sips")))
		uri->scheme = CPM_URI_SIPS;
	else if(cpm_slice_ieq(scheme, CPM_SLICE("tel")))
		uri->scheme = CPM_URI_TEL;
	else
		return cpm_diag_set(diag, CPM_UNSUPPORTED, 0, "neither sip, sips nor tel");
	if(uri->scheme == CPM_URI_TEL)
		return parse_tel(text, colon + 1, uri, diag);
	return parse_sip(text, colon + 1, uri, diag);
}

bool cpm_uri_of_address(struct cpm_slice value, struct cpm_slice *uri)
{
	size_t at = cpm_header_find(value, "<,;");

	if(at < value.n && value.p[at] == '<') {
		struct cpm_slice rest = cpm_slice_from(value, at + 1);
		size_t end = cpm_slice_find(rest, '>');

		if(end == rest.n)
			return false;
		*uri = cpm_slice_trim(cpm_slice_head(rest, end));
	} else {
		*uri = cpm_slice_trim(cpm_slice_head(value, at));
	}
	return cpm_slice_find(*uri, ':') < uri->n && find_foreign(*uri) == uri->n;
}

bool cpm_uri_param(struct cpm_slice params, struct cpm_slice name, struct cpm_slice *value)
{
	struct cpm_slice found, content;

	while(cpm_header_next_param(&params, &found, &content)) {
		if(cpm_slice_ieq(found, name)) {
			*value = content;
			return true;
		}
	}
	return false;
}

/* RFC 3261 section 19.1.4: only what is not reserved equals its escape. Bytes that must be escaped
 * in a user part are, so that the key is a URI again. */
static void add_user(struct cpm_buf *b, struct cpm_slice user)
{
	for(size_t i = 0; i < user.n;) {
		/* Mostly all of it. */
		size_t plain = run_of(user, i, USER);
		int byte;

		cpm_buf_add(b, (struct cpm_slice){user.p + i, plain});
		i += plain;
		if(i == user.n)
			return;
		byte = cpm_ascii_escape(user, i);
		if(byte >= 0 && is((char)byte, UNRESERVED))
			cpm_buf_add_char(b, (char)byte);
		else
			add_escape(b, byte >= 0 ? (unsigned char)byte : (unsigned char)user.p[i]);
		i += byte >= 0 ? 3 : 1;
	}
}

static void add_lower(struct cpm_buf *b, struct cpm_slice s)
{
	size_t at = b->n;

	cpm_buf_add(b, s);
	for(; at < b->n; at++)
		b->p[at] = cpm_ascii_lower(b->p[at]);
}

/* "tel:+..." or, for a local number, "tel:...;phone-context=...". */
static void add_tel(struct cpm_buf *b, struct cpm_slice number, struct cpm_slice context)
{
	cpm_buf_add_str(b, "tel:");
	add_number(b, number);
	if(number_global(number) || !context.n)
		return;
	cpm_buf_add_str(b, ";phone-context=");
	if(number_global(context))
		add_number(b, context);
	else
		add_lower(b, context);
}

/* The telephone number in a tel URI, or in a sip URI with user=phone: there it is the user part up
 * to its first parameter (RFC 3261 section 19.1.6), and a local number without context means
 * something to the host only, so it stays a sip URI. */
static bool phone_of_uri(
		const struct cpm_uri *uri, struct cpm_slice *number, struct cpm_slice *context)
{
	struct cpm_slice params = uri->user, kind;

	if(uri->scheme == CPM_URI_TEL) {
		*number = uri->user;
		cpm_uri_param(uri->params, CPM_SLICE("phone-context"), context);
		return true;
	}
	if(!cpm_uri_param(uri->params, CPM_SLICE("user"), &kind)
			|| !cpm_slice_ieq(kind, CPM_SLICE("phone")))
		return false;
	*number = take_until(&params, ";");
	cpm_uri_param(cpm_slice_from(params, 1), CPM_SLICE("phone-context"), context);
	return number_valid(*number)
		   && (number_global(*number) || (context->n && context_valid(*context)));
}

/* Most URIs come in their canonical form, sip:user@host, and are taken over as they are. Offset of the host of such a one, else 0. */
static size_t canonical_host(struct cpm_slice text)
{
	size_t start = sizeof("sip:") - 1, host;

	if(!cpm_slice_starts(text, CPM_SLICE("sip:")))
		return 0;
	host = start + run_of(text, start, USER);
	if(host == start || host + 1 >= text.n || text.p[host] != '@')
		return 0;
	host++;
	if(run_of(text, host, LOWER_HOST) < text.n - host || cpm_ascii_in(text.p[host], ".-")
			|| text.p[text.n - 1] == '.')
		return 0;
	return host;
}

enum cpm_rc cpm_uri_canon(struct cpm_slice text, char *memory, size_t size, struct cpm_uri_key *key)
{
	struct cpm_slice number, context = CPM_SLICE_NONE, written;
	struct cpm_uri uri;
	struct cpm_buf b;
	size_t host_start, key_end;
	enum cpm_rc rc;

	text = cpm_slice_trim(text);
	host_start = canonical_host(text);
	if(host_start && text.n <= size) {
		memcpy(memory, text.p, text.n);
		key->key = (struct cpm_slice){memory, text.n};
		key->domain = cpm_slice_from(key->key, host_start);
		return CPM_OK;
	}
	rc = cpm_uri_parse(text, &uri, NULL);
	if(rc)
		return rc;
	while(uri.host.n && uri.host.p[uri.host.n - 1] == '.')
		uri.host.n--;
	cpm_buf_init_fixed(&b, memory, size);
	if(phone_of_uri(&uri, &number, &context)) {
		/* The host is no part of a number's key: it is written behind it. */
		add_tel(&b, number, context);
		key_end = host_start = b.n;
		add_lower(&b, uri.host);
	} else {
		cpm_buf_add_str(&b, "sip:");
		add_user(&b, uri.user);
		if(uri.user.n)
			cpm_buf_add_char(&b, '@');
		host_start = b.n;
		add_lower(&b, uri.host);
		key_end = b.n;
	}
	if(b.rc)
		return b.rc;
	written = cpm_buf_slice(&b);
	key->key = cpm_slice_head(written, key_end);
	key->domain = cpm_slice_from(written, host_start);
	return CPM_OK;
}

void cpm_uri_add_xcap_segment(struct cpm_buf *b, struct cpm_slice s)
{
	for(size_t i = 0; i < s.n; i++) {
		if(is(s.p[i], UNRESERVED) || cpm_ascii_in(s.p[i], "$&+,;=:@"))
			cpm_buf_add_char(b, s.p[i]);
		else
			add_escape(b, (unsigned char)s.p[i]);
	}
}

void cpm_uri_add_unescaped(struct cpm_buf *b, struct cpm_slice s)
{
	for(size_t i = 0; i < s.n; i++) {
		int byte = cpm_ascii_escape(s, i);

		if(byte >= 0)
			i += 2;
		cpm_buf_add_char(b, byte >= 0 ? (char)byte : s.p[i]);
	}
}
