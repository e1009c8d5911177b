/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * What the RPC commands share. They run in RPC processes, ask the store over a
 * connection of their own, and wait a bounded time.
 */
#ifndef CPM_RPC_H
#define CPM_RPC_H

#include "../../core/rpc.h"
#include "../../core/str.h"
#include "../core/codec/uri.h"

/* The user of a command, canonical, in memory of CPM_URI_KEY_MAX; on a bad one the fault is set. */
bool rpc_user(rpc_t *rpc, void *ctx, const str *text, char *memory, struct cpm_uri_key *key);

/* Fields of a structure. A number too large for an int is written as text; a time of 0 is left out. */
void rpc_add_text(rpc_t *rpc, void *handle, char *name, struct cpm_slice text);
void rpc_add_number(rpc_t *rpc, void *handle, char *name, int64_t value);
void rpc_add_time(rpc_t *rpc, void *handle, char *name, int64_t ms);
/* A list of the lines of text. */
void rpc_add_lines(rpc_t *rpc, void *handle, struct cpm_slice text);

/* rpc_queue.c */
extern const char *rpc_list_doc[], *rpc_show_doc[], *rpc_flush_doc[], *rpc_hold_doc[],
		*rpc_release_doc[], *rpc_delete_doc[], *rpc_expire_doc[], *rpc_requeue_doc[],
		*rpc_shape_doc[];
void rpc_list(rpc_t *rpc, void *ctx);
void rpc_show(rpc_t *rpc, void *ctx);
void rpc_flush(rpc_t *rpc, void *ctx);
void rpc_hold(rpc_t *rpc, void *ctx);
void rpc_release(rpc_t *rpc, void *ctx);
void rpc_delete(rpc_t *rpc, void *ctx);
void rpc_expire(rpc_t *rpc, void *ctx);
void rpc_requeue(rpc_t *rpc, void *ctx);
void rpc_shape(rpc_t *rpc, void *ctx);

/* rpc_media.c */
extern const char *rpc_msrp_doc[];
void rpc_msrp(rpc_t *rpc, void *ctx);

/* rpc_documents.c */
extern const char *rpc_explain_doc[], *rpc_documents_doc[], *rpc_reload_doc[];
void rpc_explain(rpc_t *rpc, void *ctx);
void rpc_documents(rpc_t *rpc, void *ctx);
void rpc_reload(rpc_t *rpc, void *ctx);

#endif
