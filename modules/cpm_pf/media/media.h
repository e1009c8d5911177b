/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The processes "cpm_pf: msrp": the endpoint, a connection to the store for
 * octets of large messages, and the dialogs of their sessions. A session lives
 * in one of them.
 */
#ifndef CPM_MEDIA_H
#define CPM_MEDIA_H

#include "../module/command.h"
#include "../msrp/leg.h"
#include "pace.h"

/* In mod_init, before it: can msrp_listen be listened at? Says why not. */
bool media_check(void);
/* In mod_init. False without memory. */
bool media_init(void);
/* Is there such a process at all (msrp_listen)? */
bool media_on(void);

/* Any process: is the store of all of them there? */
bool media_available(void);
/* Any process: which one a new session goes to; each takes its turn. */
int media_choose(void);
/* Its number among the owners of dialogs, behind those of the queue. */
int media_owner(int process);

/* Any process: what the endpoint of one of them counted, a second ago at most. */
struct endpoint_statistics media_statistics(int process);
/* ... and how many CPM sessions go through it. */
size_t media_conversations(int process);

/* The life of process number index (from 0): never returns. */
void media_run(int index);

/* In such a process. */
int media_self(void);
struct endpoint *media_endpoint(void);
struct store *media_store(void);
/* Who may hand octets to the store, by this clock. */
struct pace *media_pace(void);
int64_t media_now_us(void);
/* Serves those that wait for it, as far as they may go. */
void media_pace_run(void);
/* Where we listen, plain, by IPv4 if we do; false when we do not. */
bool media_place(bool tls, struct endpoint_place *place);

#endif
