/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Drives the documents process by hand, in the test's own process, and records
 * what those who wait are told.
 */
#ifndef TEST_DRIVER_H
#define TEST_DRIVER_H

#include "core/policy/decide.h"
#include "host.h"
#include "unit.h"
#include "xdm/process.h"
#include "xdm/xdm.h"

#define BOB CPM_SLICE("sip:bob@example.net")
#define BOB_LISTS "/resource-lists/users/sip:bob@example.net/index"
#define BOB_RULES "/org.openmobilealliance.access-rules/users/sip:bob@example.net/access-rules"
#define BOB_PROFILE "/profiles/users/sip:bob@example.net/profile"
#define LISTS(body) \
	"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\">" body "</resource-lists>"
#define BLOCK(body) LISTS("<list name=\"oma_blockedcontacts\">" body "</list>")
#define ENTRY(uri) "<entry uri=\"" uri "\"/>"

extern struct xdm_config driver_config;
extern struct cpm_limits driver_limits;

/* What the calls of resume saw. */
extern struct driver_seen {
	size_t count;
	size_t states[4];
	enum xdm_state state; /* the last one's */
	size_t blocked;       /* entries in the block list, of the last one */
	unsigned long long last;
} driver_seen;

/* Defaults for a root; then change driver_config as wanted and start. */
void driver_config_reset(const char *root);
void driver_start(void);
/* Ends all, and fails the test when a block of shared memory is left. */
void driver_stop(void);

int64_t driver_now_ms(void);
/* Lets real time pass until it is later than that. */
void driver_pass(int64_t until_ms);
bool driver_wait(struct cpm_slice aor, bool refresh);
/* Waits, and turns until answered; the state that resume saw. */
enum xdm_state driver_load(struct cpm_slice aor, bool refresh);
/* The state at a time; an entry is released at once. *blocked (when given): as in driver_seen. */
enum xdm_state driver_look(struct cpm_slice aor, int64_t now_ms, size_t *blocked);
struct xdm_stats driver_stats(void);

/* Turns until the condition holds; fails the test after ten seconds. */
#define driver_until(condition)                                                            \
	do {                                                                                   \
		int64_t driver_end = driver_now_ms() + 10000 * unit_slowness();                    \
		while(!(condition)) {                                                              \
			ck_assert_msg(driver_now_ms() < driver_end, "line %d: " #condition, __LINE__); \
			process_turn(10);                                                              \
		}                                                                                  \
	} while(0)

#endif
