/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The steps of append, find and remove.
 */
#include "imapcall.h"

/* What an answer means for the step that it ends. */
enum event {
	EV_OK,
	EV_NO,
	EV_TRYCREATE,
	EV_NOWHERE, /* APPEND: stored, but no UID was told */
	EV_FOUND,
	EV_NONE,
	EV_OTHER, /* SELECT: another folder of that name than before */
	EV_SHUT,  /* SELECT: it may well be there, but cannot be looked into now */
};

enum verdict { GO, END_OK, END_ABSENT, END_REFUSED };

#define ANY (IMAPCALL_APPEND | IMAPCALL_FIND | IMAPCALL_REMOVE)

static const struct row {
	unsigned kinds;
	enum imapcall_step step;
	enum event event;
	enum verdict verdict;
	enum imapcall_step next;
} table[] = {
		{IMAPCALL_APPEND, IMAPCALL_APPENDING, EV_OK, END_OK, IMAPCALL_ENDED},
		{IMAPCALL_APPEND, IMAPCALL_APPENDING, EV_NOWHERE, GO, IMAPCALL_SELECTING},
		{IMAPCALL_APPEND, IMAPCALL_APPENDING, EV_TRYCREATE, GO, IMAPCALL_CREATING},
		{IMAPCALL_APPEND, IMAPCALL_APPENDING, EV_NO, END_REFUSED, IMAPCALL_ENDED},
		/* Somebody else may have made it meanwhile: the next APPEND tells. */
		{IMAPCALL_APPEND, IMAPCALL_CREATING, EV_OK, GO, IMAPCALL_SUBSCRIBING},
		{IMAPCALL_APPEND, IMAPCALL_CREATING, EV_NO, GO, IMAPCALL_APPENDING},
		{IMAPCALL_APPEND, IMAPCALL_SUBSCRIBING, EV_OK, GO, IMAPCALL_APPENDING},
		{IMAPCALL_APPEND, IMAPCALL_SUBSCRIBING, EV_NO, GO, IMAPCALL_APPENDING},
		{IMAPCALL_APPEND, IMAPCALL_SELECTING, EV_NO, GO, IMAPCALL_APPENDING},
		{IMAPCALL_APPEND, IMAPCALL_SEARCHING, EV_FOUND, END_OK, IMAPCALL_ENDED},
		{IMAPCALL_APPEND, IMAPCALL_SEARCHING, EV_NONE, GO, IMAPCALL_APPENDING},
		{ANY, IMAPCALL_SELECTING, EV_OK, GO, IMAPCALL_SEARCHING},
		{ANY, IMAPCALL_SELECTING, EV_NO, END_ABSENT, IMAPCALL_ENDED},
		/* Its UIDs were given anew: the key still finds it. */
		{ANY, IMAPCALL_SELECTING, EV_OTHER, GO, IMAPCALL_SEARCHING},
		{ANY, IMAPCALL_SELECTING, EV_NONE, END_ABSENT, IMAPCALL_ENDED},
		{ANY, IMAPCALL_SELECTING, EV_SHUT, END_REFUSED, IMAPCALL_ENDED},
		{IMAPCALL_FIND, IMAPCALL_SEARCHING, EV_FOUND, END_OK, IMAPCALL_ENDED},
		{IMAPCALL_REMOVE, IMAPCALL_SEARCHING, EV_FOUND, GO, IMAPCALL_MARKING},
		{ANY, IMAPCALL_SEARCHING, EV_NONE, END_ABSENT, IMAPCALL_ENDED},
		{ANY, IMAPCALL_SEARCHING, EV_NO, END_REFUSED, IMAPCALL_ENDED},
		{IMAPCALL_REMOVE, IMAPCALL_MARKING, EV_OK, GO, IMAPCALL_EXPUNGING},
		{IMAPCALL_REMOVE, IMAPCALL_MARKING, EV_NO, END_REFUSED, IMAPCALL_ENDED},
		{IMAPCALL_REMOVE, IMAPCALL_EXPUNGING, EV_OK, END_OK, IMAPCALL_ENDED},
		{IMAPCALL_REMOVE, IMAPCALL_EXPUNGING, EV_NO, END_REFUSED, IMAPCALL_ENDED},
};

