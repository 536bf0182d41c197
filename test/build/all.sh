#!/bin/bash
# SPDX-License-Identifier: MIT
# test/build/all.sh MAKE...     make test: every part runs, whatever the ones before it did; the summaries come last
mkdir -p build/test-log
status=0
for part in unit tidy system; do
	echo "---- $part"
	log=build/test-log/$part
	"$@" --no-print-directory $part 2>&1 | tee $log
	code=${PIPESTATUS[0]}
	if [ $code != 0 ]; then
		status=1 failed="$failed $part"
	fi
done
echo "----"
[ -z "$failed" ] || echo "failed:$failed"
last() { grep -E "$2" build/test-log/$1 | tail -n 1 | grep . || echo "$1: did not get as far as its summary"; }
last tidy '^tidy: [0-9]+ files'
last unit '^[0-9]+ passed, [0-9]+ failed'
last system '^=+ .* in [0-9.]+s.* =+$'
exit $status
