/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The writer gives every line of header and XML the CRLF of MIME's canonical
 * form, so that one report has one form whatever carries it.
 */
#include "imdn.h"

#include "../base/ascii.h"
#include "date.h"
#include "xml.h"

#define NS_IMDN "urn:ietf:params:xml:ns:imdn"

static const char *const kinds[] = {
		"delivery-notification", "processing-notification", "display-notification"};

/* RFC 5438 section 11.1.9: what each notification may say. */
static const struct {
	enum cpm_imdn_kind kind;
	enum cpm_imdn_status status;
	const char *name;
} statuses[] = {
		{CPM_IMDN_DELIVERY, CPM_IMDN_DELIVERED, "delivered"},
		{CPM_IMDN_DELIVERY, CPM_IMDN_FAILED, "failed"},
		{CPM_IMDN_DELIVERY, CPM_IMDN_FORBIDDEN, "forbidden"},
		{CPM_IMDN_DELIVERY, CPM_IMDN_ERROR, "error"},
		{CPM_IMDN_PROCESSING, CPM_IMDN_PROCESSED, "processed"},
		{CPM_IMDN_PROCESSING, CPM_IMDN_STORED, "stored"},
		{CPM_IMDN_PROCESSING, CPM_IMDN_FORBIDDEN, "forbidden"},
		{CPM_IMDN_PROCESSING, CPM_IMDN_ERROR, "error"},
		{CPM_IMDN_DISPLAY, CPM_IMDN_DISPLAYED, "displayed"},
		{CPM_IMDN_DISPLAY, CPM_IMDN_FORBIDDEN, "forbidden"},
		{CPM_IMDN_DISPLAY, CPM_IMDN_ERROR, "error"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *status_name(enum cpm_imdn_kind kind, enum cpm_imdn_status status)
{
	for(size_t i = 0; i < COUNT(statuses); i++)
		if(statuses[i].kind == kind && statuses[i].status == status)
			return statuses[i].name;
	return NULL;
}

static bool one_line(struct cpm_slice s)
{
	for(size_t i = 0; i < s.n; i++)
		if(cpm_ascii_control(s.p[i]))
			return false;
	return true;
}

/* A URI that can stand between < and >. */
static bool address(struct cpm_slice s)
{
	return s.n && one_line(s) && cpm_slice_find(s, '>') == s.n;
}

static enum cpm_rc check(const struct cpm_imdn_envelope *envelope, const struct cpm_imdn *imdn,
		struct cpm_diag *diag)
{
	if(!address(envelope->from) || !address(envelope->to))
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "no usable address");
	if(!envelope->id.n || !one_line(envelope->id) || !imdn->message_id.n)
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "no usable message id");
	for(size_t i = 0; i < envelope->route_count; i++)
		if(!envelope->routes[i].n || !one_line(envelope->routes[i]))
			return cpm_diag_set(diag, CPM_SYNTAX, 0, "no usable route");
	if(!status_name(imdn->kind, imdn->status))
		return cpm_diag_set(diag, CPM_UNSUPPORTED, 0, "no status of this notification");
	return CPM_OK;
}

static void add_line(
		struct cpm_buf *out, const char *before, struct cpm_slice value, const char *after)
{
	cpm_buf_add_str(out, before);
	cpm_buf_add(out, value);
	cpm_buf_add_str(out, after);
	cpm_buf_add_str(out, "\r\n");
}

static void add_headers(struct cpm_buf *out, const struct cpm_imdn_envelope *envelope)
{
	add_line(out, "From: <", envelope->from, ">");
	add_line(out, "To: <", envelope->to, ">");
	cpm_buf_add_str(out, "DateTime: ");
	cpm_date_add_rfc3339(out, envelope->now_ms);
	cpm_buf_add_str(out, "\r\nNS: imdn <urn:ietf:params:imdn>\r\n");
	add_line(out, "imdn.Message-ID: ", envelope->id, "");
	for(size_t i = 0; i < envelope->route_count; i++)
		add_line(out, "imdn.IMDN-Route: ", envelope->routes[i], "");
	cpm_buf_add_str(out, "\r\n"
						 "Content-Type: message/imdn+xml\r\n"
						 "Content-Disposition: notification\r\n"
						 "\r\n");
}

static void add_element(struct cpm_buf *out, const char *name, struct cpm_slice value)
{
	if(!value.n)
		return;
	cpm_buf_add_str(out, "  <");
	cpm_buf_add_str(out, name);
	cpm_buf_add_char(out, '>');
	cpm_xml_add_text(out, value);
	cpm_buf_add_str(out, "</");
	cpm_buf_add_str(out, name);
	cpm_buf_add_str(out, ">\r\n");
}