void imapcall_start(struct imapcall *call)
{
	bool append = call->kind == IMAPCALL_APPEND;

	if(append && call->doubtful)
		call->again = true;
	call->step = append && !call->again ? IMAPCALL_APPENDING : IMAPCALL_SELECTING;
	call->literal_waits = false;
	if(call->kind == IMAPCALL_REMOVE && !call->uidvalidity)
		call->uid = 0;
}

static void add_uid(struct cpm_buf *out, const char *before, uint32_t uid, const char *after)
{
	cpm_buf_add_str(out, before);
	cpm_buf_add_u64(out, uid);
	cpm_buf_add_str(out, after);
}

static enum cpm_rc add_folder(
		struct cpm_buf *out, const char *command, struct cpm_slice folder, const char *after)
{
	enum cpm_rc rc;

	cpm_buf_add_str(out, command);
	rc = cpm_imap_add_quoted(out, folder);
	cpm_buf_add_str(out, after);
	return rc;
}

static enum cpm_rc add_append(struct imapcall *call, bool literal_plus, struct cpm_buf *out)
{
	enum cpm_rc rc = add_folder(out, "APPEND ", call->folder, " {");

	cpm_buf_add_u64(out, call->object.n);
	cpm_buf_add_str(out, literal_plus ? "+}\r\n" : "}\r\n");
	call->literal_waits = true;
	if(literal_plus)
		imapcall_add_literal(call, out);
	return rc;
}

enum cpm_rc imapcall_add_command(struct imapcall *call, bool literal_plus, struct cpm_buf *out)
{
	enum cpm_rc rc = CPM_OK;

	call->seen = 0;
	switch(call->step) {
		case IMAPCALL_APPENDING:
			rc = add_append(call, literal_plus, out);
			break;
		case IMAPCALL_CREATING:
			rc = add_folder(out, "CREATE ", call->folder, "\r\n");
			break;
		case IMAPCALL_SUBSCRIBING:
			rc = add_folder(out, "SUBSCRIBE ", call->folder, "\r\n");
			break;
		case IMAPCALL_SELECTING:
			rc = add_folder(out, call->kind == IMAPCALL_REMOVE ? "SELECT " : "EXAMINE ",
					call->folder, "\r\n");
			break;
		case IMAPCALL_SEARCHING:
			cpm_buf_add_str(out, "UID SEARCH HEADER Message-ID ");
			rc = cpm_imap_add_quoted(out, call->key);
			cpm_buf_add_str(out, "\r\n");
			break;
		case IMAPCALL_MARKING:
			add_uid(out, "UID STORE ", call->uid, " +FLAGS.SILENT (\\Deleted)\r\n");
			break;
		case IMAPCALL_EXPUNGING:
			add_uid(out, "UID EXPUNGE ", call->uid, "\r\n");
			break;
		case IMAPCALL_ENDED:
			break;
	}
	return rc ? rc : out->rc;
}

bool imapcall_add_literal(struct imapcall *call, struct cpm_buf *out)
{
	if(!call->literal_waits)
		return false;
	call->literal_waits = false;
	call->under_way = true;
	cpm_buf_add(out, call->object);
	cpm_buf_add_str(out, "\r\n");
	return true;
}

void imapcall_note(struct imapcall *call, const struct cpm_imap_response *r)
{
	uint32_t n;

	if(call->step == IMAPCALL_SELECTING && cpm_imap_code_number(r->code, "UIDVALIDITY", &n))
		call->seen = n;
	if(call->step == IMAPCALL_SEARCHING && r->status == CPM_IMAP_DATA
			&& cpm_imap_search_last(r->text, &n) && n > call->seen)
		call->seen = n;
}

/* Reads the numbers of an OK answer. */
static enum event ok_event(struct imapcall *call, const struct cpm_imap_response *r)
{
	switch(call->step) {
		case IMAPCALL_APPENDING:
			call->under_way = false;
			call->appended = !cpm_imap_append_uid(r->code, &call->uidvalidity, &call->uid);
			return call->appended ? EV_NOWHERE : EV_OK;
		case IMAPCALL_SELECTING:
			if(call->kind == IMAPCALL_REMOVE && call->uid && call->seen != call->uidvalidity) {
				call->uid = 0;
				/* An empty key would find anything. */
				return call->key.n ? EV_OTHER : EV_NONE;
			}
			call->uidvalidity = call->seen;
			return call->kind == IMAPCALL_REMOVE && call->uid ? EV_FOUND : EV_OK;
		case IMAPCALL_SEARCHING:
			call->uid = call->seen;
			return call->seen ? EV_FOUND : EV_NONE;
		default:
			return EV_OK;
	}
}

