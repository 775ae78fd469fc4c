#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh GDB PROGRAM: what people do with a debugger, done by gdb to program.c, whose tasks
# are preempted all the while: by signals, or by upcalls with GTBACKEND=kmod. TAP. For any
# POSIX shell, busybox's too, and a gdb without Python.
gdb=$1
program=$2
here=$(cd "$(dirname "$0")" && pwd) || exit 2
dir=$(mktemp -d "${TMPDIR:-/tmp}/gt-gdb.XXXXXX") || exit 2
limit=${GT_TEST_TIMEOUT:-300}	# seconds, against hangs
number=0
failed=0
pid= debugger=

trap 'kill -9 $pid $debugger 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# GT_TEST_STEPS=no: no steps by line. While a thread is stepped over a call, others come to
# the breakpoint behind it at each turn of their loops, and are stopped and stepped over it;
# if the thread has lost its processor, they must use up a slice so. In an emulated machine
# that takes minutes.
steps=${GT_TEST_STEPS:-yes}

# Short slices, of which there are many between two stops of a debugger.
export GTMAXPROCS=2 GTDEBUG=slice=1000

# verdict NAME STATUS LOG: one test's result, and what gdb said if it failed.
verdict() {
	number=$((number + 1))
	echo "#  RUN           $1 ..."
	if test "$2" = 0; then
		echo "ok $number $1"
	else
		failed=$((failed + 1))
		sed 's/^/# /' "$3"
		echo "not ok $number $1"
	fi
}

run_gdb() {
	timeout "$limit" "$gdb" -nx -q -batch -ex 'set confirm off' -ex 'set pagination off' \
		-ex 'set width 0' -ex 'set debuginfod enabled off' "$@" < /dev/null
}

mark() {
	sed -n "/mark: $1 /=" "$here/program.c"
}

# until_true CONDITION: within the limit, it comes true.
until_true() {
	tries=$((limit * 20))
	until eval "$1"; do
		tries=$((tries - 1))
		test $tries -gt 0 || return 1
		sleep 0.05
	done
}

# ---- in one session: breakpoints, backtraces, steps, calls ----

case ${GTBACKEND:-futex} in
kmod)	handler=gt_preempt_upcall ;;
*)	handler=on_signal ;;
esac

# again TIMES COMMAND...
again() {
	times=$1
	shift
	while test "$times" -gt 0; do
		printf '%s\n' "$@"
		times=$((times - 1))
	done
}

section() {
	printf 'echo # %s\\n\n' "$1"
}

commands() {
	printf '%s\n' "$@"
}

{
	section break
	commands 'break sum_of' run
	again 4 bt continue
	commands bt delete

	section handler
	commands "break $handler"
	again 10 continue bt
	commands delete

	section next
	commands 'tbreak sum_of' continue
	if test "$steps" = yes; then
		again 16 next
		section step
		again 16 step
		section finish
		# shellcheck disable=SC2016
		again 3 'eval "tbreak leaf thread %d", $_thread' continue finish
		section stepi
		again 40 stepi
		section nexti
		again 20 nexti
	fi

	section call
	again 3 'print twice(21)'
	commands bt

	section end
	commands 'set var over = 1' continue
} > "$dir/session.gdb"

