/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The tables.
 */
#include "state.h"

#include <stddef.h>

struct row {
	int state, event, step, next;
};

/* clang-format off */
static const struct row legs[] = {
	{LEG_IDLE,    LEG_LISTEN, LEG_WAIT,    LEG_AWAITED},
	{LEG_IDLE,    LEG_DIAL,   LEG_CONNECT, LEG_DIALLED},
	/* The peer connects although the answer with its path is still on its way. */
	{LEG_IDLE,    LEG_CALLED, LEG_WELCOME, LEG_BOUND},
	{LEG_IDLE,    LEG_LATE,   LEG_LOSE,    LEG_GONE},
	{LEG_IDLE,    LEG_CLOSE,  LEG_FREE,    LEG_GONE},
	{LEG_AWAITED, LEG_CALLED, LEG_WELCOME, LEG_BOUND},
	{LEG_AWAITED, LEG_LATE,   LEG_LOSE,    LEG_GONE},
	{LEG_AWAITED, LEG_CLOSE,  LEG_FREE,    LEG_GONE},
	{LEG_DIALLED, LEG_UP,     LEG_GREET,   LEG_BOUND},
	/* Its relay was faster, over a connection of the relay's own. */
	{LEG_DIALLED, LEG_CALLED, LEG_WELCOME, LEG_BOUND},
	{LEG_DIALLED, LEG_DOWN,   LEG_LOSE,    LEG_GONE},
	{LEG_DIALLED, LEG_LATE,   LEG_LOSE,    LEG_GONE},
	{LEG_DIALLED, LEG_CLOSE,  LEG_FREE,    LEG_GONE},
	{LEG_BOUND,   LEG_DOWN,   LEG_LOSE,    LEG_GONE},
	{LEG_BOUND,   LEG_LATE,   LEG_LOSE,    LEG_GONE},
	{LEG_BOUND,   LEG_CLOSE,  LEG_FREE,    LEG_GONE},
};

static const struct row intakes[] = {
	{INTAKE_NONE,   INTAKE_BEGIN,    INTAKE_OPEN,      INTAKE_TAKING},
	{INTAKE_TAKING, INTAKE_MORE,     INTAKE_TAKE,      INTAKE_TAKING},
	{INTAKE_TAKING, INTAKE_COMPLETE, INTAKE_HAND_OVER, INTAKE_WHOLE},
	{INTAKE_TAKING, INTAKE_ABORT,    INTAKE_DISCARD,   INTAKE_NONE},
	/* What is whole can no longer be given up by its sender. */
	{INTAKE_WHOLE,  INTAKE_VERDICT,  INTAKE_ANSWER,    INTAKE_NONE},
};

static const struct row outgos[] = {
	{OUTGO_NONE,       OUTGO_BEGIN,     OUTGO_START,   OUTGO_SENDING},
	{OUTGO_SENDING,    OUTGO_LAST,      OUTGO_WATCH,   OUTGO_CONFIRMING},
	{OUTGO_SENDING,    OUTGO_REFUSED,   OUTGO_FAIL,    OUTGO_NONE},
	{OUTGO_CONFIRMING, OUTGO_CONFIRMED, OUTGO_SUCCEED, OUTGO_NONE},
	{OUTGO_CONFIRMING, OUTGO_REFUSED,   OUTGO_FAIL,    OUTGO_NONE},
};
/* clang-format on */

static int look_up(const struct row *rows, size_t count, int *state, int event)
{
	for(size_t i = 0; i < count; i++) {
		if(rows[i].state == *state && rows[i].event == event) {
			*state = rows[i].next;
			return rows[i].step;
		}
	}
	return 0;
}

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

enum leg_step leg_next(enum leg_state *state, enum leg_event event)
{
	int s = (int)*state, step = look_up(legs, COUNT(legs), &s, (int)event);

	*state = (enum leg_state)s;
	return (enum leg_step)step;
}

enum intake_step intake_next(enum intake_state *state, enum intake_event event)
{
	int s = (int)*state, step = look_up(intakes, COUNT(intakes), &s, (int)event);

	*state = (enum intake_state)s;
	return (enum intake_step)step;
}

enum outgo_step outgo_next(enum outgo_state *state, enum outgo_event event)
{
	int s = (int)*state, step = look_up(outgos, COUNT(outgos), &s, (int)event);

	*state = (enum outgo_state)s;
	return (enum outgo_step)step;
}

const char *leg_state_name(enum leg_state state)
{
	static const char *const names[] = {"idle", "awaited", "dialled", "bound", "gone"};

	return state < LEG_STATES ? names[state] : "?";
}
