#!/bin/sh
# SPDX-License-Identifier: MIT
# test/build/unit.sh PROGRAM...     runs every cmocka program, whatever the others did, and adds up
# Of a program that passes only its summary is shown; of one that fails, all. A program that crashes, hangs or says that
# nothing failed but exits with an error counts as one more failed test.
passed=0 failed=0
unset CMOCKA_XML_FILE CMOCKA_TEST_FILTER
export CMOCKA_MESSAGE_OUTPUT=STDOUT ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1}"
count() { grep -c "$1" "$log"; }
for program; do
	log=$program.log
	timeout --kill-after=5 120 "$program" >"$log" 2>&1 </dev/null
	status=$?
	ok=$(count '^\[       OK \]')
	bad=$(count '^\[  \(FAILED\|ERROR\) *\] [A-Za-z_]*$')
	listed=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s), listed below.*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')
	[ "$listed" -gt 0 ] && bad=$listed
	[ $status != 0 ] && [ "$bad" = 0 ] && bad=1
	passed=$((passed + ok)) failed=$((failed + bad))
	echo "== ${program##*/}"
	if [ $status = 0 ]; then
		grep -E '^\[(==========|  PASSED  |  SKIPPED )\] [0-9]+ test\(s\)' "$log"
	else
		cat "$log"
		echo "${program##*/}: exit status $status"
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
