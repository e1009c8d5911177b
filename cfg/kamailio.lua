-- The routes of kamailio.cfg in Lua, for KEMI: kamailio -A WITH_LUA. Each step of
-- the norm's 8.3.1.1 is a line in ksr_route_pager. doc/reference.md describes the
-- functions of KSR.cpm_pf.
--
-- A function of cpm_pf answers 1 (yes, done), -1 (no), -2 (trouble of ours) or 0:
-- the module goes on with the request, and the script ends.

-- Who may assert an originator, and use RPC: the trusted SIP core.
local TRUSTED = "^127%."

-- What is let through in the dialogs of others.
local IN_SESSIONS = {ACK = true, BYE = true, INVITE = true, UPDATE = true, PRACK = true, INFO = true, OPTIONS = true, REFER = true, NOTIFY = true}

local cpm = KSR.cpm_pf

-- WITH_AUTH loads this module, and htable "credentials".
local auth = KSR.auth

local function trusted()
	return string.find(KSR.pv.get("$si"), TRUSTED) ~= nil
end

local function reply(code, phrase)
	KSR.sl.send_reply(code, phrase)
	KSR.x.exit()
end

local function fact(name)
	return KSR.pv.get("$cpm(" .. name .. ")")
end

function ksr_request_route()
	if KSR.maxfwd.process_maxfwd(10) < 0 then
		reply(483, "Too Many Hops")
	end
	if KSR.sanity.sanity_check(17895, 7) < 0 then
		KSR.x.exit()
	end
	if KSR.is_OPTIONS() and KSR.is_myself_ruri() then
		reply(200, "OK")
	end
	if KSR.is_NOTIFY() and KSR.hdr.is_present("Route") < 0 then
		ksr_route_notify()
	end
	if KSR.siputils.has_totag() > 0 or KSR.is_CANCEL() or KSR.is_ACK() then
		ksr_route_indialog()
	end
	-- A Route that brought a new request here ends here (RFC 3261 section 16.4): the routes below say where it goes.
	KSR.hdr.remove("Route")
	-- Back again, by a client's contact, a 302 or a rule that forwards. Each time it may fork: RFC 5393.
	if fact("visits") > 2 then
		KSR.notice("event=refused call_id=" .. KSR.pv.get("$ci") .. " source=" .. KSR.pv.get("$si") .. " reason=loop\n")
		reply(482, "Loop Detected")
	end
	if KSR.is_REGISTER() then
		ksr_route_register()
	elseif KSR.is_MESSAGE() then
		ksr_route_message()
	elseif KSR.is_INVITE() and KSR.pv.get("$rU") == "CPMDeferredMsgMgmt" then
		ksr_route_manage()
	elseif KSR.is_INVITE() then
		ksr_route_invite()
	elseif KSR.is_SUBSCRIBE() then
		ksr_route_subscribe()
	end
	reply(405, "Method Not Allowed")
end

-- Dialogs that end here (managing deferred messages, large messages): ACK, BYE, CANCEL, UPDATE. And those of others that go through
-- here (sessions): they name us by Route.
function ksr_route_indialog()
	if cpm.handle_indialog() >= 0 then
		KSR.x.exit()
	end
	if IN_SESSIONS[KSR.pv.get("$rm")] and KSR.siputils.has_totag() > 0 and KSR.rr.loose_route() > 0 then
		-- Nobody but the trusted core says who somebody is, and not to clients when he asks for privacy.
		local privacy = string.lower(KSR.hdr.get("Privacy") or "")
		if not trusted() or string.find(privacy, "id") or string.find(privacy, "user") or string.find(privacy, "header") then
			KSR.hdr.remove("P-Asserted-Identity")
		end
		-- A client that gave its GRUU as Contact. To another address of ours, which a strict Route may name, nothing goes by here.
		if KSR.is_myself_ruri() and (KSR.siputils.is_gruu() < 0 or KSR.registrar.lookup("location") < 0) then
			if not KSR.is_ACK() then
				KSR.sl.send_reply(404, "Not Found")
			end
			KSR.x.exit()
		end
		if KSR.tm.t_relay() < 0 then
			KSR.sl.sl_reply_error()
		end
		KSR.x.exit()
	end
	if KSR.is_CANCEL() or KSR.is_ACK() then
		if KSR.tm.t_check_trans() > 0 then
			KSR.tm.t_relay()
		end
		KSR.x.exit()
	end
	reply(481, "Call/Transaction Does Not Exist")
