#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 the cpm_pf authors
#
# run.sh fuzz|replay OUT RESULTS NAME... runs the harnesses OUT/fuzz/NAME for $SECONDS_EACH, or OUT/replay/NAME over all seeds and
# crashes; writes one "name<TAB>pass|fail" line for each into RESULTS, and fails when one failed.
mode=$1 out=$2 results=$3
shift 3
mkdir -p "$(dirname "$results")" || exit 2
: >"$results"
for name; do
	log=$out/$mode-$name.log
	if [ "$mode" = fuzz ]; then
		mkdir -p "$out/corpus/$name" "crashes/$name" "seeds/$name"
		dict=
		[ -f "$name.dict" ] && dict=-dict=$name.dict
		timeout $((SECONDS_EACH + 120)) "$out/fuzz/$name" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=1024 \
			-max_len=16384 -print_final_stats=1 -artifact_prefix="crashes/$name/" $dict "$out/corpus/$name" "seeds/$name" >"$log" 2>&1
		status=$?
		rmdir "crashes/$name" "seeds/$name" crashes 2>/dev/null
		what="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
	else
		inputs=$(find "seeds/$name" "crashes/$name" -type f 2>/dev/null | sort)
		timeout 120 "$out/replay/$name" $inputs >"$log" 2>&1
		status=$?
		what="$(echo "$inputs" | grep -c .) inputs"
	fi
	[ $status = 0 ] && verdict=pass || verdict=fail
	printf 'fuzz/%s\t%s\n' "$name" "$verdict" >>"$results"
	printf 'fuzz/%-24s %16s  %s\n' "$name" "$what" "$verdict"
	[ $status = 0 ] || tail -n 40 "$log"
done
! grep -q 'fail$' "$results"
