/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Is a message of a form that can be kept and reported on? Foreign bytes get
 * their reason, one log line and a counter here.
 */
#ifndef CPM_FORM_H
#define CPM_FORM_H

#include "../module/context.h"

/* Looks at the body once, however many functions of the script ask; c->cpim is what was found. False with c->reason "malformed",
 * "too-large" or "unsupported". */
bool form_check(struct context *c, const struct request *r);

/* The request cannot be kept: c->reason follows from the result. Always false. */
bool form_refuse_rc(struct context *c, enum cpm_rc rc, const struct cpm_diag *diag);

#endif
