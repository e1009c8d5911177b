/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The writer takes back the last message when it passes the maximum, so that
 * the document ends where a message ends.
 */
#include "msginfo.h"

#include "date.h"
#include "json.h"
#include "uri.h"
#include "xml.h"

#define NS_MSGINFO "urn:ietf:params:xml:ns:msginfo"
#define NS_EXTENSIONS "urn:x-cpm-pf:ext:1"
#define ANONYMOUS "sip:anonymous@anonymous.invalid"
#define LIST_END "</message-list>\r\n"

static const char *const statuses[] = {NULL, "discarded", "stored"};

static void add_text(
		struct cpm_buf *b, const char *before, struct cpm_slice text, const char *after)
{
	if(!text.n)
		return;
	cpm_buf_add_str(b, before);
	cpm_xml_add_text(b, text);
	cpm_buf_add_str(b, after);
}

static void add_date(struct cpm_buf *b, const char *before, int64_t ms, const char *after)
{
	cpm_buf_add_str(b, before);
	cpm_date_add_rfc3339(b, ms);
	cpm_buf_add_str(b, after);
}

static void add_number(struct cpm_buf *b, const char *before, uint64_t number, const char *after)
{
	cpm_buf_add_str(b, before);
	cpm_buf_add_u64(b, number);
	cpm_buf_add_str(b, after);
}

static void add_tag(struct cpm_buf *b, const struct cpm_msginfo_item *item)
{
	add_date(b, "  <message date-time=\"", item->date_ms, "\"");
	cpm_buf_add_str(b, " message-reference=\"sip:");
	cpm_xml_add_text(b, item->id);
	cpm_buf_add_char(b, '@');
	cpm_xml_add_text(b, item->host);
	cpm_buf_add_char(b, '"');
	if(item->status != CPM_MSGINFO_WAITING)
		add_text(b, " x:status=\"", cpm_slice_of(statuses[item->status]), "\"");
	if(item->status == CPM_MSGINFO_STORED) {
		add_number(b, " x:uid=\"", item->uid, "\"");
		add_text(b, " x:folder=\"", item->folder, "\"");
	}
	cpm_buf_add_str(b, ">\r\n");
}

static void add_info(struct cpm_buf *b, const struct cpm_msginfo_item *item)
{
	const struct cpm_slice *recipients = item->recipient_count ? item->recipients : &item->to;
	size_t count = item->recipient_count ? item->recipient_count : 1;

	cpm_buf_add_str(b, "    <info>\r\n");
	add_text(b, "      <from>", item->from, "</from>\r\n");
	add_text(b, "      <to>", item->to, "</to>\r\n");
	add_text(b, "      <auth-id>", item->auth_id, "</auth-id>\r\n");
	cpm_buf_add_str(b, "      <recipient-list>");
	for(size_t i = 0; i < count; i++)
		add_text(b, "<entry uri=\"", recipients[i], "\"/>");
	cpm_buf_add_str(b, "</recipient-list>\r\n    </info>\r\n");
}

static void add_item(struct cpm_buf *b, const struct cpm_msginfo_item *item)
{
	add_tag(b, item);
	add_number(b, "    <size>", item->size, "</size>\r\n");
	add_date(b, "    <expiry>", item->expiry_ms, "</expiry>\r\n");
	add_text(b, "    <subject>", item->subject, "</subject>\r\n");
	add_info(b, item);
	cpm_buf_add_str(b, "  </message>\r\n");
}

static bool with_status(const struct cpm_msginfo *info)
{
	for(size_t i = 0; i < info->count; i++)
		if(info->items[i].status != CPM_MSGINFO_WAITING)
			return true;
	return false;
}

/* The root's tag but for what closes it. */
static void add_root(struct cpm_buf *b, const struct cpm_msginfo *info, bool summary)
{
	cpm_buf_add_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
					   "<message-list xmlns=\"" NS_MSGINFO "\"");
	if(!summary && with_status(info))
		cpm_buf_add_str(b, " xmlns:x=\"" NS_EXTENSIONS "\"");
	add_number(b, " number=\"", info->number, "\"");
}

/* Adds items while they and the end of the list stay within end; how many. */
static size_t add_items(struct cpm_buf *b, const struct cpm_msginfo *info, size_t end)
{
	size_t n = 0;

	for(; n < info->count; n++) {
		size_t start = b->n;

		add_item(b, &info->items[n]);
		if(!b->rc && b->n + sizeof(LIST_END) - 1 <= end)
			continue;
		b->n = start;
		if(b->rc == CPM_LIMIT)
			b->rc = CPM_OK;
		break;
	}
	return n;
}

