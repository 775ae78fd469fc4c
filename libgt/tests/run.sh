#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh FOLDER PROGRAM...: run test programs one after the other, each in its own
# line-marked section of one log. For where gt-check cannot start each by itself:
# in the test VM, whose shell is busybox.
folder=$1
shift
status=0
for program in "$@"; do
	echo "# program: $program"
	"$folder/$program" 2>&1
	rc=$?
	echo "# status: $rc"
	test $rc -eq 0 || status=1
done
exit $status