end

function ksr_route_register()
	if auth then
		ksr_route_authenticate()
		-- Nobody registers for another.
		if KSR.pv.get("$td") ~= KSR.pv.get("$fd") or KSR.pv.get("$tU") ~= KSR.pv.get("$au") then
			reply(403, "Forbidden")
		end
	end
	KSR.pv.sets("$xavp(cpm=>contact)", KSR.pv.get("$hdr(Contact)") or "")
	local saved = KSR.registrar.save("location", 0)
	if saved < 0 then
		KSR.sl.sl_reply_error()
		KSR.x.exit()
	end
	-- 8.3.1.6.2: a client is there. It has its 200 by now. 1: it is a new one, whose user hears of what else is kept.
	if saved == 1 then
		cpm.push_deferred()
	else
		cpm.push_deferred_aor(KSR.pv.get("$tu"))
	end
	KSR.x.exit()
end

-- A CPM standalone message in pager mode for a user of ours (8.3.1.1).
function ksr_route_message()
	ksr_route_originator()
	if not KSR.is_myself_ruri() then
		ksr_route_relay()
	end
	-- One transaction from here on: a retransmission ends in it.
	KSR.tm.t_newtran()
	-- 8.4.1: the user's documents. What must be fetched first goes on in ksr_route_pager by itself.
	local loaded = cpm.load_user("ksr_route_pager")
	if loaded == 0 then
		KSR.x.exit()
	elseif loaded == -1 then
		reply(404, "Not Found")
	end
	ksr_route_pager()
end

function ksr_route_pager()
	-- The XDMS is away, no copy is at hand, and parameter xdm_fail is "closed"; or too many wait for it.
	if fact("reason") == "documents" or fact("reason") == "busy" then
		ksr_route_not_deferred()
	end
	-- Step 1, step 2, step 3.
	if cpm.check_version() > 0 then
		cpm.reject("132")
		KSR.x.exit()
	end
	if cpm.check_anonymity() > 0 then
		cpm.reject("119")
		KSR.x.exit()
	end
	if cpm.check_blocked() > 0 then
		cpm.reject("122")
		KSR.x.exit()
	end
	-- A body that we could neither keep nor report on.
	if cpm.check_message() > 0 then
		ksr_route_not_deferred()
	end
	-- Step 4: the user's rules.
	cpm.apply_policy("pager")
	local action = fact("action")
	if action == "reject" then -- 4a
		cpm.reject("122")
		KSR.x.exit()
	elseif action == "interwork" then -- 4b; and step 6
		if cpm.record("ksr_route_interwork") == 0 then
			KSR.x.exit()
		end
		ksr_route_interwork()
	elseif action == "store" then -- 4c; without a message store: deferred
		if cpm.store("ksr_route_not_deferred") < 0 then
			ksr_route_not_deferred()
		end
		KSR.x.exit()
	elseif action == "defer" then -- 4e
		ksr_route_defer()
	elseif action == "forward" then -- 4d
		cpm.forward()
		ksr_route_relay()
	end
	-- Step 5: do-not-disturb.
	if cpm.check_dnd() > 0 then
		if action == "deliver+interwork" then
			cpm.interwork_copy()
		end
		ksr_route_defer()
	end
	-- Step 6: the history. What must be recorded first goes on in ksr_route_deliver by itself.
	if cpm.record("ksr_route_deliver") == 0 then
		KSR.x.exit()
	end
	ksr_route_deliver()
end