enum cpm_rc cpm_msginfo_build(
		const struct cpm_msginfo *info, size_t max_bytes, struct cpm_buf *out, size_t *fitted)
{
	size_t start = out->n;
	size_t end = max_bytes < out->max - start ? start + max_bytes : out->max;

	*fitted = 0;
	if(out->rc)
		return out->rc;
	add_root(out, info, false);
	cpm_buf_add_str(out, ">\r\n");
	if(!out->rc)
		*fitted = add_items(out, info, end);
	if(*fitted)
		cpm_buf_add_str(out, LIST_END);
	if(*fitted || out->rc == CPM_NOMEM)
		return out->rc;
	out->n = start;
	out->rc = CPM_OK;
	add_root(out, info, true);
	cpm_buf_add_str(out, "/>\r\n");
	if(!out->rc && out->n > end)
		out->rc = CPM_LIMIT;
	return out->rc;
}

void cpm_msginfo_add_json(struct cpm_buf *out, struct cpm_slice user, const char *type,
		const struct cpm_msginfo *info)
{
	cpm_buf_add_str(out, "{\"user\":\"");
	cpm_json_add_text(out, user);
	cpm_buf_add_str(out, "\",\"type\":\"");
	cpm_buf_add_str(out, type);
	cpm_buf_add_str(out, "\",\"count\":");
	cpm_buf_add_u64(out, info->number);
	cpm_buf_add_str(out, ",\"messages\":[");
	for(size_t i = 0; i < info->count; i++) {
		const struct cpm_msginfo_item *item = &info->items[i];

		cpm_buf_add_str(out, i ? ",{\"id\":\"sip:" : "{\"id\":\"sip:");
		cpm_json_add_text(out, item->id);
		cpm_buf_add_char(out, '@');
		cpm_json_add_text(out, item->host);
		cpm_buf_add_str(out, "\",\"from\":\"");
		/* Whoever wants anonymity may have written a From of his own all the same. */
		cpm_json_add_text(out, item->auth_id.n ? item->from : CPM_SLICE(ANONYMOUS));
		cpm_buf_add_str(out, "\",\"date\":\"");
		cpm_date_add_rfc3339(out, item->date_ms);
		cpm_buf_add_str(out, "\",\"size\":");
		cpm_buf_add_u64(out, item->size);
		cpm_buf_add_str(out, ",\"expiry\":\"");
		cpm_date_add_rfc3339(out, item->expiry_ms);
		cpm_buf_add_str(out, "\"}");
	}
	cpm_buf_add_str(out, "]}");
}

static bool is_info(const xmlNode *node, const char *name)
{
	return cpm_xml_is(node, NS_MSGINFO, name) || (!node->ns && cpm_xml_is(node, NULL, name));
}

static struct cpm_slice attribute(const xmlNode *node, const char *name)
{
	struct cpm_slice value = CPM_SLICE_NONE;

	cpm_xml_attribute(node, name, &value);
	return value;
}

/* What a reading shares. */
struct reading {
	struct cpm_arena *arena;
	size_t room; /* messages and recipients that may still come */
	struct cpm_diag *diag;
};

static enum cpm_rc no_memory(struct reading *r)
{
	return cpm_diag_set(r->diag, CPM_NOMEM, 0, "no memory");
}

static enum cpm_rc take_room(struct reading *r)
{
	if(!r->room)
		return cpm_diag_set(r->diag, CPM_LIMIT, 0, "too many entries");
	r->room--;
	return CPM_OK;
}

static size_t count_children(const xmlNode *parent, const char *name)
{
	size_t n = 0;

	for(const xmlNode *node = cpm_xml_first(parent); node; node = cpm_xml_next(node))
		n += is_info(node, name);
	return n;
}

static enum cpm_rc read_recipients(
		struct reading *r, const xmlNode *list, struct cpm_msginfo_item *item)
{
	size_t count = count_children(list, "entry"), n = 0;
	struct cpm_slice *recipients;
	enum cpm_rc rc = CPM_OK;

	if(item->recipients)
		return CPM_OK;
	recipients = cpm_arena_array(r->arena, count, sizeof(*recipients));
	if(!recipients)
		return no_memory(r);
	for(const xmlNode *node = cpm_xml_first(list); node && !rc; node = cpm_xml_next(node)) {
		if(!is_info(node, "entry") || !attribute(node, "uri").n)
			continue;
		rc = take_room(r);
		if(!rc && !cpm_arena_dup(r->arena, attribute(node, "uri"), &recipients[n++]))
			rc = no_memory(r);
	}
	item->recipients = recipients;
	item->recipient_count = n;
	return rc;
}

static enum cpm_rc read_text(struct reading *r, const xmlNode *node, struct cpm_slice *text)
{
	return cpm_arena_dup(r->arena, cpm_xml_text(node), text) ? CPM_OK : no_memory(r);
}

