// SPDX-License-Identifier: GPL-2.0
/*
 * Preemption: a task that does not let go is made to. Where a test says how long a
 * slice is, it does so by GTDEBUG, for the runtime's own is 10 ms.
 *
 * ThreadSanitizer holds a signal back until the thread makes a call that it knows, so
 * loops that make none are not interrupted there.
 */
#include "test.h"

static atomic_long ran;
static atomic_bool stop;
static struct gt_chan *there, *back;

static void needs_signals(void)
{
	if (TEST_TSAN)
		test_skip("ThreadSanitizer delays signals in loops that make no call");
}

#define PREEMPT_TEST(name, procs, debug) \
	static void name##_task(void); \
	TEST(name) \
	{ \
		test_begin(_metadata); \
		needs_signals(); \
		test_debug(debug); \
		test_run(procs, name##_task); \
	} \
	static void name##_task(void)

/* Never enters the runtime. */
static void loops(void *arg)
{
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		;
	(void)arg;
}

static void start_loops(long n)
{
	long i;

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(loops, NULL), 0);
}

static void end_loops(void)
{
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

/* ---------------------------------------------------------------- progress ---- */

/* With the runtime's own slice. */
static void loops_let_others_run(void)
{
	long i, n = scaled(20);

	needs_signals();
	start_loops(2 * test_procs);
	for (i = 0; i < n; i++)
		gt_yield();
	end_loops();
	CHECK(stats_now().preemptions_held > 0);
}

TEST_ON(tight_loops_let_others_run_p1, loops_let_others_run, 1)
TEST_ON(tight_loops_let_others_run_p2, loops_let_others_run, 2)

static long counts[8];

static void counts_in_a_loop(void *arg)
{
	volatile long *count = arg;

	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		(*count)++;
}

static bool all_have_moved(const long *since, long n)
{
	long i;

	for (i = 0; i < n; i++)
		if (((volatile long *)counts)[i] == since[i])
			return false;
	return true;
}

/* Each gets its turn, and then another. */
static void loops_share(void)
{
	long since[8], i, round, rounds = scaled(10), n = 8;

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(counts_in_a_loop, &counts[i]), 0);
	for (round = 0; round < rounds; round++) {
		memcpy(since, counts, sizeof(since));
		AWAIT(all_have_moved(since, n));
	}
	end_loops();
	CHECK(stats_now().held_max > 0);
}

PREEMPT_TEST(tight_loops_share_one_processor, 1, "slice=1000")
{
	loops_share();
}

PREEMPT_TEST(tight_loops_share_two_processors, 2, "slice=1000")
{
	loops_share();
}

/*
 * More loops than threads may be held. They take turns none the less, and so does a task
 * that stands in a queue each time that it waits for its turn. The bound gives way only to
 * a loop that has run for long: for 2^k slices, if it is the k-th beyond it.
 */
PREEMPT_TEST(held_threads_are_bounded, 1, "slice=500,held=3")
{
	int64_t start = gt_now();
	long since[8], i, round, rounds = scaled(10);
	struct gt_stats stats;

	for (i = 0; i < 8; i++)
		CHECK_EQ(gt_go(counts_in_a_loop, &counts[i]), 0);
	for (round = 0; round < rounds; round++) {
		memcpy(since, counts, sizeof(since));
		AWAIT(all_have_moved(since, 8));
	}
	stats = stats_now();
	CHECK(stats.held_max > 3);
	if (stats.held_max > 3 + stats.held_let_go)
		CHECK(gt_now() - start >= (500 * GT_MICROSECOND <<
					   (stats.held_max - stats.held_let_go - 3)));
	end_loops();
}

