/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * A bounded wait across processes. The block in shared memory is freed by
 * whichever side comes second: the one that waits, or the one that answers.
 */
#include "obtain.h"

#include <stdatomic.h>
#include <unistd.h>

#include "../../core/mem/shm.h"
#include "../module/context.h"
#include "../module/wake.h"

#define OBTAIN_STEP_MS 5

enum { WAITING, ANSWERED, ABANDONED };

struct obtain {
	atomic_int state;
	enum xdm_state docs;
	struct xdm_entry *entry;
};

void obtain_resume(unsigned long long token, struct cpm_slice aor)
{
	struct obtain *o = (struct obtain *)(uintptr_t)token;
	int waiting = WAITING;

	o->docs = xdm_lookup(aor, now_ms(), &o->entry);
	if(atomic_compare_exchange_strong(&o->state, &waiting, ANSWERED))
		return;
	xdm_release(&o->entry);
	shm_free(o);
}

enum xdm_state obtain_documents(
		struct cpm_slice aor, bool refresh, int wait_ms, struct xdm_entry **entry)
{
	struct xdm_waiter waiter = {.kind = WAITER_RPC};
	struct obtain *o;
	enum xdm_state docs;
	int waiting = WAITING, waited;

	*entry = NULL;
	if(!refresh && (docs = xdm_lookup(aor, now_ms(), entry)) != XDM_MISS)
		return docs;
	if(!(o = shm_mallocxz(sizeof(*o))))
		return XDM_FAILED;
	waiter.a = (unsigned long long)(uintptr_t)o;
	if(!xdm_wait(aor, &waiter, refresh)) {
		shm_free(o);
		return XDM_FAILED;
	}
	for(waited = 0; waited < wait_ms && atomic_load(&o->state) == WAITING; waited += OBTAIN_STEP_MS)
		usleep(OBTAIN_STEP_MS * 1000);
	if(atomic_compare_exchange_strong(&o->state, &waiting, ABANDONED))
		return XDM_FAILED;
	docs = o->docs;
	*entry = o->entry;
	shm_free(o);
	return docs;
}
