/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Stands in for Kamailio's SIP message.
 */
#ifndef STUB_MSG_PARSER_H
#define STUB_MSG_PARSER_H

typedef struct {
	char *s;
	int len;
} str;

struct sip_msg {
	str new_uri;
	struct {
		struct {
			struct {
				str uri;
			} request;
		} u;
	} first_line;
};

#endif
