/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/sdpmedia.c.
 */
#include "unit.h"

#include "core/codec/sdpmedia.h"

#define SESSION "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define MESSAGE "m=message 7 TCP/MSRP *\r\na=path:msrp://a:7/x;tcp\r\n"
#define SELECTOR "a=file-selector:size:4\r\n"

static const struct {
	const char *text;
	enum cpm_rc rc;
	const char *names; /* between blanks */
} rows[] = {
		{SESSION MESSAGE, CPM_OK, "message-session"},
		{SESSION "m=audio 4000/2 RTP/AVP 0 8\r\na=x\r\nm=video 4002 RTP/AVP 31\r\n", CPM_OK,
				"audio video"},
		{SESSION MESSAGE SELECTOR MESSAGE, CPM_OK, "file-transfer message-session"},
		{SESSION SELECTOR MESSAGE, CPM_OK, "message-session"},
		{SESSION MESSAGE "A=file-selector:x\r\n", CPM_OK, "message-session"},
		{SESSION MESSAGE "a=FILE-selector\r\n", CPM_OK, "file-transfer"},
		{SESSION "m=audio 1 RTP/AVP 0\r\n" SELECTOR, CPM_OK, "audio"},
		{SESSION "m=message 0 TCP/MSRP *\r\n" SELECTOR MESSAGE, CPM_OK, "message-session"},
		{SESSION MESSAGE "m=audio 0 RTP/AVP 0\r\n" SELECTOR, CPM_OK, "message-session"},
		{SESSION "m=audio 0 RTP/AVP 0\r\n", CPM_OK, ""},
		{SESSION, CPM_OK, ""},
		{"v=0\nm=MESSAGE 1 x\n", CPM_OK, "message-session"},
		{"v=0", CPM_OK, ""},
		{"", CPM_SYNTAX, ""},
		{"hello", CPM_SYNTAX, ""},
		{SESSION "m=\r\n", CPM_SYNTAX, ""},
		{SESSION "m=audio\r\n", CPM_SYNTAX, ""},
		{SESSION "m=audio 1\r\n", CPM_SYNTAX, ""},
		{SESSION "m=audio x RTP/AVP 0\r\n", CPM_SYNTAX, ""},
		{SESSION "m=audio 65535 RTP/AVP 0\r\n", CPM_OK, "audio"},
		{SESSION "m=audio 65536 RTP/AVP 0\r\n", CPM_SYNTAX, ""},
		{SESSION "m=au\"dio 1 RTP/AVP 0\r\n", CPM_SYNTAX, ""},
};

START_TEST(names_the_media)
{
	for(size_t i = 0; i < UNIT_COUNT(rows); i++) {
		char text[256];
		struct cpm_buf names;
		struct cpm_sdpmedia media;
		struct cpm_diag diag = {0};
		enum cpm_rc rc = cpm_sdpmedia_read(unit_guard(cpm_slice_of(rows[i].text)), &media, &diag);

		ck_assert_msg(rc == rows[i].rc, "row %zu: %s", i, cpm_rc_name(rc));
		if(rc) {
			ck_assert_ptr_nonnull(diag.reason);
			continue;
		}
		cpm_buf_init_fixed(&names, text, sizeof(text));
		for(size_t k = 0; k < media.count; k++) {
			cpm_buf_add_str(&names, k ? " " : "");
			cpm_buf_add(&names, media.names[k]);
		}
		ck_slice(cpm_buf_slice(&names), rows[i].names, rows[i].text);
	}
}
END_TEST

START_TEST(keeps_its_maxima)
{
	static char text[CPM_SDP_LINES_MAX * 32];
	struct cpm_sdpmedia media;
	size_t n = 0;

	for(size_t i = 0; i <= CPM_SDP_MEDIA_MAX; i++) {
		struct cpm_buf b;

		cpm_buf_init_fixed(&b, text, sizeof(text));
		cpm_buf_add_str(&b, "v=0\r\n");
		for(size_t k = 0; k < i; k++)
			cpm_buf_add_str(&b, "m=audio 1 RTP/AVP 0\r\n");
		ck_assert_int_eq(cpm_sdpmedia_read(cpm_buf_slice(&b), &media, NULL), CPM_OK);
		ck_assert_uint_eq(media.count, i);
		cpm_buf_add_str(&b, "m=audio 0 RTP/AVP 0\r\n");
		if(i == CPM_SDP_MEDIA_MAX)
			ck_assert_int_eq(cpm_sdpmedia_read(cpm_buf_slice(&b), &media, NULL), CPM_LIMIT);
	}
	n = (size_t)snprintf(text, sizeof(text), "v=0\n");
	for(size_t i = 1; i < CPM_SDP_LINES_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a=x\n");
	ck_assert_int_eq(cpm_sdpmedia_read((struct cpm_slice){text, n}, &media, NULL), CPM_OK);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "a=x\n");
	ck_assert_int_eq(cpm_sdpmedia_read((struct cpm_slice){text, n}, &media, NULL), CPM_LIMIT);
}
END_TEST

START_TEST(looks_into_lists)
{
	static const struct {
		const char *list, *name;
		bool in;
	} lists[] = {
			{"*", "audio", true},
			{"", "audio", false},
			{"audio", "audio", true},
			{"message-session, AUDIO", "audio", true},
			{"message-session,audio", "audio", true},
			{" video  audio ", "audio", true},
			{"audio-x video", "audio", false},
			{"aud", "audio", false},
			{"video *", "audio", true},
	};

	for(size_t i = 0; i < UNIT_COUNT(lists); i++)
		ck_assert_msg(cpm_sdpmedia_in(
							  unit_guard(cpm_slice_of(lists[i].list)), cpm_slice_of(lists[i].name))
							  == lists[i].in,
				"%s", lists[i].list);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("sdpmedia");

	tcase_add_test(t, names_the_media);
	tcase_add_test(t, keeps_its_maxima);
	tcase_add_test(t, looks_into_lists);
	return unit_run("sdpmedia", t);
}
