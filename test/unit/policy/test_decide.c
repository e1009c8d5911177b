/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Tests of the rules: core/policy/ruleset.c, conditions.c, match.c and decide.c.
 * Rows of documents, facts, verdict and rule.
 */
#include "policy.h"

#define NOW INT64_C(1893535200000) /* 2030-01-01T22:00:00Z */
#define ALICE "sip:alice@example.org"
#define BOTH ALICE " tel:+15550101"

static const char lists[] = LISTS(LIST("friends", ENTRY(ALICE) ENTRY("tel:+15550102"))
				LIST("foes", ENTRY("sip:mallory@example.net")) LIST("empty", ""));

struct row {
	const char *name;
	const char *rules;
	const char *originators;
	enum cpm_action action;
	const char *rule; /* "" when no rule speaks */
	enum cpm_medium medium;
	bool anonymous;
};

/* One rule r for pager mode with an extra condition and allow-defer. */
#define DEFER_IF(conditions) RULES(RULE("r", PAGER conditions, DO("allow-defer")))
#define YES CPM_DEFER, "r"
#define NO CPM_DELIVER, ""

static const struct row conditions[] = {
		{"no other", DEFER_IF(""), ALICE, YES},
		{"no other, nobody", DEFER_IF(""), "", YES},
		{"one", DEFER_IF(ONE(ALICE)), ALICE, YES},
		{"one by second identity", DEFER_IF(ONE("tel:+1-555-0101")), BOTH, YES},
		{"one, another", DEFER_IF(ONE("sip:bob@example.org")), ALICE, NO},
		{"one, prefix", DEFER_IF(ONE("sip:alice@example.or")), ALICE, NO},
		{"one, nobody", DEFER_IF(ONE(ALICE)), "", NO},
		{"one unreadable", DEFER_IF(ONE("alice")), ALICE, NO},
		{"one without id", DEFER_IF(IDENTITY("<cp:one/>")), ALICE, NO},
		{"one of several", DEFER_IF(IDENTITY("<cp:one id=\"sip:a@b\"/><cp:one id=\"" ALICE "\"/>")),
				ALICE, YES},
		{"one narrowed down by something unknown",
				DEFER_IF(IDENTITY("<cp:one id=\"" ALICE "\"><alien:x/></cp:one>")), ALICE, NO},
		{"one of another namespace", DEFER_IF(IDENTITY("<alien:one id=\"" ALICE "\"/>")), ALICE,
				NO},
		{"empty identity", DEFER_IF(IDENTITY("")), ALICE, NO},
		{"many", DEFER_IF(IDENTITY("<cp:many/>")), ALICE, YES},
		{"many, nobody", DEFER_IF(IDENTITY("<cp:many/>")), "", NO},
		{"many, a number", DEFER_IF(IDENTITY("<cp:many/>")), "tel:+15550101", YES},
		{"domain", DEFER_IF(IDENTITY("<cp:many domain=\"Example.ORG\"/>")), ALICE, YES},
		{"domain with dot", DEFER_IF(IDENTITY("<cp:many domain=\"example.org.\"/>")), ALICE, YES},
		{"domain of equal length", DEFER_IF(IDENTITY("<cp:many domain=\"example.net\"/>")), ALICE,
				NO},
		{"longer domain", DEFER_IF(IDENTITY("<cp:many domain=\"example.organic\"/>")), ALICE, NO},
		{"shorter domain", DEFER_IF(IDENTITY("<cp:many domain=\"example.or\"/>")), ALICE, NO},
		{"sub-domain", DEFER_IF(IDENTITY("<cp:many domain=\"example.org\"/>")),
				"sip:alice@sub.example.org", NO},
		{"parent domain", DEFER_IF(IDENTITY("<cp:many domain=\"sub.example.org\"/>")), ALICE, NO},
		{"empty domain", DEFER_IF(IDENTITY("<cp:many domain=\"\"/>")), ALICE, NO},
		{"empty domain with exception",
				DEFER_IF(IDENTITY("<cp:many domain=\"\"><cp:except id=\"sip:a@b\"/></cp:many>")),
				ALICE, NO},
		{"domain, a number", DEFER_IF(IDENTITY("<cp:many domain=\"example.org\"/>")),
				"tel:+15550101", NO},
		{"domain of a number as sip URI", DEFER_IF(IDENTITY("<cp:many domain=\"example.org\"/>")),
				"sip:+15550101@example.org;user=phone", YES},
		{"except id", DEFER_IF(IDENTITY("<cp:many><cp:except id=\"" ALICE "\"/></cp:many>")), ALICE,
				NO},
		{"except id, another",
				DEFER_IF(IDENTITY("<cp:many><cp:except id=\"" ALICE "\"/></cp:many>")),
				"sip:alic@example.org", YES},
		{"except id, longer",
				DEFER_IF(IDENTITY("<cp:many><cp:except id=\"" ALICE "\"/></cp:many>")),
				"sip:alice@example.orgs", YES},
		{"except id in domain",
				DEFER_IF(IDENTITY(
						"<cp:many domain=\"example.org\"><cp:except id=\"" ALICE "\"/></cp:many>")),
				ALICE, NO},
		{"except id in domain, another",
				DEFER_IF(
						IDENTITY("<cp:many domain=\"example.org\"><cp:except id=\"sip:b@example.org"
								 "\"/></cp:many>")),
				ALICE, YES},
		{"except id in another domain",
				DEFER_IF(
						IDENTITY("<cp:many domain=\"example.net\"><cp:except id=\"sip:b@example.net"
								 "\"/></cp:many>")),
				ALICE, NO},
		{"except last of three",
				DEFER_IF(IDENTITY("<cp:many><cp:except id=\"sip:a@b\"/><cp:except id=\"sip:c@d\"/>"
								  "<cp:except id=\"" ALICE "\"/></cp:many>")),
				ALICE, NO},
		{"except first of three",
				DEFER_IF(
						IDENTITY("<cp:many><cp:except id=\"" ALICE "\"/><cp:except id=\"sip:c@d\"/>"
								 "<cp:except id=\"sip:a@b\"/></cp:many>")),
				ALICE, NO},
		{"except domain",
				DEFER_IF(IDENTITY("<cp:many><cp:except domain=\"EXAMPLE.org\"/></cp:many>")), ALICE,
				NO},
		{"except domain of equal length",
				DEFER_IF(IDENTITY("<cp:many><cp:except domain=\"example.net\"/></cp:many>")), ALICE,
				YES},
		{"except by second identity",
				DEFER_IF(IDENTITY("<cp:many><cp:except id=\"tel:+15550101\"/></cp:many>")), BOTH,
				NO},
		{"except of something unknown", DEFER_IF(IDENTITY("<cp:many><alien:except/></cp:many>")),
				ALICE, NO},
		{"excepted here, named there",
				DEFER_IF(IDENTITY("<cp:many><cp:except id=\"" ALICE
								  "\"/></cp:many><cp:one id=\"" ALICE "\"/>")),
				ALICE, YES},
		{"two identities, both", DEFER_IF(ONE(ALICE) IDENTITY("<cp:many domain=\"example.org\"/>")),
				ALICE, YES},
		{"two identities, one of them", DEFER_IF(ONE(ALICE) ONE("sip:b@c")), ALICE, NO},
		{"list", DEFER_IF(EXTERNAL_LIST("friends")), ALICE, YES},
		{"list by second identity", DEFER_IF(EXTERNAL_LIST("friends")),
				"sip:carol@example.org tel:+15550102", YES},
		{"list, not in it", DEFER_IF(EXTERNAL_LIST("foes")), ALICE, NO},
		{"list, nobody", DEFER_IF(EXTERNAL_LIST("friends")), "", NO},
		{"list, empty", DEFER_IF(EXTERNAL_LIST("empty")), ALICE, NO},
		{"list, not there", DEFER_IF(EXTERNAL_LIST("none")), ALICE, NO},
		{"list without entries", DEFER_IF("<ocp:external-list/>"), ALICE, NO},
		{"one of two lists",
				DEFER_IF("<ocp:external-list><ocp:entry anc=\"" LISTS_URL
								SELECT("foes") "\"/><ocp:entry anc=\"" LISTS_URL SELECT(
										"friends") "\"/></ocp:external-list>"),
				ALICE, YES},
		{"attribute anchor is none",
				DEFER_IF("<ocp:external-list><ocp:entry anchor=\"" LISTS_URL SELECT(
						"friends") "\"/></ocp:external-list>"),
				ALICE, NO},
		{"other-identity", DEFER_IF(OTHER), ALICE, YES},
		{"other-identity, nobody", DEFER_IF(OTHER), "", YES},
		{"other-identity beside identity", DEFER_IF(OTHER ONE(ALICE)), ALICE, NO},
		{"identity beside other-identity", DEFER_IF(ONE(ALICE) OTHER), ALICE, NO},
		{"not anonymous", DEFER_IF(ANONYMOUS), ALICE, NO},
		{"anonymous", DEFER_IF(ANONYMOUS), ALICE, YES, .anonymous = true},
		{"anonymous, no condition", DEFER_IF(""), ALICE, YES, .anonymous = true},
		{"anonymous, one", DEFER_IF(ONE(ALICE)), ALICE, NO, .anonymous = true},
		{"anonymous, many", DEFER_IF(IDENTITY("<cp:many/>")), ALICE, NO, .anonymous = true},
		{"anonymous, list", DEFER_IF(EXTERNAL_LIST("friends")), ALICE, NO, .anonymous = true},
		{"anonymous, other-identity", DEFER_IF(OTHER), ALICE, NO, .anonymous = true},
		{"valid", DEFER_IF(VALID("2030-01-01T22:00:00Z", "2030-01-02T06:00:00Z")), ALICE, YES},
		{"not yet valid", DEFER_IF(VALID("2030-01-01T22:00:00.001Z", "2030-01-02T06:00:00Z")),
				ALICE, NO},
		{"no longer valid", DEFER_IF(VALID("2030-01-01T06:00:00Z", "2030-01-01T22:00:00Z")), ALICE,
				NO},
		{"valid for one more moment",
				DEFER_IF(VALID("2030-01-01T06:00:00Z", "2030-01-01T22:00:00.001Z")), ALICE, YES},
		{"valid in the second interval",
				DEFER_IF("<cp:validity><cp:from>2029-01-01T00:00:00Z</cp:from>"
						 "<cp:until>2029-01-02T00:00:00Z</cp:until>"
						 "<cp:from>2030-01-01T23:00:00+02:00</cp:from>"
						 "<cp:until>2030-01-02T00:00:00.5+01:00</cp:until></cp:validity>"),
				ALICE, YES},
		{"validity backwards", DEFER_IF(VALID("2030-01-02T22:00:00Z", "2030-01-01T06:00:00Z")),
				ALICE, NO},
		{"validity without until",
				DEFER_IF("<cp:validity><cp:from>2030-01-01T00:00:00Z</cp:from></cp:validity>"),
				ALICE, NO},
		{"validity, two from",
				DEFER_IF("<cp:validity><cp:from>2029-01-01T00:00:00Z</cp:from>"
						 "<cp:from>2030-01-01T00:00:00Z</cp:from>"
						 "<cp:until>2030-01-03T00:00:00Z</cp:until></cp:validity>"),
				ALICE, YES},
		{"validity that is no time", DEFER_IF(VALID("yesterday", "tomorrow")), ALICE, NO},
		{"empty validity", DEFER_IF("<cp:validity/>"), ALICE, NO},
		{"two validities, one of them",
				DEFER_IF(VALID("2030-01-01T00:00:00Z", "2030-01-02T00:00:00Z")
								VALID("2031-01-01T00:00:00Z", "2031-01-02T00:00:00Z")),
				ALICE, NO},
		{"sphere", DEFER_IF("<cp:sphere value=\"work\"/>"), ALICE, NO},
		{"unknown", DEFER_IF("<alien:moon/>"), ALICE, NO},
		{"unknown of ours", DEFER_IF("<own:moon/>"), ALICE, NO},
		{"known name elsewhere", DEFER_IF("<alien:identity/>"), ALICE, NO},
		{"OMA's condition in another namespace", DEFER_IF("<oxe:other-identity/>"), ALICE, NO},
};