/* Is this NO to a SELECT about something else than that the folder is missing? Servers without the codes of RFC 5530 say NO for a
 * missing one and little else. */
static bool shut(const struct cpm_imap_response *r)
{
	static const char *const codes[] = {"UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT", "NOPERM",
			"CONTACTADMIN", "CORRUPTION", "AUTHORIZATIONFAILED", "AUTHENTICATIONFAILED", "EXPIRED",
			"PRIVACYREQUIRED"};

	if(r->status != CPM_IMAP_NO)
		return true;
	for(size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if(cpm_imap_code_is(r->code, codes[i]))
			return true;
	return false;
}

static enum event event_of(struct imapcall *call, const struct cpm_imap_response *r)
{
	if(r->status == CPM_IMAP_OK)
		return ok_event(call, r);
	if(call->step == IMAPCALL_APPENDING) {
		call->under_way = false;
		if(r->status == CPM_IMAP_NO && cpm_imap_code_is(r->code, "TRYCREATE") && !call->created) {
			call->created = true;
			return EV_TRYCREATE;
		}
	}
	return call->step == IMAPCALL_SELECTING && shut(r) ? EV_SHUT : EV_NO;
}

static void end(struct imapcall *call, enum imap_rc rc, const char *reason, struct cpm_slice detail)
{
	bool searched = call->step == IMAPCALL_SEARCHING;

	call->step = IMAPCALL_ENDED;
	call->result = (struct imap_result){.rc = rc, .reason = reason, .detail = detail};
	if(rc != IMAP_OK)
		return;
	call->result.uid = call->uid;
	call->result.uidvalidity = call->uidvalidity;
	call->result.found = call->kind == IMAPCALL_APPEND && searched && !call->appended;
}

static const char *refusal_of(const struct cpm_imap_response *r)
{
	if(cpm_imap_code_is(r->code, "OVERQUOTA"))
		return "quota";
	return cpm_imap_code_is(r->code, "TOOBIG") || cpm_imap_code_is(r->code, "LIMIT") ? "too-large"
																					 : "refused";
}

void imapcall_answered(struct imapcall *call, const struct cpm_imap_response *r)
{
	enum event event = event_of(call, r);

	/* With the UID at hand there is nothing to search for. */
	if(call->kind == IMAPCALL_REMOVE && call->step == IMAPCALL_SELECTING && event == EV_FOUND) {
		call->step = IMAPCALL_MARKING;
		return;
	}
	/* Stored without a UID, and not to be found either: no second copy. */
	if(call->appended && (event == EV_NONE || call->step == IMAPCALL_SELECTING) && event != EV_OK) {
		end(call, IMAP_UNSURE, "no-uidplus", r->text);
		return;
	}
	/* What an earlier connection left may still arrive: without the object no second one. */
	if(call->doubtful && event != EV_OK && event != EV_FOUND) {
		end(call, IMAP_UNSURE, event == EV_NONE || event == EV_NO ? "lost" : refusal_of(r),
				r->text);
		return;
	}
	for(size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct row *row = &table[i];

		if(!(row->kinds & call->kind) || row->step != call->step || row->event != event)
			continue;
		if(row->verdict == END_OK)
			end(call, IMAP_OK, "ok", r->text);
		else if(row->verdict == END_ABSENT)
			end(call, IMAP_ABSENT, "absent", r->text);
		else if(row->verdict == END_REFUSED)
			end(call, IMAP_REFUSED, refusal_of(r), r->text);
		else
			call->step = row->next;
		return;
	}
	end(call, IMAP_REFUSED, "protocol", r->text);
}

void imapcall_lost(struct imapcall *call, bool sent)
{
	/* The end of the object never left: nobody can have stored it. */
	if(call->under_way && sent)
		call->doubtful = true;
	call->under_way = false;
}

void imapcall_fail(
		struct imapcall *call, enum imap_rc rc, const char *reason, struct cpm_slice detail)
{
	if(call->kind == IMAPCALL_APPEND && (call->doubtful || call->appended) && rc == IMAP_DOWN)
		rc = IMAP_UNSURE;
	end(call, rc, reason, detail);
}