-- Step 7: the user's clients; and the ISF beside them (4b).
function ksr_route_deliver()
	local action = fact("action")
	if cpm.select_clients() < 0 then
		cpm.unrecord()
		if action == "deliver+interwork" then
			cpm.interwork_copy()
		end
		ksr_route_defer()
	end
	if action == "deliver+interwork" then
		cpm.interwork()
	end
	ksr_route_relay()
end

function ksr_route_interwork()
	cpm.interwork()
	ksr_route_relay()
end

-- A CPM standalone message in large message mode (8.3.1.2), or a CPM session (8.3.2.1), for a user of ours.
function ksr_route_invite()
	ksr_route_originator()
	if not KSR.is_myself_ruri() then
		ksr_route_relay()
	end
	if cpm.is_service("largemsg") < 0 and cpm.is_service("session") < 0 then
		reply(488, "Not Acceptable Here")
	end
	KSR.tm.t_newtran()
	local loaded = cpm.load_user("ksr_route_invited")
	if loaded == 0 then
		KSR.x.exit()
	elseif loaded == -1 then
		reply(404, "Not Found")
	end
	ksr_route_invited()
end

function ksr_route_invited()
	if cpm.is_service("largemsg") > 0 then
		ksr_route_large()
	end
	ksr_route_session()
end

function ksr_route_large()
	if fact("reason") == "documents" or fact("reason") == "busy" then
		ksr_route_not_received()
	end
	-- Step 1, step 2, step 5.
	if cpm.check_version() > 0 then
		cpm.reject("132")
		KSR.x.exit()
	end
	if cpm.check_anonymity() > 0 then
		cpm.reject("119")
		KSR.x.exit()
	end
	if cpm.check_blocked() > 0 then
		cpm.reject("122")
		KSR.x.exit()
	end
	-- Step 6: the user's rules.
	cpm.apply_policy("large")
	local action = fact("action")
	if action == "reject" then -- 6a
		cpm.reject("122")
		KSR.x.exit()
	elseif action == "interwork" or action == "deliver+interwork" then -- 6b
		if cpm.bridge_isf("ksr_route_uninterworked_large") < 0 then
			ksr_route_uninterworked_large()
		end
		KSR.x.exit()
	elseif action == "forward" then -- 6d
		if cpm.bridge_forward("ksr_route_not_received") < 0 then
			ksr_route_not_received()
		end
		KSR.x.exit()
	elseif action ~= "store" and action ~= "defer" then -- 6c, 6e
		-- Step 7: do-not-disturb; step 8: the user's clients, of whom the first that accepts gets it. Step 11: recorded where wanted.
		if cpm.check_dnd() < 0 and cpm.bridge("ksr_route_unbridged") == 0 then
			KSR.x.exit()
		end
	end
	ksr_route_receive()
end

-- What the ISF does not take is deferred.
function ksr_route_uninterworked_large()
	if fact("reason") == "undelivered" then
		ksr_route_receive()
	end
	ksr_route_not_received()
end

-- Step 10: no client took it.
function ksr_route_unbridged()
	ksr_route_receive()
end

function ksr_route_receive()
	local received = cpm.receive("ksr_route_not_received")
	if received < 0 then
		ksr_route_not_received()
	end
	KSR.x.exit()
end

function ksr_route_not_received()
	-- Announced as larger than this function takes.
	if fact("reason") == "too-large" then
		cpm.reject("122")
		KSR.x.exit()
	end
	ksr_route_not_deferred()
end

local function refuse(reason)
	cpm.refuse(reason)
	KSR.x.exit()
end

