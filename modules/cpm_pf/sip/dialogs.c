/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The table of dialogs in shared memory.
 */
#include "dialogs.h"

#include <sys/random.h>

#include "../../core/locking.h"
#include "../../core/mem/shm.h"
#include "../core/codec/header.h"
#include "../ipc/clock.h"

/* The owner answers before, after a minute at most (bridge_wait_ms); tm's own time-out has long struck then. */
#define PENDING_MS 90000
/* RFC 3261 13.3.1.4: 64*T1. */
#define ACK_WAIT_MS 32000
/* Longer than any final response timer of tm. */
#define ENDING_MS 60000
/* A session without session timer; a peer that vanished must not be kept for ever. */
#define LIFE_MS (24 * 3600 * (int64_t)1000)
#define ID_SLOT_BITS 24

/* In shared memory, under lock. */
struct table {
	gen_lock_t lock;
	uint64_t seed, generation;
	size_t count, top; /* no slot from top on was ever used */
	size_t buckets;
};

struct dialog_config dialogs_config;
static struct table *table;
static struct dialog **slots, **buckets;
int64_t dialogs_now(void)
{
	return clock_ms();
}

void dialogs_lock(void)
{
	lock_get(&table->lock);
}

void dialogs_unlock(void)
{
	lock_release(&table->lock);
}

bool dialog_init(const struct dialog_config *c)
{
	size_t n = 64;

	dialogs_config = *c;
	while(n < dialogs_config.max / 4)
		n *= 2;
	table = shm_mallocxz(sizeof(*table));
	slots = shm_mallocxz(dialogs_config.max * sizeof(*slots));
	buckets = shm_mallocxz(n * sizeof(*buckets));
	if(!table || !slots || !buckets || !lock_init(&table->lock))
		return false;
	table->buckets = n;
	return getrandom(&table->seed, sizeof(table->seed), 0) == sizeof(table->seed);
}

size_t dialog_count(void)
{
	return table->count;
}

bool dialog_lives(dialog_id id)
{
	bool lives;

	dialogs_lock();
	lives = dialogs_find(id) != NULL;
	dialogs_unlock();
	return lives;
}

void dialogs_free(struct dialog *d)
{
	if(d->dlg)
		tm.free_dlg(d->dlg);
	if(d->target.s)
		shm_free(d->target.s);
	if(d->sdp.s)
		shm_free(d->sdp.s);
	if(d->farewell.s)
		shm_free(d->farewell.s);
	transaction_copy_free(&d->reply);
	shm_free(d);
}

void dialog_destroy(void)
{
	size_t i;

	for(i = 0; table && i < table->top; i++) {
		if(slots[i])
			dialogs_free(slots[i]);
	}
	if(slots)
		shm_free(slots);
	if(buckets)
		shm_free(buckets);
	if(table)
		shm_free(table);
	slots = buckets = NULL;
	table = NULL;
}

static size_t bucket_of(const str *call_id)
{
	return cpm_slice_hash(slice_of_str(call_id), table->seed) & (table->buckets - 1);
}

/* The functions below that end in _locked want the lock held. */

struct dialog *dialogs_find(dialog_id id)
{
	size_t slot = id & ((1u << ID_SLOT_BITS) - 1);

	return slot < dialogs_config.max && slots[slot] && slots[slot]->id == id ? slots[slot] : NULL;
}

bool dialogs_enter(struct dialog *d)
{
	size_t slot;

	if(table->count >= dialogs_config.max)
		return false;
	for(slot = 0; slot < table->top && slots[slot]; slot++)
		;
	if(slot == table->top)
		table->top++;
	slots[slot] = d;
	d->id = ++table->generation << ID_SLOT_BITS | slot;
	d->bucket = bucket_of(&d->dlg->id.call_id);
	d->next = buckets[d->bucket];
	buckets[d->bucket] = d;
	table->count++;
	return true;
}

void dialogs_leave(struct dialog *d)
{
	struct dialog **at = &buckets[d->bucket];

	while(*at != d)
		at = &(*at)->next;
	*at = d->next;
	slots[d->id & ((1u << ID_SLOT_BITS) - 1)] = NULL;
	table->count--;
}

void dialogs_each(int owner, bool (*each)(void *context, struct dialog *d), void *context)
{
	size_t i;

	for(i = 0; i < table->top; i++) {
		if(slots[i] && slots[i]->owner == owner && !each(context, slots[i]))
			break;
	}
}

static bool same(const str *a, const str *b)
{
	return a->len == b->len && memcmp(a->s, b->s, (size_t)a->len) == 0;
}

struct dialog *dialogs_match(const struct dialogs_key *key)
{
	struct dialog *d;