#define WITH(conditions) RULES(RULE("r", conditions, DO("allow-defer")))
#define SERVICES(body) "<oxe:service-list>" body "</oxe:service-list>" MEDIA("pager-mode-message")
#define MEDIALIST(body) SERVICE "<oxe:media-list>" body "</oxe:media-list>"

/* The norm's 8.3.1.1 step 4, 8.3.1.2 step 6: service and medium. */
static const struct row scopes[] = {
		{"no conditions at all",
				RULES("<cp:rule id=\"r\"><cp:actions>" DO("allow-defer") "</cp:actions></cp:rule>"),
				ALICE, NO},
		{"empty conditions", WITH(""), ALICE, NO},
		{"no actions",
				RULES("<cp:rule id=\"r\"><cp:conditions>" PAGER "</cp:conditions></cp:rule>"),
				ALICE, NO},
		{"empty rule", RULES("<cp:rule/>"), ALICE, NO},
		{"empty ruleset", RULES(""), ALICE, NO},
		{"service only", WITH(SERVICE), ALICE, NO},
		{"media only", WITH(MEDIA("pager-mode-message")), ALICE, NO},
		{"enabler without case", WITH(SERVICES("<oxe:service enabler=\"cpm\"/>")), ALICE, YES},
		{"enabler qualified", WITH(SERVICES("<oxe:service oxe:enabler=\"CPM\"/>")), ALICE, YES},
		{"enabler among others",
				WITH(SERVICES("<oxe:service enabler=\"PoC\"/><oxe:service enabler=\"CPM\"/>")),
				ALICE, YES},
		{"another enabler", WITH(SERVICES("<oxe:service enabler=\"CPMS\"/>")), ALICE, NO},
		{"no enabler", WITH(SERVICES("<oxe:service/>")), ALICE, NO},
		{"empty service list", WITH(SERVICES("")), ALICE, NO},
		{"all services except another",
				WITH(SERVICES("<oxe:all-services-except><oxe:service enabler=\"PoC\"/>"
							  "</oxe:all-services-except>")),
				ALICE, YES},
		{"all services except ours",
				WITH(SERVICES("<oxe:all-services-except><oxe:service enabler=\"cpm\"/>"
							  "</oxe:all-services-except>")),
				ALICE, NO},
		{"two service lists, one of them",
				WITH(SERVICE
						"<oxe:service-list><oxe:service enabler=\"PoC\"/></oxe:service-list>" MEDIA(
								"pager-mode-message")),
				ALICE, NO},
		{"another medium", WITH(SERVICE MEDIA("file-transfer")), ALICE, NO},
		{"several media", WITH(MEDIALIST("<oxe:audio/><oxe:pager-mode-message/><oxe:video/>")),
				ALICE, YES},
		{"foreign medium", WITH(MEDIALIST("<alien:pager-mode-message/>")), ALICE, NO},
		{"empty media list", WITH(MEDIALIST("")), ALICE, NO},
		{"all media except another", WITH(SERVICE MEDIA_EXCEPT("<oxe:video/>")), ALICE, YES},
		{"all media except ours", WITH(SERVICE MEDIA_EXCEPT("<oxe:pager-mode-message/>")), ALICE,
				NO},
		{"all media", WITH(SERVICE MEDIA_EXCEPT("")), ALICE, YES},
		{"two media lists, one of them",
				WITH(PAGER "<oxe:media-list><oxe:video/></oxe:media-list>"), ALICE, NO},
		{"our own namespace",
				RULES(RULE("r",
						"<own:service-list><own:service enabler=\"CPM\"/></own:service-list>"
						"<own:media-list><own:pager-mode-message/></own:media-list>",
						"<own:allow-defer>true</own:allow-defer>")),
				ALICE, YES},
		{"large named", WITH(LARGE), ALICE, YES, CPM_MEDIUM_LARGE},
		{"large named 2", WITH(SERVICE MEDIA("large-message-mode")), ALICE, YES, CPM_MEDIUM_LARGE},
		{"large named 3", WITH(SERVICE MEDIA("large-message-mode-message")), ALICE, YES,
				CPM_MEDIUM_LARGE},
		{"large named is not pager", WITH(LARGE), ALICE, NO},
		{"large as pager", WITH(PAGER), ALICE, YES, CPM_MEDIUM_LARGE},
		{"large by all except", WITH(SERVICE MEDIA_EXCEPT("<oxe:video/>")), ALICE, YES,
				CPM_MEDIUM_LARGE},
		{"large, pager excepted", WITH(SERVICE MEDIA_EXCEPT("<oxe:pager-mode-message/>")), ALICE,
				NO, CPM_MEDIUM_LARGE},
		{"large, excepted", WITH(SERVICE MEDIA_EXCEPT("<oxe:large-message/>")), ALICE, NO,
				CPM_MEDIUM_LARGE},
		{"large excepted is pager", WITH(SERVICE MEDIA_EXCEPT("<oxe:large-message/>")), ALICE, YES},
		{"the rule for large before that for pager",
				RULES(RULE("p", PAGER, DO("allow-reject-invite"))
								RULE("l", LARGE, DO("allow-defer"))),
				ALICE, CPM_DEFER, "l", CPM_MEDIUM_LARGE},
		{"the rule for large does not match",
				RULES(RULE("p", PAGER, DO("allow-reject-invite"))
								RULE("l", LARGE ONE("sip:x@y"), DO("allow-defer"))),
				ALICE, CPM_REJECT, "p", CPM_MEDIUM_LARGE},
		{"the rule for large says nothing",
				RULES(RULE("p", PAGER, DO("allow-reject-invite")) RULE("l", LARGE, "")), ALICE,
				CPM_REJECT, "p", CPM_MEDIUM_LARGE},
		{"all except with pager",
				RULES(RULE("a", SERVICE MEDIA_EXCEPT("<oxe:video/>"), DO("allow-defer"))
								RULE("p", PAGER, DO("allow-reject-invite"))),
				ALICE, CPM_REJECT, "p", CPM_MEDIUM_LARGE},
		{"all except with large",
				RULES(RULE("a", SERVICE MEDIA_EXCEPT("<oxe:video/>"), DO("allow-defer")) RULE(
						"p", PAGER, DO("allow-reject-invite")) RULE("l", LARGE, DO("allow-store"))),
				ALICE, CPM_STORE, "l", CPM_MEDIUM_LARGE},
		{"session", WITH(SERVICE MEDIA("message-session")), ALICE, YES, CPM_MEDIUM_SESSION},
		{"session is not pager", WITH(PAGER), ALICE, NO, CPM_MEDIUM_SESSION},
		{"file transfer", WITH(SERVICE MEDIA("file-transfer")), ALICE, YES, CPM_MEDIUM_FILE},
		{"audio", WITH(SERVICE MEDIA("audio")), ALICE, YES, CPM_MEDIUM_AUDIO},
		{"audio is not video", WITH(SERVICE MEDIA("audio")), ALICE, NO, CPM_MEDIUM_VIDEO},
		{"a session is not audio", WITH(SERVICE MEDIA("message-session")), ALICE, NO,
				CPM_MEDIUM_AUDIO},
		{"all but audio", WITH(SERVICE MEDIA_EXCEPT("<oxe:audio/>")), ALICE, NO, CPM_MEDIUM_AUDIO},
		{"all but audio, video", WITH(SERVICE MEDIA_EXCEPT("<oxe:audio/>")), ALICE, YES,
				CPM_MEDIUM_VIDEO},
		{"pager is not deferred", RULES(RULE("r", PAGER, DO("allow-pull"))), ALICE, CPM_PUSH, "",
				CPM_MEDIUM_DEFERRED},
		{"deferred is not pager", RULES(RULE("r", DEFERRED, DO("allow-store"))), ALICE, NO},
};

