#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
#
# run.sh OUT RESULTS TEST... runs the test programs OUT/TEST, writes one "name<TAB>pass|fail" line for each test into RESULTS, and
# fails when one failed. A program that dies counts as one failed test. $RUN goes in front of the command.
out=$1 results=$2
shift 2
limit=300
if [ -n "$RUN" ]; then
	limit=1200
	export UNIT_SLOW=1
fi
: >"$results"
for test; do
	tap=$out/$test.tap
	mkdir -p "$(dirname "$tap")" || exit 2
	rm -f "$tap"
	CK_FORK=no CK_TAP_LOG_FILE_NAME=$tap timeout $limit $RUN "$out/$test" >"$out/$test.log" 2>&1
	status=$?
	awk -v name="unit/$test" -v status=$status '
		/^(not )?ok / {
			n = /^not/ ? $3 : $2
			split($0, part, " - ")
			split(part[2], where, ":")
			printf "%s:%s:%s\t%s\n", name, n, where[3], /^not/ ? "fail" : "pass"
			failed += /^not/
		}
		END { if(status && !failed) printf "%s\tfail\n", name }
	' "$tap" /dev/null >"$out/$test.tsv" 2>/dev/null
	[ -s "$out/$test.tsv" ] || printf 'unit/%s\tfail\n' "$test" >"$out/$test.tsv"
	cat "$out/$test.tsv" >>"$results"
	passed=$(grep -c 'pass$' "$out/$test.tsv")
	failed=$(grep -c 'fail$' "$out/$test.tsv")
	printf '%-32s %4d passed %4d failed\n' "$test" "$passed" "$failed"
	[ "$failed" = 0 ] || tail -n 40 "$out/$test.log"
done
! grep -q 'fail$' "$results"