PREEMPT_TEST(none_held_means_asking_only, 1, "slice=500,held=0")
{
	int64_t end = gt_now() + 20 * GT_MILLISECOND;

	CHECK_EQ(gt_go(counts_in_a_loop, &counts[0]), 0);
	while (gt_now() < end)
		;
	CHECK_EQ(counts[0], 0);
	CHECK_EQ(stats_now().preemptions_held, 0);
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

static void answers(void *arg)
{
	long value;

	while (gt_chan_recv(there, &value))
		gt_chan_send(back, &value);
	(void)arg;
}

PREEMPT_TEST(ping_pong_beside_a_loop, 1, "slice=1000")
{
	long i, n = scaled(100), value;

	CHECK(there = gt_chan_make(sizeof(long), 0));
	CHECK(back = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(gt_go(answers, NULL), 0);
	start_loops(1);
	for (i = 0; i < n; i++) {
		gt_chan_send(there, &i);
		CHECK_EQ(gt_chan_recv(back, &value), 1);
		CHECK_EQ(value, i);
	}
	gt_chan_close(there);
	end_loops();
}

/* Two that wake each other all the time have one slice together. */
static void spins_for(int64_t ns)
{
	int64_t end = gt_now() + ns;

	while (gt_now() < end)
		;
}

static void answers_slowly(void *arg)
{
	long value;

	while (gt_chan_recv(there, &value)) {
		spins_for(GT_MILLISECOND);
		gt_chan_send(back, &value);
	}
	(void)arg;
}

static void runs(void *arg)
{
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

static void ping_pong_serves_the_ring(void)
{
	long i, value;

	setenv("GTHANDOFF", "off", 1);
	CHECK(there = gt_chan_make(sizeof(long), 0));
	CHECK(back = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(gt_go(answers_slowly, NULL), 0);
	gt_yield();
	for (i = 0; i < 20; i++)
		CHECK_EQ(gt_go(runs, NULL), 0);
	/* By the streak alone it would be one in 64 rounds of 1 ms, so 20 take over 1 s. */
	for (i = 0; ran < 20; i++) {
		gt_chan_send(there, &i);
		CHECK_EQ(gt_chan_recv(back, &value), 1);
	}
	CHECK(i < 400);
	gt_chan_close(there);
	AWAIT(gt_task_count() == 1);
}

PREEMPT_TEST(a_pair_does_not_starve_the_queue, 1, "slice=2000")
{
	ping_pong_serves_the_ring();
}

PREEMPT_TEST(timers_beside_a_loop, 1, "slice=1000")
{
	long i, n = scaled(50);

	start_loops(1);
	for (i = 0; i < n; i++)
		gt_sleep(100 * GT_MICROSECOND);
	end_loops();
}

/* Calls that enter the runtime and do not suspend: they are asked, not interrupted. */
static void tries(void *arg)
{
	long value = 0;

	while (!stop) {
		gt_chan_try_send(there, &value);
		gt_chan_try_recv(there, &value);
	}
	(void)arg;
}

static void loops_of_calls(void)
{
	uint64_t before = stats_now().preemptions;
	long i, n = scaled(20);

	CHECK(there = gt_chan_make(sizeof(long), 4));
	CHECK_EQ(gt_go(tries, NULL), 0);
	CHECK_EQ(gt_go(tries, NULL), 0);
	for (i = 0; i < n; i++)
		gt_yield();
	CHECK(stats_now().preemptions > before);
	end_loops();
	gt_chan_put(there);
}

TEST(loops_of_calls_let_others_run)
{
	test_begin(_metadata);
	test_debug("slice=1000");
	test_run(1, loops_of_calls);
}

static void declares(void *arg)
{
	while (!stop) {
		gt_entersyscall();
		gt_exitsyscall();
	}
	(void)arg;
}

static void loops_of_declared_calls(void)
{
	long i, n = scaled(20);

	CHECK_EQ(gt_go(declares, NULL), 0);
	for (i = 0; i < n; i++)
		gt_yield();
	end_loops();
}

TEST(loops_of_declared_calls_let_others_run)
{
	test_begin(_metadata);
	test_debug("slice=1000");
	test_run(1, loops_of_declared_calls);
}

/* -------------------------------------------------------- who ends the slices ---- */

static bool has_module(void)
{
	return !strcmp(gt_backend_name(), "kmod");
}

/* The module where it is there, and then nobody looks. */
static void slices_end(void)
{
	long i, n = scaled(20);

	CHECK(there = gt_chan_make(sizeof(long), 4));
	CHECK_EQ(gt_go(tries, NULL), 0);
	start_loops(2 * test_procs);
	for (i = 0; i < n; i++)
		gt_yield();
	AWAIT(stats_now().preemptions_held > 0);
	AWAIT(stats_now().slices_module + stats_now().slices_looked > 0);
	CHECK_EQ(has_module() ? stats_now().slices_looked : stats_now().slices_module, 0);
	end_loops();
}

PREEMPT_TEST(slices_are_the_modules_p1, 1, "slice=1000")
{
	slices_end();
}

PREEMPT_TEST(slices_are_the_modules_p2, 2, "slice=1000")
{
	slices_end();
}

/* The module has none as short. */
PREEMPT_TEST(slices_that_are_too_short_are_looked_for, 1, "slice=50")
{
	start_loops(2);
	AWAIT(stats_now().slices_looked > 0);
	CHECK_EQ(stats_now().slices_module, 0);
	end_loops();
}

/* Nobody waits for a task that is alone, so nothing ends, whoever looks. */
PREEMPT_TEST(a_task_alone_is_left_alone, 1, "slice=500")
{
	spins_for(20 * GT_MILLISECOND);
	CHECK_EQ(stats_now().slices_module, 0);
	CHECK_EQ(stats_now().preemptions, 0);
}

/*
 * Two that take turns for longer than a slice have had one each, but none of them had it
 * to the end; unless the machine stood still meanwhile, and then it is tried again.
 */
#define SLICE (200 * GT_MILLISECOND)
#define TURN (SLICE / 20)
static int64_t noted_at, longest;

static void note_time(void)
{
	int64_t now = gt_now();

	if (now - noted_at > longest)
		longest = now - noted_at;
	noted_at = now;
}

static void takes_a_turn(void)
{
	note_time();
	spins_for(TURN);
	gt_yield();
}

static void takes_turns(void *arg)
{
	while (!stop)
		takes_a_turn();
	(void)arg;
}

/* How many slices ended meanwhile. All that a turn may take is noted, in two pieces at most. */
static uint64_t slices_of_turns(void)
{
	uint64_t before, after;
	int64_t start = gt_now();

	noted_at = start;
	longest = 0;
	gt_yield();
	before = stats_now().slices_module;
	while (noted_at < start + 2 * SLICE)
		takes_a_turn();
	after = stats_now().slices_module;
	note_time();
	return after - before;
}

PREEMPT_TEST(who_takes_turns_begins_a_slice_each_time, 1, "slice=200000")
{
	uint64_t slices;
	int i;

	CHECK_EQ(gt_go(takes_turns, NULL), 0);
	for (i = 0; i < 10; i++) {
		slices = slices_of_turns();
		if (longest > SLICE / 4)
			continue;
		CHECK_EQ(slices, 0);
		break;
	}
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

/* The module sends a signal there instead of an upcall, which would lose that stack. */
static void on_its_own_stack(int sig)
{
	while (!ran)
		;
	(void)sig;
}

PREEMPT_TEST(slices_end_on_a_signal_stack, 1, "slice=1000")
{
	struct sigaction action = {
		.sa_handler = on_its_own_stack,
		.sa_flags = SA_ONSTACK,
	};
	long i, n = scaled(20);

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	for (i = 0; i < n; i++) {
		ran = 0;
		CHECK_EQ(gt_go(runs, NULL), 0);
		CHECK_EQ(raise(SIGUSR1), 0);
	}
}

static void looks_at_the_clock(void *arg)
{
	while (!stop)
		gt_now();
	(void)arg;
}

PREEMPT_TEST(loops_over_the_clock_let_others_run, 1, "slice=1000")
{
	long i, n = scaled(20);

	CHECK_EQ(gt_go(looks_at_the_clock, NULL), 0);
	for (i = 0; i < n; i++)
		gt_yield();
	end_loops();
}

static void preempt_is_off(void)
{
	int64_t end = gt_now() + 50 * GT_MILLISECOND;

	CHECK_EQ(gt_go(runs, NULL), 0);
	while (gt_now() < end)
		;
	CHECK_EQ(ran, 0);
	CHECK_EQ(stats_now().preemptions, 0);
	AWAIT(ran == 1);
}

PLAIN_TEST(preempt_may_be_switched_off)
{
	struct sigaction action;

	setenv("GTHANDOFF", "off", 1);
	setenv("GTDEBUG", "preempt=off,slice=1000", 1);
	test_run(1, preempt_is_off);
	CHECK_EQ(sigaction(SIGURG, NULL, &action), 0);
	CHECK(action.sa_handler == SIG_DFL);
}

/* ------------------------------------------------------------ holding it off ---- */

static void keeps_the_processor(void)
{
	uint64_t before;
	int64_t end;

	gt_preempt_off();
	gt_preempt_off();
	gt_preempt_on();
	CHECK_EQ(gt_go(counts_in_a_loop, &counts[0]), 0);
	before = stats_now().preemptions;
	end = gt_now() + 20 * GT_MILLISECOND;
	while (gt_now() < end)
		CHECK_EQ(counts[0], 0);
	CHECK_EQ(stats_now().preemptions, before);
	gt_preempt_on();
	/* Now it is overdue. */
	while (!((volatile long *)counts)[0])
		;
	end_loops();
}

/* Without hand-off: who blocks, at a page that is not there say, does not keep it. */
TEST(preempt_off_keeps_the_processor)
{
	test_begin(_metadata);
	needs_signals();
	setenv("GTHANDOFF", "off", 1);
	test_debug("slice=500");
	test_run(1, keeps_the_processor);
}

static void unbalanced(void)
{
	gt_preempt_off();
	gt_preempt_on();
	gt_preempt_on();
}

PLAIN_TEST(preempt_on_without_off_panics)
{
	expect_panic(unbalanced, "gt_preempt_on() without gt_preempt_off()");
}

PLAIN_TEST(plain_threads_may_call)
{
	gt_preempt_off();
	gt_preempt_on();
	gt_preempt_on();
}

static void suspends_with_it_off(void *arg)
{
	long i, n = scaled(500);

	gt_preempt_off();
	for (i = 0; i < n; i++)
		gt_yield();
	gt_preempt_on();
	(void)arg;
}

/* It is the task's own, wherever that runs. */
PREEMPT_TEST(preempt_off_goes_with_the_task, 2, "slice=100")
{
	int i;

	start_loops(2);
	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_go(suspends_with_it_off, NULL), 0);
	AWAIT(gt_task_count() == 3);
	end_loops();
}

/* -------------------------------------------------------------- late requests ---- */

static void runs_for_a_slice(void *arg)
{
	long i, n = scaled(100);

	for (i = 0; i < n; i++) {
		spins_for((20 + i % 4 * 20) * GT_MICROSECOND);
		gt_yield();
	}
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

/*
 * Tasks that end their slice just as the request comes. What the count of late ones
 * is depends on luck; that nothing goes wrong does not.
 */
PREEMPT_TEST(late_requests_hit_nobody, 2, "slice=40")
{
	struct gt_stats stats;
	int i;

	for (i = 0; i < 6; i++)
		CHECK_EQ(gt_go(runs_for_a_slice, NULL), 0);
	AWAIT(ran == 6);
	AWAIT(gt_task_count() == 1);
	stats = stats_now();
	CHECK(stats.preemptions >= stats.preemptions_held);
}

/* A signal that nobody sent for a slice is not one: it is the program's, or nothing. */
static atomic_long urgents;

static void on_urgent(int sig)
{
	CHECK_EQ(sig, SIGURG);
	atomic_fetch_add(&urgents, 1);
}

static void foreign_signals(void)
{
	long i, seen;

	for (i = 0; i < 100; i++) {
		seen = urgents;
		/* One to the process may go to a thread where ThreadSanitizer keeps it. */
		if (TEST_TSAN || i % 2)
			CHECK_EQ(tgkill(getpid(), gettid(), SIGURG), 0);
		else
			CHECK_EQ(kill(getpid(), SIGURG), 0);
		AWAIT(!usleep(1) && urgents > seen);
	}
}

PLAIN_TEST(a_handler_that_was_there_before_is_called)
{
	struct sigaction action;

	signal(SIGURG, on_urgent);
	test_run(1, foreign_signals);
	CHECK_EQ(sigaction(SIGURG, NULL, &action), 0);
	CHECK(action.sa_handler == on_urgent);
}

static void sets_a_handler(void)
{
	long i, n = scaled(20);

	signal(SIGURG, on_urgent);
	CHECK_EQ(gt_go(tries, NULL), 0);
	for (i = 0; i < n; i++)
		gt_yield();
	end_loops();
	CHECK_EQ(urgents, 0);
}

/* One set later stays, and gets no signal of ours; loops are then only asked. */
PLAIN_TEST(a_handler_that_is_set_later_stays)
{
	struct sigaction action;

	test_debug("slice=1000");
	CHECK(there = gt_chan_make(sizeof(long), 4));
	test_run(1, sets_a_handler);
	CHECK_EQ(sigaction(SIGURG, NULL, &action), 0);
	CHECK(action.sa_handler == on_urgent);
}

PREEMPT_TEST(a_task_may_block_the_signal, 1, "slice=500")
{
	int64_t end = gt_now() + 10 * GT_MILLISECOND;
	sigset_t set;

	CHECK_EQ(gt_go(counts_in_a_loop, &counts[0]), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	while (gt_now() < end)
		;
	CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
	while (!((volatile long *)counts)[0])
		;
	end_loops();
}

/* ------------------------------------------------------------------- signals ---- */

static void on_signal(int sig)
{
	int64_t end = gt_now() + 300 * GT_MICROSECOND;

	(void)sig;
	/* Long enough to be preempted in the middle. */
	while (gt_now() < end)
		;
	atomic_fetch_add(&urgents, 1);
}

static void *sends_signals(void *arg)
{
	long i;

	for (i = 0; !stop; i++) {
		kill(getpid(), SIGUSR1);
		gt_sleep(500 * GT_MICROSECOND);
	}
	return arg;
}

PREEMPT_TEST(signals_of_the_program_in_between, 2, "slice=100")
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	pthread_t thread;
	long i;

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	CHECK_EQ(pthread_create(&thread, NULL, sends_signals, NULL), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_go(counts_in_a_loop, &counts[i]), 0);
	AWAIT(urgents >= 50 && counts[0] && counts[1] && counts[2] && counts[3]);
	atomic_store(&stop, true);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	AWAIT(gt_task_count() == 1);
}

/* ------------------------------------------------------- fork, end, threads ---- */

PREEMPT_TEST(fork_while_others_are_held, 1, "slice=200")
{
	long i, n = scaled(30);
	int status;
	pid_t pid;

	start_loops(3);
	AWAIT(stats_now().held > 0);
	for (i = 0; i < n; i++) {
		pid = fork();
		CHECK(pid >= 0);
		if (!pid) {
			if (!TEST_ASAN)		/* whose locks a child inherits */
				free(malloc(100));
			_exit(gt_go(loops, NULL) == -ESRCH ? 3 : 4);
		}
		CHECK_EQ(gt_syscall_wait4(pid, &status, 0, NULL), pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	}
	end_loops();
}

static void runs_loops(void *arg)
{
	start_loops(3);
	AWAIT(stats_now().held > 0);
	end_loops();
	(void)arg;
}

/* The child may run a runtime of its own, and preempt there. */
PREEMPT_TEST(a_child_preempts, 1, "slice=200")
{
	int status;
	pid_t pid;

	if (TEST_ASAN)
		test_skip("a child inherits the locks of AddressSanitizer's malloc()");
	start_loops(2);
	AWAIT(stats_now().held > 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		raise(SIGURG);
		_exit(gt_run(runs_loops, NULL) ? 1 : 3);
	}
	CHECK_EQ(gt_syscall_wait4(pid, &status, 0, NULL), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	end_loops();
}

/* Loops that allocate, so that one is likely to be held with malloc()'s lock. */
static void allocates(void *arg)
{
	while (!stop) {
		free(malloc(64));
		gt_task_id();
	}
	gt_yield();
	(void)arg;
}

static void leaves_loops_held(void)
{
	long i;

	for (i = 0; i < 6; i++)
		CHECK_EQ(gt_go(allocates, NULL), 0);
	AWAIT(stats_now().held > 2);
	if (ran)
		atomic_store(&stop, true);
}

static void runs_nothing(void *arg)
{
	(void)arg;
}

PLAIN_TEST(the_run_ends_while_tasks_are_held)
{
	void (*body)(void) = leaves_loops_held;
	long i, n = scaled(10);
	int procs;

	needs_signals();
	test_debug("slice=100");
	ONE_MALLOC_ARENA();
	ran = 1;
	for (i = 0; i < n; i++) {
		atomic_store(&stop, false);
		procs = test_procs = 1 + i % 3;
		CHECK(gt_gomaxprocs(procs) > 0);
		CHECK_EQ(gt_run(test_call, &body), 0);
		free(malloc(64));
		/* Its loops may take their time to see that they are to end. */
		AWAIT(gt_run(runs_nothing, NULL) == 0);
	}
	AWAIT_ONE_THREAD();
}

/* Those that never come back keep their threads, as the contract says, and no more. */
PLAIN_TEST(the_run_ends_beside_loops_for_ever)
{
	needs_signals();
	test_debug("slice=100");
	test_run(1, leaves_loops_held);
	free(malloc(64));
	CHECK_EQ(gt_run(runs_nothing, NULL), -EBUSY);
	atomic_store(&stop, true);
	AWAIT(gt_run(runs_nothing, NULL) == 0);
	AWAIT_ONE_THREAD();
}

static void counts_locked(void *arg)
{
	int tid;

	gt_lock_os_thread();
	tid = gettid();
	while (!stop) {
		(*(volatile long *)arg)++;
		if (!(*(volatile long *)arg % 100000))
			gt_yield();
	}
	CHECK_EQ(gettid(), tid);
	gt_unlock_os_thread();
}

PREEMPT_TEST(locked_threads_are_preempted, 2, "slice=200")
{
	long since[8], i, round;

	for (i = 0; i < 8; i++)
		CHECK_EQ(gt_go(i % 2 ? counts_locked : counts_in_a_loop, &counts[i]), 0);
	for (round = 0; round < scaled(10); round++) {
		memcpy(since, counts, sizeof(since));
		AWAIT(all_have_moved(since, 8));
	}
	end_loops();
}

/* ---------------------------------------------------------------- blocking ---- */

static int pair[2];

static void blocks_and_loops(void *arg)
{
	long i, n = scaled(100);
	char byte;

	for (i = 0; i < n; i++) {
		CHECK_EQ(write(pair[1], "x", 1), 1);
		spins_for(200 * GT_MICROSECOND);
		CHECK_EQ(read(pair[0], &byte, 1), 1);
	}
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

/* Undeclared blocks and preemption meet on the same threads. */
PREEMPT_TEST(blocking_tasks_are_preempted, 2, "slice=100")
{
	int i;

	setenv("GTHANDOFF", "on", 1);
	CHECK_EQ(pipe(pair), 0);
	for (i = 0; i < 6; i++)
		CHECK_EQ(gt_go(blocks_and_loops, NULL), 0);
	AWAIT(ran == 6);
	AWAIT(gt_task_count() == 1);
}

/* Exactly one at once, save for those that lost the processor and have not come back. */
static atomic_int inside, overlaps;

static void excludes(void *arg)
{
	while (!stop) {
		gt_preempt_off();
		if (atomic_fetch_add(&inside, 1))
			atomic_fetch_add(&overlaps, 1);
		spins_for(5 * GT_MICROSECOND);
		atomic_fetch_sub(&inside, 1);
		gt_preempt_on();
		atomic_fetch_add(&ran, 1);
	}
	(void)arg;
}

PREEMPT_TEST(one_runs_at_a_time, 1, "slice=100")
{
	struct gt_stats stats;
	long i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_go(excludes, NULL), 0);
	for (i = 0; i < scaled(200); i++)
		gt_yield();
	end_loops();
	CHECK(ran > 0);
	stats = stats_now();
	CHECK(!overlaps || stats.handoffs + stats.held_let_go);
}

/* A lock that a held task has, and that the runtime needs with the only processor. */
static void starts_many(void *arg)
{
	long i, n = scaled(300);

	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_go_attr(runs, NULL,
				    &(struct gt_task_attr){ .stack_size = 128 << 10 }), 0);
		if (i % 64 == 63)
			gt_sleep(GT_MICROSECOND);
	}
	(void)arg;
}

static void holds_mallocs_lock(void)
{
	long i;

	ONE_MALLOC_ARENA();
	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_go(allocates, NULL), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_go(starts_many, NULL), 0);
	AWAIT(ran == 4 * scaled(300));
	end_loops();
}

PREEMPT_TEST(a_held_task_has_mallocs_lock, 1, "slice=50")
{
	holds_mallocs_lock();
}

/* The module can end slices of this length. */
PREEMPT_TEST(one_that_the_module_stopped_has_mallocs_lock, 1, "slice=150")
{
	holds_mallocs_lock();
}

TEST_MAIN