#define SAY(actions) RULES(RULE("r", PAGER, actions))
#define SAY_DEFERRED(actions) RULES(RULE("r", DEFERRED, actions))

/* Spellings, and the norm's order. */
static const struct row actions[] = {
		{"reject", SAY(DO("allow-reject-invite")), ALICE, CPM_REJECT, "r"},
		{"group A", SAY(DO("allow-interwork")), ALICE, CPM_INTERWORK, "r"},
		{"group A 2", SAY(DO("allow-interworking")), ALICE, CPM_INTERWORK, "r"},
		{"group B", SAY(DO("allow-delivery-and-interwork")), ALICE, CPM_DELIVER_INTERWORK, "r"},
		{"group B 2", SAY(DO("allow-deliver-and-interwork")), ALICE, CPM_DELIVER_INTERWORK, "r"},
		{"store", SAY(DO("allow-store")), ALICE, CPM_STORE, "r"},
		{"forward", SAY(FORWARD("sip:carol@example.com")), ALICE, CPM_FORWARD, "r"},
		{"forward to a number", SAY(FORWARD("tel:+15550109")), ALICE, CPM_FORWARD, "r"},
		{"defer", SAY(DO("allow-defer")), ALICE, CPM_DEFER, "r"},
		{"1", SAY("<oxe:allow-defer>1</oxe:allow-defer>"), ALICE, YES},
		{"True", SAY("<oxe:allow-defer> True\n</oxe:allow-defer>"), ALICE, YES},
		{"ACTIVE", SAY("<oxe:allow-defer>ACTIVE</oxe:allow-defer>"), ALICE, YES},
		{"CDATA", SAY("<oxe:allow-defer><![CDATA[true]]></oxe:allow-defer>"), ALICE, YES},
		{"comment inside", SAY("<oxe:allow-defer>tr<!-- x -->ue</oxe:allow-defer>"), ALICE, YES},
		{"attribute", SAY("<oxe:allow-defer allow=\"true\"/>"), ALICE, YES},
		{"attribute qualified", SAY("<oxe:allow-defer oxe:allow=\" 1 \"/>"), ALICE, YES},
		{"attribute false", SAY("<oxe:allow-defer allow=\"false\"/>"), ALICE, NO},
		{"false", SAY("<oxe:allow-defer>false</oxe:allow-defer>"), ALICE, NO},
		{"0", SAY("<oxe:allow-defer>0</oxe:allow-defer>"), ALICE, NO},
		{"empty", SAY("<oxe:allow-defer/>"), ALICE, NO},
		{"yes", SAY("<oxe:allow-defer>yes</oxe:allow-defer>"), ALICE, NO},
		{"truely", SAY("<oxe:allow-defer>truely</oxe:allow-defer>"), ALICE, NO},
		{"element inside", SAY("<oxe:allow-defer>true<alien:x/></oxe:allow-defer>"), ALICE, NO},
		{"another namespace", SAY("<alien:allow-defer>true</alien:allow-defer>"), ALICE, NO},
		{"another name", SAY(DO("allow-deferral")), ALICE, NO},
		{"forward without target", SAY(DO("allow-forward")), ALICE, NO},
		{"forward with empty target", SAY(FORWARD("")), ALICE, NO},
		{"forward to something else", SAY(FORWARD("mailto:a@b")), ALICE, NO},
		{"target without forward",
				SAY("<oxe:forward-to><oxe:target>sip:a@b</oxe:target></oxe:forward-to>"), ALICE,
				NO},
		{"forward without target, defer", SAY(DO("allow-forward") DO("allow-defer")), ALICE, YES},
		{"the target of another rule is none",
				RULES(RULE("a", PAGER, DO("allow-forward")) RULE("b", PAGER,
						"<oxe:forward-to><oxe:target>sip:a@b</oxe:target>"
						"</oxe:forward-to>")),
				ALICE, NO},
		{"do-not-disturb is no action", SAY(DO("allow-do-not-disturb")), ALICE, NO},
		{"push is none here", SAY(DO("allow-push") DO("allow-pull")), ALICE, NO},
		{"reject before B", SAY(DO("allow-delivery-and-interwork") DO("allow-reject-invite")),
				ALICE, CPM_REJECT, "r"},
		{"B with A", SAY(DO("allow-interwork") DO("allow-delivery-and-interwork")), ALICE,
				CPM_DELIVER_INTERWORK, "r"},
		{"B before store", SAY(DO("allow-store") DO("allow-deliver-and-interwork")), ALICE,
				CPM_DELIVER_INTERWORK, "r"},
		{"A before store", SAY(DO("allow-store") DO("allow-interwork")), ALICE, CPM_INTERWORK, "r"},
		{"store before forward", SAY(FORWARD("sip:a@b") DO("allow-store")), ALICE, CPM_STORE, "r"},
		{"forward before defer", SAY(DO("allow-defer") FORWARD("sip:a@b")), ALICE, CPM_FORWARD,
				"r"},
		{"order of the norm over two rules",
				RULES(RULE("a", PAGER, DO("allow-defer")) RULE("b", PAGER, DO("allow-store"))),
				ALICE, CPM_STORE, "b"},
		{"first rule that says it",
				RULES(RULE("a", PAGER, "") RULE("b", PAGER, DO("allow-store"))
								RULE("c", PAGER, DO("allow-store"))),
				ALICE, CPM_STORE, "b"},
		{"false does not take away",
				RULES(RULE("a", PAGER, "<oxe:allow-store>false</oxe:allow-store>")
								RULE("b", PAGER, DO("allow-store"))),
				ALICE, CPM_STORE, "b"},
		{"push", SAY_DEFERRED(DO("allow-push")), ALICE, CPM_PUSH, "r", CPM_MEDIUM_DEFERRED},
		{"pull", SAY_DEFERRED(DO("allow-pull")), ALICE, CPM_PULL, "r", CPM_MEDIUM_DEFERRED},
		{"store deferred", SAY_DEFERRED(DO("allow-store")), ALICE, CPM_STORE, "r",
				CPM_MEDIUM_DEFERRED},
		{"push first", SAY_DEFERRED(DO("allow-store") DO("allow-pull") DO("allow-push")), ALICE,
				CPM_PUSH, "r", CPM_MEDIUM_DEFERRED},
		{"pull second", SAY_DEFERRED(DO("allow-store") DO("allow-pull")), ALICE, CPM_PULL, "r",
				CPM_MEDIUM_DEFERRED},
		{"no reject here", SAY_DEFERRED(DO("allow-reject-invite") DO("allow-defer")), ALICE,
				CPM_PUSH, "", CPM_MEDIUM_DEFERRED},
		{"no rule for deferred", RULES(""), ALICE, CPM_PUSH, "", CPM_MEDIUM_DEFERRED},
};

