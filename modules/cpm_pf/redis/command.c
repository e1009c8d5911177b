/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Commands and queues of commands.
 */
#include "command.h"

#include <stdlib.h>

#include "../core/base/buf.h"

/* '*' or '$', 20 digits, CR LF */
#define FRAME_MAX 24

static void put_bytes(struct command *c, struct cpm_slice s)
{
	if(s.n == 0)
		return;
	if(s.n > c->cap - c->size) {
		c->overflow = true;
		return;
	}
	memcpy(c->bytes + c->size, s.p, s.n);
	c->size += s.n;
}

static void put_count(struct command *c, char sign, size_t n)
{
	char text[FRAME_MAX];
	size_t at = sizeof(text);

	text[--at] = '\n';
	text[--at] = '\r';
	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while(n);
	text[--at] = sign;
	put_bytes(c, (struct cpm_slice){text + at, sizeof(text) - at});
}

struct command *command_new(enum command_kind kind, size_t count, size_t argument_bytes)
{
	size_t cap;
	struct command *c;

	if(count > 100000 || argument_bytes > SIZE_MAX / 2)
		return NULL;
	cap = argument_bytes + (count + 1) * (FRAME_MAX + 2);
	c = malloc(sizeof(*c) + cap);
	if(!c)
		return NULL;
	*c = (struct command){.kind = kind, .cap = cap};
	put_count(c, '*', count);
	return c;
}

void command_arg3(struct command *c, struct cpm_slice a, struct cpm_slice b, struct cpm_slice d)
{
	put_count(c, '$', a.n + b.n + d.n);
	put_bytes(c, a);
	put_bytes(c, b);
	put_bytes(c, d);
	put_bytes(c, CPM_SLICE("\r\n"));
}

void command_arg(struct command *c, struct cpm_slice arg)
{
	command_arg3(c, arg, CPM_SLICE_NONE, CPM_SLICE_NONE);
}

void command_arg_i64(struct command *c, int64_t value)
{
	char memory[FRAME_MAX];
	struct cpm_buf text;

	cpm_buf_init_fixed(&text, memory, sizeof(memory));
	cpm_buf_add_i64(&text, value);
	command_arg(c, cpm_buf_slice(&text));
}

struct command *command_of(enum command_kind kind, size_t count, const char *const *args)
{
	size_t bytes = 0;
	struct command *c;

	for(size_t i = 0; i < count; i++)
		bytes += strlen(args[i]);
	c = command_new(kind, count, bytes);
	for(size_t i = 0; c && i < count; i++)
		command_arg(c, cpm_slice_of(args[i]));
	return c;
}

void command_free(struct command *c)
{
	if(c) {
		free(c->first_id);
		free(c->known);
	}
	free(c);
}

void command_push(struct command_queue *q, struct command *c)
{
	c->next = NULL;
	if(q->tail)
		q->tail->next = c;
	else
		q->head = c;
	q->tail = c;
	q->count++;
}

struct command *command_pop(struct command_queue *q)
{
	struct command *c = q->head;

	if(!c)
		return NULL;
	q->head = c->next;
	if(!q->head)
		q->tail = NULL;
	q->count--;
	c->next = NULL;
	return c;
}

void command_prepend(struct command_queue *q, struct command_queue *from)
{
	if(!from->head)
		return;
	from->tail->next = q->head;
	if(!q->tail)
		q->tail = from->tail;
	q->head = from->head;
	q->count += from->count;
	*from = (struct command_queue){.head = NULL};
}
