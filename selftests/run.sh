#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [TEST...]: run the tests that stand beside this script, those that the file
# programs lists or those named, where there is no make (a virtual machine with
# busybox). KTAP goes to stdout as it comes; the last line is "N passed, N failed,
# N skipped". A test that ends without its totals, killed or timed out, counts as one
# failure. Exit status 1 after a failure. GT_TEST_SCALE stretches the time limit of
# each test program.

cd "$(dirname "$0")" || exit 2

tests=${*:-$(cat programs)} || exit 2
limit=$((300 * ${GT_TEST_SCALE:-1}))
log=$(mktemp /tmp/gt-selftest.XXXXXX) || exit 2
passed=0 failed=0 skipped=0 number=0

echo 'KTAP version 1'
echo "1..$(echo $tests | wc -w)"
for test in $tests; do
	number=$((number + 1))
	echo "# $test"
	# The status of a pipe is that of its last command: keep the program's.
	{ timeout "$limit" "./$test" 2>&1; echo $? > "$log.status"; } | tee "$log" | sed 's/^/  /'
	status=$(cat "$log.status")
	ok=$(grep -c '^ok ' "$log")
	skip=$(grep -c '^ok .*# SKIP' "$log")
	bad=$(grep -c '^not ok ' "$log")
	if [ "$status" = 4 ] && grep -q '^1\.\.0 # SKIP' "$log"; then
		skip=1 ok=1
	elif [ "$status" != 0 ] && [ "$bad" = 0 ]; then
		echo "  # $test ended with status $status"
		bad=1
	elif ! grep -q '^# Totals:' "$log"; then
		echo "  # $test ended without its totals"
		bad=$((bad + 1))
	fi
	passed=$((passed + ok - skip))
	skipped=$((skipped + skip))
	failed=$((failed + bad))
	if [ "$bad" = 0 ]; then
		echo "ok $number $test"
	else
		echo "not ok $number $test"
	fi
done
rm -f "$log" "$log.status"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