static enum cpm_rc read_info(struct reading *r, const xmlNode *info, struct cpm_msginfo_item *item)
{
	enum cpm_rc rc = CPM_OK;

	for(const xmlNode *node = cpm_xml_first(info); node && !rc; node = cpm_xml_next(node)) {
		if(is_info(node, "from"))
			rc = read_text(r, node, &item->from);
		else if(is_info(node, "to"))
			rc = read_text(r, node, &item->to);
		else if(is_info(node, "auth-id"))
			rc = read_text(r, node, &item->auth_id);
		else if(is_info(node, "recipient-list"))
			rc = read_recipients(r, node, item);
	}
	return rc;
}

static enum cpm_rc read_child(struct reading *r, const xmlNode *node, struct cpm_msginfo_item *item)
{
	if(is_info(node, "size") && !cpm_slice_u64(cpm_xml_text(node), &item->size))
		return cpm_diag_set(r->diag, CPM_SYNTAX, 0, "size is no number");
	if(is_info(node, "expiry") && !cpm_date_parse_rfc3339(cpm_xml_text(node), &item->expiry_ms))
		return cpm_diag_set(r->diag, CPM_SYNTAX, 0, "expiry is no time");
	if(is_info(node, "subject"))
		return read_text(r, node, &item->subject);
	return is_info(node, "info") ? read_info(r, node, item) : CPM_OK;
}

/* sip:<id>@<host> */
static enum cpm_rc read_reference(
		struct reading *r, struct cpm_slice reference, struct cpm_msginfo_item *item)
{
	struct cpm_uri uri;

	if(cpm_uri_parse(reference, &uri, NULL) || uri.scheme == CPM_URI_TEL || !uri.user.n)
		return CPM_OK;
	return cpm_arena_dup(r->arena, uri.user, &item->id)
						   && cpm_arena_dup(r->arena, uri.host, &item->host)
				   ? CPM_OK
				   : no_memory(r);
}

static void read_status(const xmlNode *message, struct cpm_msginfo_item *item)
{
	for(size_t i = 1; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if(cpm_slice_eq(attribute(message, "status"), cpm_slice_of(statuses[i])))
			item->status = (enum cpm_msginfo_status)i;
	cpm_slice_u64(attribute(message, "uid"), &item->uid);
}

static enum cpm_rc read_message(
		struct reading *r, const xmlNode *message, struct cpm_msginfo_item *item)
{
	enum cpm_rc rc = take_room(r);

	if(rc)
		return rc;
	if(!cpm_date_parse_rfc3339(attribute(message, "date-time"), &item->date_ms))
		return cpm_diag_set(r->diag, CPM_SYNTAX, 0, "date-time is no time");
	read_status(message, item);
	if(!cpm_arena_dup(r->arena, attribute(message, "folder"), &item->folder))
		return no_memory(r);
	rc = read_reference(r, attribute(message, "message-reference"), item);
	for(const xmlNode *node = cpm_xml_first(message); node && !rc; node = cpm_xml_next(node))
		rc = read_child(r, node, item);
	return rc;
}

static enum cpm_rc read_root(struct reading *r, const xmlNode *root, struct cpm_msginfo *info)
{
	struct cpm_msginfo_item *items;
	enum cpm_rc rc = CPM_OK;

	if(!is_info(root, "message-list"))
		return cpm_diag_set(r->diag, CPM_SYNTAX, 0, "no message-list document");
	if(!cpm_slice_u64(attribute(root, "number"), &info->number))
		return cpm_diag_set(r->diag, CPM_SYNTAX, 0, "number is none");
	items = cpm_arena_array(r->arena, count_children(root, "message"), sizeof(*items));
	if(!items)
		return no_memory(r);
	info->items = items;
	for(const xmlNode *node = cpm_xml_first(root); node && !rc; node = cpm_xml_next(node))
		if(is_info(node, "message"))
			rc = read_message(r, node, &items[info->count++]);
	return rc;
}

enum cpm_rc cpm_msginfo_parse(struct cpm_slice text, const struct cpm_limits *limits,
		struct cpm_arena *arena, struct cpm_msginfo *info, struct cpm_diag *diag)
{
	struct reading r = {arena, limits->max_list_entries, diag};
	xmlDocPtr doc;
	enum cpm_rc rc;

	*info = (struct cpm_msginfo){0};
	rc = cpm_xml_parse(text, limits, &doc, diag);
	if(rc)
		return rc;
	rc = read_root(&r, cpm_xml_first((xmlNode *)doc), info);
	xmlFreeDoc(doc);
	if(rc)
		*info = (struct cpm_msginfo){0};
	return rc;
}