# Sections of what gdb says, each in a file of its name, without the news of threads.
run_gdb -x "$dir/session.gdb" "$program" > "$dir/session" 2>&1
awk -v dir="$dir" '
	/^# [a-z]+$/ { name = $2; next }
	/^\[/ { next }
	name { print > (dir "/said." name) }
' "$dir/session"

if grep -qE 'ptrace: Operation not permitted|Could not trace the inferior' "$dir/session"; then
	echo '1..0 # SKIP this system lets nobody be traced'
	exit 0
fi
echo 'TAP version 13'
echo 1..12

# The frames of a backtrace are those of the task, down to where it begins.
awk '
	/^#0 / { all++ }
	/^#0 .*sum_of \(/ { depth = 1 }
	/^#1 .* in compute \(/ && depth == 1 { depth = 2 }
	/^#2 .* in task_main \(/ && depth == 2 { good++ }
	END { exit !(all == 5 && good == 5) }
' "$dir/said.break"
verdict breakpoint $? "$dir/said.break"

# What the handler has interrupted is seen, if it was one of our functions, and it is.
awk -v handler="$handler" '
	function end() { if (ours) { met++; if (depth == 2) good++ } ours = 0; depth = 0; next_is = 0 }
	/^#0 / { end(); all++; if (index($0, handler)) right++ }
	next_is { ours = / (in )?(sum_of|leaf|compute) \(/; next_is = 0 }
	/<signal handler called>/ { next_is = 1 }
	ours && / (in )?compute \(/ { depth = 1 }
	ours && depth == 1 && / in task_main \(/ { depth = 2 }
	END { end(); exit !(all == 10 && right == 10 && met && good == met) }
' "$dir/said.handler"
verdict backtrace_through_the_handler $? "$dir/said.handler"

# Line after line, as the loop has it: from the function's first line to where 16 of them lead.
if test "$steps" = yes; then
awk -v l="$(mark loop)" -v a="$(mark add)" -v x="$(mark xor)" -v c="$(mark call)" '
	BEGIN { after[l] = a; after[a] = x; after[x] = c; after[c] = l }
	/^[0-9]+\t/ { if (count++ > 1 && $1 != after[last]) bad++; last = $1 }
	END { exit bad || count != 17 }
' "$dir/said.next"
verdict next $? "$dir/said.next"

# The same, with the function that it calls.
awk -v l="$(mark loop)" -v a="$(mark add)" -v x="$(mark xor)" -v c="$(mark call)" \
	-v r="$(mark return)" '
	BEGIN { after[l] = a; after[a] = x; after[x] = c; after[c] = r; after[r] = r + 1
		after[r + 1] = l }
	/^[0-9]+\t/ { if (count++ && $1 != after[last]) bad++; last = $1 }
	/^[^0-9].* \(/ && !/^(sum_of|leaf) \(/ { bad++ }
	END { exit bad || count != 16 }
' "$dir/said.step"
verdict step $? "$dir/said.step"

awk '
	/^Value returned is \$[0-9]+ = [0-9]+$/ { values++ }
	/^0x[0-9a-f]+ in sum_of \(/ { places++ }
	END { exit !(values == 3 && places == 3) }
' "$dir/said.finish"
verdict finish $? "$dir/said.finish"

# No instruction is of any other function.
for command in stepi nexti; do
	awk -v first="$(mark leaf)" -v last="$(mark call)" '
		{ sub(/^0x[0-9a-f]+ in /, "") }
		/^(sum_of|leaf) \(/ { next }
		/^(0x[0-9a-f]+\t)?[0-9]+\t/ {
			sub(/^0x[0-9a-f]+\t/, "")
			count++
			if ($1 < first || $1 > last)
				bad++
			next
		}
		{ bad++ }
		END { exit bad || count != '$(test $command = stepi && echo 40 || echo 20)' }
	' "$dir/said.$command"
	verdict $command $? "$dir/said.$command"
done
else
	for name in next step finish stepi nexti; do
		number=$((number + 1))
		echo "ok $number $name # SKIP steps take minutes in an emulated machine"
	done
fi

test "$(grep -cE '^\$[0-9]+ = 42$' "$dir/said.call")" = 3 &&
	grep -q ' in compute (' "$dir/said.call"
verdict call $? "$dir/said.call"

grep -q 'right$' "$dir/session" && grep -q 'exited normally' "$dir/session"
verdict goes_on_to_the_end $? "$dir/session"

# ---- at a process that runs ----

# The program, which ends when $dir/over is there; and that it ends well.
begin() {
	rm -f "$dir/over"
	"$program" "$dir/over" > "$dir/output" 2>&1 &
	pid=$!
	until_true "grep -q computing '$dir/output'"
}

ends_well() {
	: > "$dir/over"
	wait "$pid" && grep -q right "$dir/output"
}

# All threads, of which those that compute are seen down to where their tasks begin. gdb also
# says, by itself and without what is below, where one of them has stopped.
begin
run_gdb -p "$pid" -ex 'thread apply all bt' -ex 'print twice(21)' -ex detach \
	> "$dir/attach" 2>&1
awk '
	/^Thread [0-9]+ / { threads++; computes = 0 }
	threads && / (in )?compute \(/ { tasks++; computes = 1 }
	computes && / in task_main \(/ { begins++ }
	/^\$[0-9]+ = 42$/ { called++ }
	/ detached\]$/ { detached++ }
	END { exit !(threads > 2 && tasks && begins == tasks && called && detached) }
' "$dir/attach" && ends_well
verdict attach $? "$dir/attach"

# ---- a debugger that is killed ----

# killed COMMAND WORD: kill gdb, which has attached itself, and at a command has said a word.
# A stop that it may just have sent to a thread is taken back, as by anybody to whom that
# happens.
killed() {
	begin
	rm -f "$dir/fifo"
	mkfifo "$dir/fifo"
	exec 3<> "$dir/fifo"
	"$gdb" -nx -q -p "$pid" < "$dir/fifo" > "$dir/killed" 2>&1 3<&- &
	debugger=$!
	commands "$1" >&3
	until_true "grep -q '$2' '$dir/killed'" &&
		kill -9 "$debugger"
	status=$?
	exec 3<&-
	wait "$debugger" 2>/dev/null
	debugger=
	test $status = 0 && until_true "grep -q '^TracerPid:.0$' /proc/$pid/status" &&
		kill -CONT "$pid" && ends_well
}

killed 'echo stopped\n' stopped
verdict killed_while_the_program_is_stopped $? "$dir/killed"
killed continue Continuing
verdict killed_while_the_program_runs $? "$dir/killed"

echo "# Totals: $((number - failed)) passed, $failed failed"
test $failed = 0
