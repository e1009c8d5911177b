/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The table of CPM's warning texts and the writer of the header value.
 */
#include "warning.h"

#include "../base/ascii.h"

static const struct {
	unsigned code;
	const char *text;
} texts[] = {
		{119, "119 Anonymity not allowed"},
		{122, "122 Function not allowed"},
		{125, "125 No messages"},
		{127, "127 Service not authorised"},
		{132, "132 Version not supported"},
};

bool cpm_warning_text(unsigned code, struct cpm_slice *text)
{
	for(size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if(texts[i].code == code) {
			*text = cpm_slice_of(texts[i].text);
			return true;
		}
	}
	return false;
}

static bool agent_valid(struct cpm_slice agent)
{
	for(size_t i = 0; i < agent.n; i++)
		if(!cpm_ascii_token(agent.p[i]) && !cpm_ascii_in(agent.p[i], ":[]"))
			return false;
	return agent.n > 0;
}

static bool text_valid(struct cpm_slice text)
{
	for(size_t i = 0; i < text.n; i++)
		if(cpm_ascii_control(text.p[i]) && text.p[i] != '\t')
			return false;
	return true;
}

bool cpm_warning_add(struct cpm_buf *b, struct cpm_slice agent, struct cpm_slice text)
{
	if(!agent_valid(agent) || !text_valid(text))
		return false;
	cpm_buf_add_str(b, "399 ");
	cpm_buf_add(b, agent);
	cpm_buf_add_str(b, " \"");
	for(size_t i = 0; i < text.n; i++) {
		if(cpm_ascii_in(text.p[i], "\"\\"))
			cpm_buf_add_char(b, '\\');
		cpm_buf_add_char(b, text.p[i]);
	}
	cpm_buf_add_char(b, '"');
	return true;
}
