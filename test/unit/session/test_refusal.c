/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/session/refusal.c.
 */
#include "unit.h"

#include "core/session/refusal.h"

#define HEAD "v=0\r\no=- 7 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n"
#define OFFER "v=0\r\no=bob 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"

static const struct
{
	const char *name, *offer;
	enum cpm_rc rc;
	const char *answer;
} rows[] = {
		{"none", "", CPM_OK, HEAD},
		{"no stream", OFFER, CPM_OK, HEAD},
		{"MSRP", OFFER "m=message 7654 TCP/MSRP *\r\na=path:msrp://192.0.2.9:7654/x;tcp\r\n",
				CPM_OK, HEAD "m=message 0 TCP/MSRP *\r\n"},
		{"two streams",
				OFFER
				"m=audio 49170 RTP/AVP 0 8 97\r\na=sendrecv\r\nm=video 51372/2 RTP/AVP 31\r\n",
				CPM_OK, HEAD "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"},
		{"bare line feeds", "v=0\nm=audio 1 RTP/AVP 0\n", CPM_OK, HEAD "m=audio 0 RTP/AVP 0\r\n"},
		{"blank line at its end", "v=0\r\n\r\n", CPM_OK, HEAD},
		{"no SDP", "hello", CPM_SYNTAX, NULL},
		{"another version", "v=1\r\n", CPM_SYNTAX, NULL},
		{"no format", OFFER "m=audio 49170 RTP/AVP\r\n", CPM_SYNTAX, NULL},
		{"two blanks", OFFER "m=audio  RTP/AVP 0\r\n", CPM_SYNTAX, NULL},
		{"a control character", OFFER "m=au\x01o 1 RTP/AVP 0\r\n", CPM_SYNTAX, NULL},
		{"no type", "v=0\r\nnonsense\r\n", CPM_SYNTAX, NULL},
		{"blank line within", "v=0\r\n\r\nm=audio 1 RTP/AVP 0\r\n", CPM_SYNTAX, NULL},
};

static enum cpm_rc refuse(struct cpm_slice offer, struct cpm_buf *out)
{
	return cpm_sdp_refuse(offer, CPM_SLICE("192.0.2.5"), 7, out, NULL);
}

START_TEST(refuses_every_stream)
{
	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct cpm_slice offer = cpm_slice_of(rows[i].offer);
		struct cpm_buf out;
		char memory[1024];

		cpm_buf_init_fixed(&out, memory, sizeof(memory));
		enum cpm_rc rc = refuse(unit_guard(offer), &out);
		ck_assert_msg(rc == rows[i].rc, "%s: %s", rows[i].name, cpm_rc_name(rc));
		if(rows[i].answer)
			ck_slice(cpm_buf_slice(&out), rows[i].answer, rows[i].name);
		for(size_t n = 0; n < offer.n; n++) {
			cpm_buf_init_fixed(&out, memory, sizeof(memory));
			refuse(unit_guard(cpm_slice_head(offer, n)), &out);
		}
	}
}
END_TEST

START_TEST(knows_its_limits)
{
	char offer[4096] = "v=0\r\n";
	struct cpm_buf out;
	char memory[4096];

	for(int i = 0; i < CPM_SDP_STREAMS_MAX; i++)
		strcat(offer, "m=audio 1 RTP/AVP 0\r\n");
	cpm_buf_init_fixed(&out, memory, sizeof(memory));
	ck_assert_int_eq(refuse(cpm_slice_of(offer), &out), CPM_OK);
	/* Each size of the buffer below the answer's is an error, never an overrun. */
	for(size_t n = 0; n < 100; n++) {
		cpm_buf_init_fixed(&out, memory, n);
		ck_assert_int_eq(refuse(cpm_slice_of(offer), &out), CPM_LIMIT);
	}
	strcat(offer, "m=audio 1 RTP/AVP 0\r\n");
	cpm_buf_init_fixed(&out, memory, sizeof(memory));
	ck_assert_int_eq(refuse(cpm_slice_of(offer), &out), CPM_LIMIT);
}
END_TEST

START_TEST(writes_ipv6)
{
	struct cpm_buf out;
	char memory[256];

	cpm_buf_init_fixed(&out, memory, sizeof(memory));
	ck_assert_int_eq(
			cpm_sdp_refuse(CPM_SLICE_NONE, CPM_SLICE("2001:db8::5"), 1, &out, NULL), CPM_OK);
	ck_slice(cpm_buf_slice(&out),
			"v=0\r\no=- 1 1 IN IP6 2001:db8::5\r\ns=-\r\nc=IN IP6 2001:db8::5\r\nt=0 0\r\n",
			"ipv6");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("refusal");

	tcase_add_test(t, refuses_every_stream);
	tcase_add_test(t, knows_its_limits);
	tcase_add_test(t, writes_ipv6);
	return unit_run("refusal", t);
}