	for(d = buckets[bucket_of(&key->call_id)]; d; d = d->next) {
		if(same(&d->dlg->id.call_id, &key->call_id) && same(&d->dlg->id.rem_tag, &key->from_tag)
				&& (!key->to_tag.len || same(&d->dlg->id.loc_tag, &key->to_tag)))
			return d;
	}
	return NULL;
}

void dialogs_clock(struct dialog *d, int64_t now)
{
	switch(d->state) {
		case CPM_DIALOG_PENDING:
		case CPM_DIALOG_RINGING:
		case CPM_DIALOG_CANCELLED:
			d->deadline_ms = now + PENDING_MS;
			break;
		case CPM_DIALOG_ANSWERED:
			d->deadline_ms = now + ACK_WAIT_MS;
			break;
		case CPM_DIALOG_LEAVING:
			break;
		case CPM_DIALOG_CONFIRMED:
			d->deadline_ms = now + (d->expires_s ? cpm_session_give_up_ms(d->expires_s) : LIFE_MS);
			d->refresh_ms =
					d->expires_s && d->refresher ? now + cpm_session_refresh_ms(d->expires_s) : 0;
			break;
		case CPM_DIALOG_ENDING:
		case CPM_DIALOG_ENDED:
		default:
			d->deadline_ms = now + ENDING_MS;
			break;
	}
	if(d->state != CPM_DIALOG_ANSWERED && d->state != CPM_DIALOG_LEAVING)
		d->resend_ms = 0;
}

/* Moves the state and notes what is for the owner. */
unsigned dialogs_move(struct dialog *d, enum cpm_dialog_event event, int64_t now)
{
	enum cpm_dialog_state before = d->state;
	unsigned steps = cpm_dialog_next(&d->state, event);

	if(d->state != before)
		dialogs_clock(d, now);
	d->todo |= steps & ~(unsigned)(CPM_DIALOG_SEND_180 | CPM_DIALOG_SEND_200 | CPM_DIALOG_SEND_487);
	return steps;
}

unsigned dialogs_step(dialog_id id, enum cpm_dialog_event event)
{
	struct dialog *d;
	unsigned steps = 0, todo = 0;
	int owner = 0;

	dialogs_lock();
	if((d = dialogs_find(id))) {
		steps = dialogs_move(d, event, dialogs_now());
		todo = d->todo;
		owner = d->owner;
	}
	dialogs_unlock();
	if(todo)
		dialogs_config.post(owner, id);
	return steps;
}
static const struct hdr_field *header_of(const struct sip_msg *msg, hdr_types_t type)
{
	const struct hdr_field *h;

	for(h = msg->headers; h && h->type != type; h = h->next)
		;
	return h;
}

/* Does any header of this type list the token? */
bool dialogs_header_lists(const struct sip_msg *msg, hdr_types_t type, struct cpm_slice token)
{
	struct cpm_slice rest, value;
	const struct hdr_field *h;

	for(h = msg->headers; h; h = h->next) {
		if(h->type != type)
			continue;
		rest = slice_of_str(&h->body);
		while(cpm_header_next_value(&rest, &value)) {
			if(cpm_slice_ieq(value, token))
				return true;
		}
	}
	return false;
}

void dialogs_wish(const struct sip_msg *msg, struct cpm_session_wish *wish)
{
	const struct hdr_field *h = header_of(msg, HDR_SESSIONEXPIRES_T);
	enum cpm_refresher ignored;

	*wish = (struct cpm_session_wish){
			.timer = dialogs_header_lists(msg, HDR_SUPPORTED_T, CPM_SLICE("timer"))
					 || dialogs_header_lists(msg, HDR_REQUIRE_T, CPM_SLICE("timer"))};
	if(h && !cpm_session_expires_parse(slice_of_str(&h->body), &wish->expires_s, &wish->refresher))
		wish->expires_s = 0;
	h = header_of(msg, HDR_MIN_SE_T);
	if(h && !cpm_session_expires_parse(slice_of_str(&h->body), &wish->min_s, &ignored))
		wish->min_s = 0;
}

void dialogs_reply(struct sip_msg *msg, int code, const char *reason, struct cpm_buf *lines)
{
	cpm_buf_add_str(lines, dialogs_config.server_line);
	transaction_refuse(
			msg, code, reason, lines->rc == CPM_OK ? cpm_buf_slice(lines) : CPM_SLICE_NONE);
}

bool dialogs_transaction(struct sip_msg *msg, bool *retransmission)
{
	struct cell *t = tm.t_gett();
	int rc;

	*retransmission = false;
	if(t && t != T_UNDEFINED)
		return true;
	rc = tm.t_newtran(msg);
	*retransmission = rc == 0;
	return rc > 0;
}