-- A CPM session, between two users or of a group (8.3.2.1).
function ksr_route_session()
	if fact("reason") == "documents" or fact("reason") == "busy" then
		ksr_route_not_deferred()
	end
	-- Step 1: a client is there.
	if cpm.check_registered() < 0 then
		refuse("no-client")
	end
	-- Step 2, step 3 (do-not-disturb asks which medium it is about), step 4.
	if cpm.check_blocked() > 0 then
		cpm.reject("122")
		KSR.x.exit()
	end
	cpm.apply_policy("session")
	if cpm.check_dnd() > 0 then
		refuse("dnd")
	end
	if cpm.check_media() > 0 then
		refuse(fact("reason"))
	end
	-- What the norm leaves to policies and preferences: the user's rules for sessions.
	local action = fact("action")
	if action == "reject" then
		cpm.reject("122")
		KSR.x.exit()
	elseif action == "interwork" then
		if cpm.interwork() < 0 then
			refuse("no-client")
		end
		ksr_route_session_relay()
	elseif action == "forward" then
		cpm.forward()
		ksr_route_session_relay()
	elseif action == "store" or action == "defer" then -- a conversation cannot wait
		refuse("policy")
	end
	-- Step 5: as a B2BUA, the messages go through us, where the user wants them recorded and the session has no other media.
	if fact("record") == 1 then
		if cpm.bridge_session("ksr_session_unbridged") == 0 then
			KSR.x.exit()
		end
		if fact("reason") ~= "no-media" then
			refuse(fact("reason"))
		end
	end
	-- Step 6: as a proxy, the media go past us. The user's clients are invited at once.
	if cpm.select_session() < 0 then
		refuse(fact("reason"))
	end
	KSR.tm.t_on_failure("ksr_failure_session")
	ksr_route_session_relay()
end

-- We stay on the way of all requests in the dialog. Reject-Contact, Request-Disposition.
-- Nobody accepted: the best answer is the caller's.
function ksr_session_unbridged()
	if fact("code") == 503 then
		KSR.hdr.append_to_reply("Retry-After: 10\r\n")
	end
	reply(fact("code"), "Not accepted: " .. fact("reason"))
end

function ksr_branch_session()
	KSR.rr.record_route()
	cpm.dress_session()
	return 1
end

function ksr_route_session_relay()
	KSR.tm.t_on_branch("ksr_branch_session")
	-- An address that cannot be resolved, say.
	if KSR.tm.t_relay() < 0 then
		cpm.refuse("undelivered")
	end
	KSR.x.exit()
end

-- No client accepted. A 302 says where to go on, once.
function ksr_failure_session()
	if KSR.tm.t_is_canceled() > 0 then
		return 1
	end
	if cpm.follow_redirect() > 0 then
		KSR.tm.t_on_failure("ksr_failure_redirected")
		KSR.tm.t_on_branch("ksr_branch_session")
		if KSR.tm.t_relay() > 0 then
			return 1
		end
		KSR.tm.t_on_failure("")
	end
	return ksr_failure_redirected()
end

-- Else the ISF, where the user's rule wants it; else the best of the answers goes to the caller.
function ksr_failure_redirected()
	if KSR.tm.t_is_canceled() < 0 and fact("action") == "deliver+interwork" and KSR.tm.t_check_status("6[0-9][0-9]") < 0
		and cpm.interwork() > 0 then
		KSR.tm.t_on_branch("ksr_branch_session")
		KSR.tm.t_relay()
	end
	return 1
end

-- The first 2xx goes back to the originator; without any, ksr_failure_undelivered.
function ksr_route_relay()
	if (fact("count") or 0) > 0 or fact("action") == "interwork" then
		KSR.tm.t_on_failure("ksr_failure_undelivered")
	end
	if KSR.tm.t_relay() < 0 then
		cpm.unrecord()
		KSR.tm.t_reply(500, "Server Internal Error")
	end
	KSR.x.exit()
end

-- The originator gets 202 when the message is safe; else ksr_route_not_deferred runs.
function ksr_route_defer()
	if cpm.defer("ksr_route_not_deferred") < 0 then
		ksr_route_not_deferred()
	end
	KSR.x.exit()
end

function ksr_route_not_deferred()
	if fact("code") == 503 then
		KSR.hdr.append_to_reply("Retry-After: 10\r\n")
	end
	reply(fact("code"), "Not accepted: " .. fact("reason"))