#define REJECT DO("allow-reject-invite")
#define STORE DO("allow-store")
#define DEFER DO("allow-defer")

/* Companion 2.4: identity before external-list before other-identity. */
static const struct row precedence[] = {
		{"identity before list",
				RULES(RULE("l", PAGER EXTERNAL_LIST("friends"), REJECT)
								RULE("i", PAGER ONE(ALICE), DEFER)),
				ALICE, CPM_DEFER, "i"},
		{"list before other",
				RULES(RULE("o", PAGER OTHER, REJECT)
								RULE("l", PAGER EXTERNAL_LIST("friends"), DEFER)),
				ALICE, CPM_DEFER, "l"},
		{"identity before other",
				RULES(RULE("o", PAGER OTHER, REJECT) RULE("i", PAGER ONE(ALICE), DEFER)), ALICE,
				CPM_DEFER, "i"},
		{"other for others",
				RULES(RULE("o", PAGER OTHER, REJECT) RULE("i", PAGER ONE(ALICE), DEFER)
								RULE("l", PAGER EXTERNAL_LIST("foes"), STORE)),
				"sip:carol@example.com", CPM_REJECT, "o"},
		{"those without identity stay in",
				RULES(RULE("n", PAGER, REJECT) RULE("i", PAGER ONE(ALICE), DEFER)), ALICE,
				CPM_REJECT, "n"},
		{"those without identity stay in, action of the other",
				RULES(RULE("n", PAGER, DEFER) RULE("i", PAGER ONE(ALICE), STORE)), ALICE, CPM_STORE,
				"i"},
		{"the earlier of two that say the same",
				RULES(RULE("i", PAGER ONE(ALICE), DEFER) RULE("n", PAGER, DEFER)), ALICE, CPM_DEFER,
				"i"},
		{"a rule by identity that says nothing still counts",
				RULES(RULE("i", PAGER ONE(ALICE), "") RULE("o", PAGER OTHER, REJECT)), ALICE, NO},
		{"a rule for another medium does not",
				RULES(RULE("i", SERVICE MEDIA("video") ONE(ALICE), "")
								RULE("o", PAGER OTHER, REJECT)),
				ALICE, CPM_REJECT, "o"},
		{"a rule that is not valid now does not",
				RULES(RULE("i",
						PAGER ONE(ALICE) VALID("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
						DEFER) RULE("o", PAGER OTHER, REJECT)),
				ALICE, CPM_REJECT, "o"},
		{"identity and list in one rule count as identity",
				RULES(RULE("b", PAGER ONE(ALICE) EXTERNAL_LIST("friends"), DEFER)
								RULE("l", PAGER EXTERNAL_LIST("friends"), REJECT)),
				ALICE, CPM_DEFER, "b"},
		{"several by identity are combined",
				RULES(RULE("a", PAGER ONE(ALICE), DEFER)
								RULE("b", PAGER IDENTITY("<cp:many/>"), STORE)),
				ALICE, CPM_STORE, "b"},
		{"anonymous takes none of them",
				RULES(RULE("i", PAGER ONE(ALICE), DEFER) RULE("o", PAGER OTHER, REJECT)
								RULE("a", PAGER ANONYMOUS, STORE)),
				ALICE, CPM_STORE, "a", .anonymous = true},
		{"nobody is another",
				RULES(RULE("i", PAGER IDENTITY("<cp:many/>"), DEFER)
								RULE("o", PAGER OTHER, REJECT)),
				"", CPM_REJECT, "o"},
};

static void check_verdict(const struct policy *p, const struct row *row, struct cpm_verdict *v)
{
	struct policy_request r;

	policy_request(&r, row->originators, row->medium, NOW);
	r.facts.anonymous = row->anonymous;
	cpm_decide(p->compiled, &r.facts, v);
	ck_assert_msg(v->action == row->action, "%s: got %s, not %s", row->name,
			cpm_action_name(v->action), cpm_action_name(row->action));
	ck_slice(v->rule, row->rule, row->name);
	ck_assert_msg(v->from_rule == (*row->rule != '\0'), "%s", row->name);
	ck_assert_msg((v->forward_to.n > 0) == (v->action == CPM_FORWARD), "%s", row->name);
}

static void check_row(const struct row *row)
{
	struct cpm_verdict verdict;
	struct policy p;

	policy_load(&p, lists, row->rules, NULL);
	check_verdict(&p, row, &verdict);
	policy_free(&p);
}

START_TEST(judges_conditions)
{
	check_row(&conditions[_i]);
}
END_TEST

START_TEST(judges_service_and_medium)
{
	check_row(&scopes[_i]);
}
END_TEST

START_TEST(takes_actions_in_the_norms_order)
{
	check_row(&actions[_i]);
}
END_TEST

START_TEST(puts_identity_first)
{
	check_row(&precedence[_i]);
}
END_TEST

/* Rules that never match here, before and behind all others, change no verdict. */
static void check_unchanged(const struct row *row)
{
	static const char *const strangers[] = {
			RULE("x", PAGER "<cp:sphere value=\"a\"/>", REJECT),
			RULE("x", PAGER ONE("sip:stranger@example.com"), REJECT),
			RULE("x", LARGE ONE("sip:stranger@example.com"), REJECT),
			RULE("x", SERVICE MEDIA("poc-speech"), REJECT STORE),
			RULE("x", PAGER "<alien:x/>" ONE(ALICE), REJECT),
			RULE("x", DEFERRED LARGE PAGER VALID("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
					DO("allow-push") REJECT),
			"<cp:rule id=\"x\"><cp:actions>" REJECT "</cp:actions></cp:rule>",
			"<alien:rule id=\"x\"><cp:conditions>" PAGER "</cp:conditions><cp:actions>" REJECT
			"</cp:actions></alien:rule>",
	};
	const char *start = strstr(row->rules, "<cp:rule "), *end = strstr(row->rules, "</cp:ruleset>");

	if(!start)
		return;
	for(size_t i = 0; i < UNIT_COUNT(strangers); i++)
		for(int behind = 0; behind < 2; behind++) {
			const char *at = behind ? end : start;
			size_t size = strlen(row->rules) + strlen(strangers[i]) + 1;
			char *rules = malloc(size);
			struct cpm_verdict verdict;
			struct policy p;

			snprintf(rules, size, "%.*s%s%s", (int)(at - row->rules), row->rules, strangers[i], at);
			policy_load(&p, lists, rules, NULL);
			check_verdict(&p, row, &verdict);
			policy_free(&p);
			free(rules);
		}
}

START_TEST(a_rule_that_does_not_match_changes_nothing)
{
	static const struct {
		const struct row *rows;
		size_t count;
	} tables[] = {{conditions, UNIT_COUNT(conditions)}, {scopes, UNIT_COUNT(scopes)},
			{actions, UNIT_COUNT(actions)}, {precedence, UNIT_COUNT(precedence)}};

	for(size_t i = 0; i < UNIT_COUNT(tables); i++)
		for(size_t j = 0; j < tables[i].count; j++)
			check_unchanged(&tables[i].rows[j]);
}
END_TEST

/* The companion's composed example, section 2.3. */
static const char composed[] = RULES(RULE("defer-colleagues",
		IDENTITY("<cp:many domain=\"work.example.net\"/>") PAGER, DEFER) RULE("deferred-handling",
		DEFERRED, DO("allow-push") "<oxe:expired>store</oxe:expired>") RULE("dnd",
		VALID("2030-01-01T22:00:00Z", "2030-01-02T06:00:00Z") SERVICE, DO("allow-do-not-disturb")));

START_TEST(companion_2_3)
{
	struct policy_request r;
	struct cpm_verdict v;
	struct policy p;

	policy_load(&p, NULL, composed, NULL);
	policy_request(&r, "sip:dave@work.example.net", CPM_MEDIUM_PAGER, NOW);
	cpm_decide(p.compiled, &r.facts, &v);
	ck_assert_int_eq(v.action, CPM_DEFER);
	ck_slice(v.rule, "defer-colleagues", "rule");
	ck_assert_int_eq(v.expired, CPM_EXPIRED_DEFAULT);
	policy_request(&r, "sip:dave@work.example.net", CPM_MEDIUM_DEFERRED, NOW);
	cpm_decide(p.compiled, &r.facts, &v);
	ck_assert_int_eq(v.action, CPM_PUSH);
	ck_assert(v.from_rule);
	ck_assert_int_eq(v.expired, CPM_EXPIRED_STORE);
	ck_assert_uint_eq(cpm_documents_rule_count(p.compiled), 3);
	policy_free(&p);
}
END_TEST

static const struct {
	const char *name;
	const char *rules;
	enum cpm_medium medium;
	const char *forward_to;
	enum cpm_expired expired;
	bool record_history;
} values[] = {
		{"target trimmed", SAY(FORWARD(" sip:carol@example.com;x=y\n")), CPM_MEDIUM_PAGER,
				"sip:carol@example.com;x=y", 0, false},
		{"first usable target",
				SAY(DO("allow-forward") "<oxe:forward-to><alien:target>sip:a@a</alien:target>"
										"<oxe:target>a</oxe:target><oxe:target>sip:b@b</oxe:target>"
										"<oxe:target>sip:c@c</oxe:target></oxe:forward-to>"),
				CPM_MEDIUM_PAGER, "sip:b@b", 0, false},
		{"target of the first rule",
				RULES(RULE("a", PAGER ONE("sip:x@y"), FORWARD("sip:a@a")) RULE(
						"b", PAGER, FORWARD("sip:b@b")) RULE("c", PAGER, FORWARD("sip:c@c"))),
				CPM_MEDIUM_PAGER, "sip:b@b", 0, false},
		{"discard", SAY_DEFERRED("<oxe:expired> Discard </oxe:expired>"), CPM_MEDIUM_DEFERRED, "",
				CPM_EXPIRED_DISCARD, false},
		{"store", SAY_DEFERRED("<own:expired>store</own:expired>"), CPM_MEDIUM_DEFERRED, "",
				CPM_EXPIRED_STORE, false},
		{"another word", SAY_DEFERRED("<oxe:expired>burn</oxe:expired>"), CPM_MEDIUM_DEFERRED, "",
				CPM_EXPIRED_DEFAULT, false},
		{"first word",
				RULES(RULE("a", DEFERRED, "")
								RULE("b", DEFERRED, "<oxe:expired>store</oxe:expired>")
										RULE("c", DEFERRED, "<oxe:expired>discard</oxe:expired>")),
				CPM_MEDIUM_DEFERRED, "", CPM_EXPIRED_STORE, false},
		{"history as the schema has it", SAY("<oxe:allow-offline-storage oxe:allow=\"true\"/>"),
				CPM_MEDIUM_PAGER, "", 0, true},
		{"history active", SAY("<oxe:allow-offline-storage>active</oxe:allow-offline-storage>"),
				CPM_MEDIUM_PAGER, "", 0, true},
		{"history off", SAY("<oxe:allow-offline-storage allow=\"false\"/>"), CPM_MEDIUM_PAGER, "",
				0, false},
		{"history of large messages alone", RULES(RULE("r", LARGE, DO("allow-offline-storage"))),
				CPM_MEDIUM_LARGE, "", 0, true},
		{"history of large messages, a rule for pager mode decides",
				RULES(RULE("r", LARGE, DO("allow-offline-storage"))
								RULE("p", PAGER, DO("allow-defer"))),
				CPM_MEDIUM_LARGE, "", 0, true},
		{"history of pager mode counts for large messages", SAY(DO("allow-offline-storage")),
				CPM_MEDIUM_LARGE, "", 0, true},
		{"history of large messages is not of pager mode",
				RULES(RULE("r", LARGE, DO("allow-offline-storage"))), CPM_MEDIUM_PAGER, "", 0,
				false},
};

START_TEST(reads_values)
{
	struct policy_request r;
	struct cpm_verdict v;
	struct policy p;

	policy_load(&p, lists, values[_i].rules, NULL);
	policy_request(&r, ALICE, values[_i].medium, NOW);
	cpm_decide(p.compiled, &r.facts, &v);
	ck_slice(v.forward_to, values[_i].forward_to, values[_i].name);
	ck_assert_msg(v.expired == values[_i].expired, "%s", values[_i].name);
	ck_assert_msg(v.record_history == values[_i].record_history, "%s", values[_i].name);
	policy_free(&p);
}
END_TEST

#define DND DO("allow-do-not-disturb")
#define NIGHT VALID("2030-01-01T22:00:00Z", "2030-01-02T06:00:00Z")
#define HOUR INT64_C(3600000)
#define NEVER INT64_MAX

static const struct {
	const char *name;
	const char *rules;
	enum cpm_medium medium;
	int64_t now_ms;
	const char *rule; /* NULL: off */
	int64_t until_ms;
} dnd[] = {
		{"no rules", RULES(""), CPM_MEDIUM_PAGER, NOW, NULL, NEVER},
		{"service only", RULES(RULE("d", SERVICE, DND)), CPM_MEDIUM_PAGER, NOW, "d", NEVER},
		{"no service", RULES(RULE("d", "", DND)), CPM_MEDIUM_PAGER, NOW, NULL, NEVER},
		{"another service",
				RULES(RULE("d",
						"<oxe:service-list><oxe:service enabler=\"PoC\"/></oxe:service-list>",
						DND)),
				CPM_MEDIUM_PAGER, NOW, NULL, NEVER},
		{"false",
				RULES(RULE(
						"d", SERVICE, "<oxe:allow-do-not-disturb>no</oxe:allow-do-not-disturb>")),
				CPM_MEDIUM_PAGER, NOW, NULL, NEVER},
		{"medium", RULES(RULE("d", PAGER, DND)), CPM_MEDIUM_PAGER, NOW, "d", NEVER},
		{"another medium", RULES(RULE("d", SERVICE MEDIA("video"), DND)), CPM_MEDIUM_PAGER, NOW,
				NULL, NEVER},
		{"large as pager", RULES(RULE("d", PAGER, DND)), CPM_MEDIUM_LARGE, NOW, "d", NEVER},
		{"large", RULES(RULE("d", LARGE, DND)), CPM_MEDIUM_LARGE, NOW, "d", NEVER},
		{"not large", RULES(RULE("d", LARGE, DND)), CPM_MEDIUM_PAGER, NOW, NULL, NEVER},
		{"identity", RULES(RULE("d", SERVICE ONE(ALICE), DND)), CPM_MEDIUM_PAGER, NOW, "d", NEVER},
		{"another identity", RULES(RULE("d", SERVICE ONE("sip:x@y"), DND)), CPM_MEDIUM_PAGER, NOW,
				NULL, NEVER},
		{"first rule",
				RULES(RULE("a", SERVICE, "") RULE("b", SERVICE, DND) RULE("c", SERVICE, DND)),
				CPM_MEDIUM_PAGER, NOW, "b", NEVER},
		{"set aside", RULES(RULE("o", SERVICE OTHER, DND) RULE("i", SERVICE ONE(ALICE), "")),
				CPM_MEDIUM_PAGER, NOW, NULL, NEVER},
		{"before the night", RULES(RULE("d", SERVICE NIGHT, DND)), CPM_MEDIUM_PAGER, NOW - 1, NULL,
				NOW},
		{"the night begins", RULES(RULE("d", SERVICE NIGHT, DND)), CPM_MEDIUM_PAGER, NOW, "d",
				NOW + 8 * HOUR},
		{"the night ends", RULES(RULE("d", SERVICE NIGHT, DND)), CPM_MEDIUM_PAGER,
				NOW + 8 * HOUR - 1, "d", NOW + 8 * HOUR},
		{"the day", RULES(RULE("d", SERVICE NIGHT, DND)), CPM_MEDIUM_PAGER, NOW + 8 * HOUR, NULL,
				NEVER},
		{"nearest of several",
				RULES(RULE("d", SERVICE NIGHT, DND) RULE(
						"e", SERVICE VALID("2030-01-01T20:00:00Z", "2030-01-01T23:00:00Z"), DND)),
				CPM_MEDIUM_PAGER, NOW, "d", NOW + HOUR},
		{"times of other rules do not count",
				RULES(RULE("d", SERVICE NIGHT, DND) RULE(
						"e", SERVICE VALID("2030-01-01T20:00:00Z", "2030-01-01T23:00:00Z"), DEFER)),
				CPM_MEDIUM_PAGER, NOW, "d", NOW + 8 * HOUR},
		{"unless they may set the rule aside",
				RULES(RULE("d", SERVICE OTHER, DND) RULE("e",
						SERVICE ONE(ALICE) VALID("2030-01-01T23:00:00Z", "2030-01-01T23:30:00Z"),
						"")),
				CPM_MEDIUM_PAGER, NOW, "d", NOW + HOUR},
};

START_TEST(judges_do_not_disturb)
{
	struct policy_request r;
	struct cpm_slice rule;
	int64_t until_ms;
	struct policy p;
	bool on;

	policy_load(&p, lists, dnd[_i].rules, NULL);
	policy_request(&r, ALICE, dnd[_i].medium, dnd[_i].now_ms);
	on = cpm_decide_dnd(p.compiled, &r.facts, &rule, &until_ms);
	ck_assert_msg(on == (dnd[_i].rule != NULL), "%s", dnd[_i].name);
	ck_slice(rule, on ? dnd[_i].rule : "", dnd[_i].name);
	ck_assert_msg(
			until_ms == dnd[_i].until_ms, "%s: until %lld", dnd[_i].name, (long long)until_ms);
	ck_assert(cpm_decide_dnd(p.compiled, &r.facts, NULL, NULL) == on);
	policy_free(&p);
}
END_TEST

/* Kept, although more identities than fit are claimed. */
START_TEST(takes_no_more_originators_than_there_are)
{
	struct policy_request r;
	struct cpm_verdict v;
	struct policy p;

	policy_load(&p, BLOCK(ENTRY("sip:x@y")), DEFER_IF(IDENTITY("<cp:many/>")), NULL);
	policy_request(&r, BOTH, CPM_MEDIUM_PAGER, NOW);
	r.facts.originator_count = 99;
	cpm_decide(p.compiled, &r.facts, &v);
	ck_assert_int_eq(v.action, CPM_DEFER);
	ck_assert(!cpm_decide_blocked(p.compiled, &r.facts));
	policy_free(&p);
}
END_TEST

/* Hash sets instead of scans: hundreds of identities in one rule, each found, no neighbour. */
START_TEST(finds_each_of_many_identities)
{
	enum { COUNT = 500 };
	char *rules = malloc(COUNT * 64 + 4096);
	size_t n = (size_t)sprintf(rules, "%s",
			"<cp:ruleset xmlns:cp=\"urn:ietf:params:xml:ns:common-policy\""
			" xmlns:oxe=\"urn:oma:xml:xdm:extensions\"><cp:rule id=\"r\"><cp:conditions>" PAGER
			"<cp:identity>");
	struct policy p;

	for(int i = 0; i < COUNT; i++)
		n += (size_t)sprintf(rules + n,
				i % 2 ? "<cp:one id=\"sip:u%d@x.net\"/>" : "<cp:many domain=\"d%d.net\"/>", i);
	sprintf(rules + n, "%s",
			"</cp:identity></cp:conditions><cp:actions>" DEFER "</cp:actions></cp:rule>"
			"</cp:ruleset>");
	policy_load(&p, NULL, rules, NULL);
	for(int i = 0; i < 2 * COUNT; i++)
		for(int domain = 0; domain < 2; domain++) {
			struct policy_request r;
			struct cpm_verdict v;
			char uri[64];

			sprintf(uri, domain ? "sip:a@d%d.net" : "sip:u%d@x.net", i);
			policy_request(&r, uri, CPM_MEDIUM_PAGER, NOW);
			cpm_decide(p.compiled, &r.facts, &v);
			ck_assert_msg(v.from_rule == (i < COUNT && i % 2 != domain), "%s", uri);
		}
	policy_free(&p);
	free(rules);
}
END_TEST

START_TEST(names_actions)
{
	static const char *const names[] = {"deliver", "deliver+interwork", "interwork", "reject",
			"store", "forward", "defer", "push", "pull"};

	for(size_t i = 0; i < UNIT_COUNT(names); i++)
		ck_assert_str_eq(cpm_action_name((enum cpm_action)i), names[i]);
	ck_assert_str_eq(cpm_action_name((enum cpm_action)99), "unknown");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("decide");

	tcase_add_loop_test(t, judges_conditions, 0, UNIT_COUNT(conditions));
	tcase_add_loop_test(t, judges_service_and_medium, 0, UNIT_COUNT(scopes));
	tcase_add_loop_test(t, takes_actions_in_the_norms_order, 0, UNIT_COUNT(actions));
	tcase_add_loop_test(t, puts_identity_first, 0, UNIT_COUNT(precedence));
	tcase_add_test(t, a_rule_that_does_not_match_changes_nothing);
	tcase_add_test(t, companion_2_3);
	tcase_add_loop_test(t, reads_values, 0, UNIT_COUNT(values));
	tcase_add_loop_test(t, judges_do_not_disturb, 0, UNIT_COUNT(dnd));
	tcase_add_test(t, takes_no_more_originators_than_there_are);
	tcase_add_test(t, finds_each_of_many_identities);
	tcase_add_test(t, names_actions);
	return unit_run("policy/decide", t);
}
