/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * cpm_pf, an OMA CPM Participating Function: the module's exports and life
 * cycle.
 */
#include <libxml/parser.h>

#include "../../core/cfg/cfg_struct.h"
#include "../../core/globals.h"
#include "../../core/pt.h"
#include "../archive/archive.h"
#include "../media/media.h"
#include "../queue/queue.h"
#include "../redis/admin.h"
#include "../script/choice.h"
#include "../sip/contacts.h"
#include "../sip/message.h"
#include "../sip/transaction.h"
#include "command.h"
#include "event.h"
#include "exports.h"
#include "settings.h"
#include "statistics.h"
#include "wake.h"

MODULE_VERSION

/* The documents process. */
#define XDM_PROCESSES 1

static int mod_init(void);
static int child_init(int rank);
static void mod_destroy(void);

/* clang-format off */
struct module_exports exports = {
	"cpm_pf",
	DEFAULT_DLFLAGS,
	exports_functions,
	settings_params,
	rpc_commands,
	variables,
	0,
	mod_init,
	child_init,
	mod_destroy
};
/* clang-format on */

int mod_register(char *path, int *dlflags, void *p1, void *p2)
{
	sr_kemi_modules_add(exports_kemi);
	return 0;
}

/* Says what is unsafe about the store before the first message relies on it; refuses the start when told to. */
static bool durability_check(void)
{
	char sentence[512];
	const char *error = NULL;

	if(!admin_durability(&settings.store, sentence, sizeof(sentence), &error)) {
		LM_WARN("the store at %s does not answer yet (%s): messages to be deferred get 503 until "
				"it "
				"does\n",
				settings.redis_address, error ? error : "unknown");
		return true;
	}
	if(!sentence[0])
		return true;
	if(settings.redis_require_durable) {
		LM_ERR("a 202 would not be safe: %s (or set redis_require_durable to 0)\n", sentence);
		return false;
	}
	LM_WARN("a 202 is not fully safe: %s\n", sentence);
	return true;
}

static int store_processes(void)
{
	return archive_configured() ? settings.store_workers : 0;
}

static int media_processes(void)
{
	return media_on() ? settings.msrp_workers : 0;
}

static int own_processes(void)
{
	return settings.queue_workers + XDM_PROCESSES + store_processes() + media_processes();
}

static int mod_init(void)
{
	const char *error = NULL;

	if(!settings_check() || !statistics_init() || !transaction_init() || !event_init())
		return -1;
	if(server_signature)
		LM_WARN("server_signature is on, so requests carry two User-Agent headers: set "
				"server_signature=no\n");
	message_init(settings.release, post_answer_expires);
	if(!contacts_init(settings.location, settings.contact_xavp, settings.hostname,
			   settings.push_on_register ? wake_registered : NULL))
		return -1;
	xmlInitParser();
	if(!xdm_init(&settings.xdm, wake_waiter, &error)) {
		LM_ERR("documents: %s\n", error ? error : "no memory");
		return -1;
	}
	if(!dialog_init(&(struct dialog_config){.max = (size_t)settings.max_dialogs,
			   .min_se_s = (unsigned)settings.min_se_s,
			   .session_s = (unsigned)settings.session_expires_s,
			   .server_line = settings_server_line(),
			   .agent_line = settings_agent_line(),
			   .post = command_post_dialog})) {
		LM_ERR("no shared memory for dialogs\n");
		return -1;
	}
	if(!choice_init((size_t)settings.session_places)) {
		LM_ERR("no shared memory for where sessions are\n");
		return -1;
	}
	if(!queue_init() || !archive_init()) {
		LM_ERR("no shared memory for the queue\n");
		return -1;
	}
	if(!media_check())
		return -1;
	if(!media_init()) {
		LM_ERR("no shared memory for large messages\n");
		return -1;
	}
	if(!durability_check())
		return -1;
	register_procs(own_processes());
	cfg_register_child(own_processes());
	return 0;
}

static void housekeeping(void)
{
	cfg_update();
}

static void documents_run(int index)
{
	xdm_run(housekeeping);
}

static int process_start(const char *name, void (*run)(int index), int index)
{
	int pid = fork_process(PROC_RPC, (char *)name, 1);

	if(pid != 0)
		return pid < 0 ? -1 : 0;
	if(cfg_child_init())
		exit(1);
	run(index);
	exit(1);
}

static int child_init(int rank)
{
	int i;

	if(rank != PROC_MAIN)
		return 0;
	for(i = 0; i < settings.queue_workers; i++) {
		if(process_start("cpm_pf: queue", queue_run, i) < 0)
			return -1;
	}
	for(i = 0; i < media_processes(); i++) {
		if(process_start("cpm_pf: msrp", media_run, i) < 0)
			return -1;
	}
	for(i = 0; i < store_processes(); i++) {
		if(process_start("cpm_pf: store", archive_run, i) < 0)
			return -1;
	}
	return process_start("cpm_pf: documents", documents_run, 0);
}

static void mod_destroy(void)
{
	dialog_destroy();
	xdm_destroy();
}