end

-- No client, nor the ISF, took the message (8.3.1.1, end).
function ksr_failure_undelivered()
	if KSR.tm.t_is_canceled() > 0 then
		return 1
	end
	-- What was recorded leaves the message store again.
	cpm.unrecord()
	ksr_route_defer()
end

-- The XDMS tells of changed documents (RFC 5875): what waited for the end of do-not-disturb begins.
function ksr_route_notify()
	if not trusted() then
		reply(403, "Forbidden")
	elseif cpm.handle_xcap_diff() > 0 then
		reply(200, "OK")
	end
	reply(fact("code"), "Not accepted: " .. fact("reason"))
end

-- A user orders what becomes of deferred messages: deliver, interwork, store, delete (8.3.1.6.3).
function ksr_route_manage()
	ksr_route_originator()
	KSR.tm.t_newtran()
	if cpm.manage_deferred("ksr_route_not_handled") < 0 then
		ksr_route_not_handled()
	end
	KSR.x.exit()
end

-- A user asks what is deferred (8.3.1.6.5).
function ksr_route_subscribe()
	ksr_route_originator()
	KSR.tm.t_newtran()
	if cpm.handle_subscribe("ksr_route_not_handled") < 0 then
		ksr_route_not_handled()
	end
	KSR.x.exit()
end

function ksr_route_not_handled()
	if fact("reason") == "unauthorised" then
		cpm.reject("127")
		KSR.x.exit()
	elseif fact("reason") == "no-messages" then
		cpm.reject_code("125", 488)
		KSR.x.exit()
	end
	ksr_route_not_deferred()
end

-- Who is it? What the trusted core asserts, and what we say ourselves for our users, or a digest; From alone is no proof.
function ksr_route_originator()
	if trusted() or KSR.is_myself_srcip() then
		if cpm.trust_asserted() > 0 then
			return
		end
	elseif KSR.hdr.is_present("P-Asserted-Identity") > 0 then
		KSR.hdr.remove("P-Asserted-Identity")
		KSR.textopsx.msg_apply_changes()
	end
	if auth then
		ksr_route_authenticate()
		KSR.pv.sets("$cpm(originator)", "sip:" .. KSR.pv.get("$au") .. "@" .. KSR.pv.get("$fd"))
		return
	end
	if KSR.is_INVITE() or KSR.is_SUBSCRIBE() then
		cpm.reject("127")
		KSR.x.exit()
	end
	KSR.notice("event=refused call_id=" .. KSR.pv.get("$ci") .. " source=" .. KSR.pv.get("$si") .. " reason=unauthenticated\n")
	reply(403, "Originator Not Authenticated")
end

function ksr_route_authenticate()
	local realm = KSR.pv.get("$fd") or ""
	local password = KSR.htable.sht_get("credentials", (KSR.pv.get("$au") or "") .. "@" .. realm)
	if password == nil or auth.pv_auth_check(realm, password, 0, 1) < 1 then
		auth.auth_challenge(realm, 0)
		KSR.x.exit()
	end
	auth.consume_credentials()
end

-- What becomes of deferred messages. Runs in the queue process and must not wait.
function ksr_cpm_event(name)
	KSR.notice(name .. " id=" .. (fact("message_id") or "-") .. " reason=" .. fact("reason") .. "\n")
	-- Its time has come. The ISF may still reach the user otherwise, as an SMS for instance; what it refuses is discarded.
	if name == "cpm_pf:expired" then
		cpm.interwork()
	end
	return 1
end

-- JSON-RPC for operators, from trusted addresses.
function ksr_xhttp_event(name)
	if not trusted() then
		KSR.xhttp.xhttp_reply(403, "Forbidden", "text/plain", "")
	elseif string.find(KSR.pv.get("$hu"), "^/RPC") then
		KSR.jsonrpcs.dispatch()
	else
		KSR.xhttp.xhttp_reply(404, "Not Found", "text/plain", "")
	end
	return 1
end
