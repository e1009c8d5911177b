/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/codec/feature.c.
 */
#include "unit.h"

#include "core/codec/feature.h"

#define BASE "urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm."
#define TAG "+g.3gpp.icsi-ref"
#define BIT(icsi) (1u << CPM_ICSI_##icsi)

static const struct {
	const char *value;
	unsigned in; /* BIT(...) of each service named */
	bool any;
} values[] = {
		{"*;" TAG "=\"" BASE "msg\"", BIT(MSG), true},
		{"*;" TAG "=\"" BASE "largemsg\"", BIT(LARGEMSG), true},
		{"*;" TAG "=\"" BASE "session\"", BIT(SESSION), true},
		{"*;" TAG "=\"" BASE "session.group\"", BIT(SESSION_GROUP), true},
		{"*;" TAG "=\"" BASE "msg\";require;explicit", BIT(MSG), true},
		{"*;audio, *;require;" TAG "=\"" BASE "msg\"", BIT(MSG), true},
		{"*;" TAG "=\"" BASE "msg," BASE "deferred , " BASE "largemsg\"",
				BIT(MSG) | BIT(DEFERRED) | BIT(LARGEMSG), true},
		{"*;" TAG "=\"" BASE "msg\";" TAG "=\"" BASE "deferred\"", BIT(MSG) | BIT(DEFERRED), true},
		{"<sip:b@h;" TAG "=\"x\">;+sip.instance=\"<urn:uuid:1>\";" TAG "=\"" BASE "filetransfer\"",
				BIT(FILETRANSFER), true},
		{"*;+G.3GPP.ICSI-Ref=\"URN%3aurn-7%3A3GPP-service.ims.icsi.OMA.cpm.MSG\"", BIT(MSG), true},
		{"*;" TAG "=\"urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg\"", BIT(MSG), true},
		{"*;" TAG "=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm%2Emsg\"", BIT(MSG), true},
		{"*; " TAG " = \"" BASE "msg\"", BIT(MSG), true},
		{"*;" TAG "=" BASE "msg", BIT(MSG), true},
		/* A service of CPM that this module does not know. */
		{"*;" TAG "=\"" BASE "hologram\"", 0, true},
		{"*;" TAG "=\"" BASE "msgs\"", 0, true},
		{"*;" TAG "=\"" BASE "ms\"", 0, true},
		{"*;" TAG "=\"" BASE "\"", 0, false},
		{"*;" TAG "=\"x" BASE "msg\"", 0, false},
		{"*;" TAG "=\"!" BASE "msg\"", 0, false},
		{"*;" TAG "=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\"", 0, false},
		{"*;" TAG "2=\"" BASE "msg\"", 0, false},
		{"*;x=\";" TAG "=" BASE "msg\"", 0, false},
		{"<sip:b@h;" TAG "=" BASE "msg>", 0, false},
		{"*;" TAG, 0, false},
		{"*", 0, false},
		{"", 0, false},
};

START_TEST(names_exactly)
{
	struct cpm_slice value = unit_guard(cpm_slice_of(values[_i].value));

	for(int icsi = 0; icsi < CPM_ICSI_COUNT; icsi++)
		ck_assert_msg(
				cpm_feature_in(value, (enum cpm_icsi)icsi) == !!(values[_i].in & (1u << icsi)),
				"%s: %s", values[_i].value, cpm_icsi_urn((enum cpm_icsi)icsi));
	ck_assert_msg(cpm_feature_any(value) == values[_i].any, "%s", values[_i].value);
}
END_TEST

START_TEST(takes_any_truncation)
{
	struct cpm_slice value = cpm_slice_of(values[_i].value);

	for(size_t n = 0; n < value.n; n++) {
		struct cpm_slice cut = unit_guard(cpm_slice_head(value, n));

		cpm_feature_in(cut, CPM_ICSI_MSG);
		cpm_feature_any(cut);
		cpm_feature_in_service(cut, CPM_ICSI_MSG);
	}
}
END_TEST

START_TEST(writes_what_it_reads)
{
	for(int i = 0; i < CPM_ICSI_COUNT; i++) {
		struct cpm_buf b;

		cpm_buf_init(&b, 200);
		cpm_feature_add_accept_contact(&b, (enum cpm_icsi)i);
		for(int k = 0; k < CPM_ICSI_COUNT; k++)
			ck_assert(cpm_feature_in(cpm_buf_slice(&b), (enum cpm_icsi)k) == (i == k));
		if(i == CPM_ICSI_MSG)
			ck_slice(cpm_buf_slice(&b), "*;" TAG "=\"" BASE "msg\"", "msg");
		cpm_buf_free(&b);
	}
	ck_assert(!cpm_feature_in(CPM_SLICE("*;" TAG "=\"" BASE "msg\""), CPM_ICSI_COUNT));
}
END_TEST

START_TEST(reads_services_in_the_clear)
{
	struct cpm_slice list = CPM_SLICE("urn:urn-7:3gpp-service.ims.icsi.mmtel, "
									  "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.LARGEMSG");

	ck_assert(cpm_feature_in_service(list, CPM_ICSI_LARGEMSG));
	ck_assert(!cpm_feature_in_service(list, CPM_ICSI_MSG));
	ck_assert(!cpm_feature_in_service(CPM_SLICE(""), CPM_ICSI_MSG));
	ck_assert(!cpm_feature_in_service(list, CPM_ICSI_COUNT));
}
END_TEST

START_TEST(knows_system_messages)
{
	ck_assert(cpm_feature_system(CPM_SLICE("*;+g.oma.cpm.system-message")));
	ck_assert(
			cpm_feature_system(CPM_SLICE("*;audio, *;require;+G.OMA.CPM.System-Message;explicit")));
	ck_assert(cpm_feature_system(CPM_SLICE("*;" TAG "=\"" BASE "systemmsg\"")));
	ck_assert(!cpm_feature_system(CPM_SLICE("*;+g.oma.cpm.system-message2")));
	ck_assert(!cpm_feature_system(CPM_SLICE("*;" TAG "=\"" BASE "msg\"")));
	ck_assert(!cpm_feature_system(CPM_SLICE("*;x=\"+g.oma.cpm.system-message\"")));
	ck_assert(!cpm_feature_system(CPM_SLICE_NONE));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("feature");

	tcase_add_loop_test(t, names_exactly, 0, UNIT_COUNT(values));
	tcase_add_loop_test(t, takes_any_truncation, 0, UNIT_COUNT(values));
	tcase_add_test(t, writes_what_it_reads);
	tcase_add_test(t, reads_services_in_the_clear);
	tcase_add_test(t, knows_system_messages);
	return unit_run("feature", t);
}
