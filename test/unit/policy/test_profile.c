/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of core/policy/profile.c.
 */
#include "policy.h"

#define A "urn:uuid:00000000-0000-4000-8000-0000000000a1"
#define DELIVER(media, value) "<deliver media=\"" media "\">" value "</deliver>"
#define DEVICE(instance, body) "<device instance=\"" instance "\">" body "</device>"
#define ACTIVE(body) UPP("<profile id=\"day\" active=\"true\">" body "</profile>")
#define NO_PAGER DEVICE(A, DELIVER("pager-mode-message", "false"))

/* The companion's composed example, section 3. */
static const char composed[] =
		UPP("<profile id=\"night\" active=\"false\">" NO_PAGER "</profile>"
			"<profile id=\"day\" active=\"true\">" DEVICE(A,
					DELIVER("pager-mode-message", "true") DELIVER("large-message", "false")
							DELIVER("deferred", "true")) "</profile>");

static const struct {
	const char *name;
	const char *profile;
	const char *instance;
	enum cpm_medium medium;
	bool wanted;
} rows[] = {
		{"no document", NULL, A, CPM_MEDIUM_PAGER, true},
		{"companion 3, pager", composed, A, CPM_MEDIUM_PAGER, true},
		{"companion 3, large", composed, A, CPM_MEDIUM_LARGE, false},
		{"companion 3, deferred", composed, A, CPM_MEDIUM_DEFERRED, true},
		{"companion 3, session", composed, A, CPM_MEDIUM_SESSION, true},
		{"refused", ACTIVE(NO_PAGER), A, CPM_MEDIUM_PAGER, false},
		{"another medium", ACTIVE(NO_PAGER), A, CPM_MEDIUM_LARGE, true},
		{"angle brackets", ACTIVE(NO_PAGER), "<" A ">", CPM_MEDIUM_PAGER, false},
		{"quotes", ACTIVE(NO_PAGER), "\"<" A ">\"", CPM_MEDIUM_PAGER, false},
		{"quotes and blanks", ACTIVE(NO_PAGER), " \" < " A " > \" ", CPM_MEDIUM_PAGER, false},
		{"case", ACTIVE(NO_PAGER), "URN:UUID:00000000-0000-4000-8000-0000000000A1",
				CPM_MEDIUM_PAGER, false},
		{"brackets in the document",
				ACTIVE(DEVICE("&quot;&lt;" A "&gt;&quot;", DELIVER("pager-mode-message", "0"))), A,
				CPM_MEDIUM_PAGER, false},
		{"another device", ACTIVE(NO_PAGER), "urn:uuid:00000000-0000-4000-8000-0000000000a2",
				CPM_MEDIUM_PAGER, true},
		{"longer instance", ACTIVE(NO_PAGER), A "1", CPM_MEDIUM_PAGER, true},
		{"no instance", ACTIVE(NO_PAGER), "", CPM_MEDIUM_PAGER, true},
		{"empty quotes", ACTIVE(NO_PAGER), "\"\"", CPM_MEDIUM_PAGER, true},
		{"device without instance",
				ACTIVE("<device>" DELIVER("pager-mode-message", "false") "</device>" DEVICE(
						"", DELIVER("pager-mode-message", "false"))),
				"", CPM_MEDIUM_PAGER, true},
		{"no active profile", UPP("<profile id=\"n\">" NO_PAGER "</profile>"), A, CPM_MEDIUM_PAGER,
				true},
		{"active by number", UPP("<profile id=\"n\" active=\"1\">" NO_PAGER "</profile>"), A,
				CPM_MEDIUM_PAGER, false},
		{"the first active one",
				UPP("<profile active=\"true\"/><profile active=\"true\">" NO_PAGER "</profile>"), A,
				CPM_MEDIUM_PAGER, true},
		{"no clear word", ACTIVE(DEVICE(A, DELIVER("pager-mode-message", "perhaps"))), A,
				CPM_MEDIUM_PAGER, true},
		{"nothing said", ACTIVE(DEVICE(A, DELIVER("pager-mode-message", ""))), A, CPM_MEDIUM_PAGER,
				true},
		{"twice, once no", ACTIVE(DEVICE(A, DELIVER("pager-mode-message", "true")) NO_PAGER), A,
				CPM_MEDIUM_PAGER, false},
		{"deferred-messages", ACTIVE(DEVICE(A, DELIVER("deferred-messages", "false"))), A,
				CPM_MEDIUM_DEFERRED, false},
		{"session", ACTIVE(DEVICE(A, DELIVER("message-session", "FALSE"))), A, CPM_MEDIUM_SESSION,
				false},
		{"unknown medium", ACTIVE(DEVICE(A, DELIVER("smell", "false"))), A, CPM_MEDIUM_PAGER, true},
		{"empty", UPP(""), A, CPM_MEDIUM_PAGER, true},
};

START_TEST(selects_clients)
{
	struct policy p;

	policy_load(&p, NULL, NULL, rows[_i].profile);
	ck_assert_msg(cpm_decide_client(
						  p.compiled, unit_guard(cpm_slice_of(rows[_i].instance)), rows[_i].medium)
						  == rows[_i].wanted,
			"%s", rows[_i].name);
	policy_free(&p);
}
END_TEST

START_TEST(limits_devices)
{
	struct policy p;

	policy_init(&p, NULL, NULL, ACTIVE(DEVICE(A, "") DEVICE(A, "")));
	p.limits.max_conditions = 2;
	ck_assert_int_eq(policy_compile(&p), CPM_OK);
	p.limits.max_conditions = 1;
	ck_assert_int_eq(policy_compile(&p), CPM_LIMIT);
	ck_assert_uint_eq(p.culprit, 2);
	policy_free(&p);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("profile");

	tcase_add_loop_test(t, selects_clients, 0, UNIT_COUNT(rows));
	tcase_add_test(t, limits_devices);
	return unit_run("policy/profile", t);
}