static void add_document(struct cpm_buf *out, const struct cpm_imdn *imdn)
{
	const char *const words[] = {"  <", kinds[imdn->kind], "><status><",
			status_name(imdn->kind, imdn->status), "/></status></", kinds[imdn->kind],
			">\r\n</imdn>\r\n"};

	cpm_buf_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
						 "<imdn xmlns=\"" NS_IMDN "\">\r\n");
	add_element(out, "message-id", imdn->message_id);
	add_element(out, "datetime", imdn->datetime);
	add_element(out, "recipient-uri", imdn->recipient_uri);
	add_element(out, "original-recipient-uri", imdn->original_recipient_uri);
	add_element(out, "subject", imdn->subject);
	for(size_t i = 0; i < COUNT(words); i++)
		cpm_buf_add_str(out, words[i]);
}

enum cpm_rc cpm_imdn_build(const struct cpm_imdn_envelope *envelope, const struct cpm_imdn *imdn,
		struct cpm_buf *out, struct cpm_diag *diag)
{
	enum cpm_rc rc = check(envelope, imdn, diag);

	if(rc)
		return rc;
	add_headers(out, envelope);
	add_document(out, imdn);
	return out->rc ? cpm_diag_set(diag, out->rc, 0, "no room or memory") : CPM_OK;
}

static bool is_imdn(const xmlNode *node, const char *name)
{
	return cpm_xml_is(node, NS_IMDN, name) || (!node->ns && cpm_xml_is(node, NULL, name));
}

static enum cpm_imdn_status read_status(const xmlNode *notification, enum cpm_imdn_kind kind)
{
	const xmlNode *status = cpm_xml_first(notification);
	const xmlNode *word;

	while(status && !is_imdn(status, "status"))
		status = cpm_xml_next(status);
	word = status ? cpm_xml_first(status) : NULL;
	for(size_t i = 0; word && i < COUNT(statuses); i++)
		if(statuses[i].kind == kind && is_imdn(word, statuses[i].name))
			return statuses[i].status;
	return CPM_IMDN_OTHER;
}

/* Fills imdn with slices of the tree; *notifications counts those of a known kind. */
static void read_child(const xmlNode *node, struct cpm_imdn *imdn, size_t *notifications)
{
	const struct {
		const char *name;
		struct cpm_slice *value;
	} texts[] = {
			{"message-id", &imdn->message_id},
			{"datetime", &imdn->datetime},
			{"recipient-uri", &imdn->recipient_uri},
			{"original-recipient-uri", &imdn->original_recipient_uri},
			{"subject", &imdn->subject},
	};

	for(size_t i = 0; i < COUNT(texts); i++)
		if(is_imdn(node, texts[i].name) && !texts[i].value->n)
			*texts[i].value = cpm_xml_text(node);
	for(size_t i = 0; i < COUNT(kinds); i++) {
		if(!is_imdn(node, kinds[i]))
			continue;
		imdn->kind = (enum cpm_imdn_kind)i;
		imdn->status = read_status(node, imdn->kind);
		++*notifications;
	}
}

static enum cpm_rc keep(struct cpm_imdn *imdn, struct cpm_arena *arena)
{
	struct cpm_slice *texts[] = {&imdn->message_id, &imdn->datetime, &imdn->recipient_uri,
			&imdn->original_recipient_uri, &imdn->subject};

	for(size_t i = 0; i < COUNT(texts); i++)
		if(!cpm_arena_dup(arena, *texts[i], texts[i]))
			return CPM_NOMEM;
	return CPM_OK;
}

static enum cpm_rc read_root(
		const xmlNode *root, struct cpm_arena *arena, struct cpm_imdn *imdn, struct cpm_diag *diag)
{
	size_t notifications = 0;

	if(!is_imdn(root, "imdn"))
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "no imdn document");
	for(const xmlNode *node = cpm_xml_first(root); node; node = cpm_xml_next(node))
		read_child(node, imdn, &notifications);
	if(!imdn->message_id.n)
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "no message-id");
	if(!notifications)
		return cpm_diag_set(diag, CPM_UNSUPPORTED, 0, "no notification of a known kind");
	if(notifications > 1)
		return cpm_diag_set(diag, CPM_SYNTAX, 0, "several notifications");
	if(keep(imdn, arena))
		return cpm_diag_set(diag, CPM_NOMEM, 0, "no memory");
	return CPM_OK;
}

enum cpm_rc cpm_imdn_parse(struct cpm_slice content, const struct cpm_limits *limits,
		struct cpm_arena *arena, struct cpm_imdn *imdn, struct cpm_diag *diag)
{
	xmlDocPtr doc;
	enum cpm_rc rc;

	*imdn = (struct cpm_imdn){.status = CPM_IMDN_OTHER};
	rc = cpm_xml_parse(content, limits, &doc, diag);
	if(rc)
		return rc;
	rc = read_root(cpm_xml_first((xmlNode *)doc), arena, imdn, diag);
	xmlFreeDoc(doc);
	if(rc)
		*imdn = (struct cpm_imdn){.status = CPM_IMDN_OTHER};
	return rc;
}
