// SPDX-License-Identifier: GPL-2.0
/* Declared system calls: the processor goes to others meanwhile, and comes back. */
#include <sys/file.h>
#include <time.h>

#include "test.h"

static atomic_long ran;
static atomic_bool stop;
static int pair[2];

/* Declared calls are taken with GTHANDOFF=on, the default. */
#define HANDOFF_TEST(name, procs) \
	static void name##_task(void); \
	TEST(name) \
	{ \
		test_begin(_metadata); \
		setenv("GTHANDOFF", "on", 1); \
		test_run(procs, name##_task); \
	} \
	static void name##_task(void)

static void writes_a_byte(void *arg)
{
	CHECK_EQ(write(pair[1], "x", 1), 1);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

/* ------------------------------------------------------------- hand-off ---- */

HANDOFF_TEST(others_run_meanwhile, 1)
{
	long i, n = scaled(50);
	char byte;

	CHECK_EQ(pipe(pair), 0);
	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_go(writes_a_byte, NULL), 0);
		CHECK_EQ(gt_syscall_read(pair[0], &byte, 1), 1);
	}
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, n);
	CHECK(stats_now().syscalls_handed_off > 0);
}

/* The thread is awake all the while: only the declaration tells. */
HANDOFF_TEST(a_busy_thread_may_declare_itself, 1)
{
	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(gt_go(writes_a_byte, NULL), 0);
	gt_entersyscall();
	while (!ran)
		;
	gt_exitsyscall();
	CHECK(stats_now().syscalls_handed_off > 0);
}

static void counts_until_stop(void *arg)
{
	while (!stop) {
		atomic_fetch_add(&ran, 1);
		gt_yield();
	}
	(void)arg;
}

/* Return only when the processor has been taken. */
static void declared_until_taken(void)
{
	uint64_t before = stats_now().syscalls_handed_off;

	gt_entersyscall();
	while (stats_now().syscalls_handed_off == before)
		;
	errno_set(EXDEV);
	gt_exitsyscall();
	CHECK_EQ(errno_get(), EXDEV);
}

/* Back from the call, a task must win a processor before it goes on. */
static atomic_int inside;

static void alternates(void *arg)
{
	while (!stop) {
		gt_preempt_off();
		CHECK_EQ(atomic_fetch_add(&inside, 1), 0);
		atomic_fetch_sub(&inside, 1);
		gt_preempt_on();
		gt_yield();
	}
	(void)arg;
}

/* A page fault of the one inside could cost it the processor undeclared: so, none. */
HANDOFF_TEST(one_at_once_after_the_return, 1)
{
	uint64_t undeclared;
	long i, n = scaled(20);
	int seen;

	CHECK_EQ(gt_go(alternates, NULL), 0);
	CHECK_EQ(gt_go(alternates, NULL), 0);
	gt_yield();
	for (i = 0; i < n; i++) {
		undeclared = stats_now().handoffs;
		declared_until_taken();
		gt_preempt_off();
		seen = atomic_fetch_add(&inside, 1);
		atomic_fetch_sub(&inside, 1);
		gt_preempt_on();
		CHECK(!seen || stats_now().handoffs != undeclared);
		gt_yield();
	}
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

HANDOFF_TEST(returns_are_counted, 1)
{
	struct gt_stats stats;
	long i, n = scaled(20);

	CHECK_EQ(gt_go(counts_until_stop, NULL), 0);
	for (i = 0; i < n; i++)
		declared_until_taken();
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
	stats = stats_now();
	CHECK(stats.syscalls_handed_off >= (uint64_t)n);
	CHECK_EQ(stats.regains + stats.requeues, stats.handoffs + stats.syscalls_handed_off);
}

static void stays_when_off(void)
{
	static const struct timespec nap = { .tv_nsec = 30 * 1000 * 1000 };
	long before;

	CHECK_EQ(gt_go(counts_until_stop, NULL), 0);
	gt_yield();
	before = ran;
	GT_SYSCALL(nanosleep(&nap, NULL));
	CHECK_EQ(ran, before);
	CHECK_EQ(stats_now().syscalls_handed_off, 0);
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

PLAIN_TEST(handoff_off_keeps_the_processor)
{
	setenv("GTHANDOFF", "off", 1);
	setenv("GTDEBUG", "preempt=off", 1);
	test_run(1, stays_when_off);
}

/* -------------------------------------------------------------- nesting ---- */

HANDOFF_TEST(nested_pairs_count_once, 1)
{
	uint64_t before;

	CHECK_EQ(gt_go(counts_until_stop, NULL), 0);
	before = stats_now().syscalls_handed_off;
	gt_entersyscall();
	gt_entersyscall();
	gt_exitsyscall();
	/* Still declared: it can be taken. */
	while (stats_now().syscalls_handed_off == before)
		;
	gt_exitsyscall();
	atomic_store(&stop, true);
	AWAIT(gt_task_count() == 1);
}

static struct gt_chan *chan;

static void echoes(void *arg)
{
	long value;

	while (gt_chan_recv(chan, &value))
		atomic_fetch_add(&ran, value);
	(void)arg;
}

/* A library's callback may do anything, also park and wake on another thread. */
GT_TEST_PROCS(calls_into_the_runtime_from_inside)
{
	long i, n = scaled(2000), one = 1;

	CHECK(chan = gt_chan_make(sizeof(long), 0));
	CHECK_EQ(gt_go(echoes, NULL), 0);
	for (i = 0; i < n; i++) {
		gt_entersyscall();
		if (i % 3)
			gt_chan_send(chan, &one);
		else
			gt_yield();
		gt_exitsyscall();
	}
	gt_chan_close(chan);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, n - (n + 2) / 3);
	gt_chan_put(chan);
}

static void exits_inside(void *arg)
{
	gt_entersyscall();
	atomic_fetch_add(&ran, 1);
	gt_exit();
	(void)arg;
}

static void begins_afresh(void *arg)
{
	gt_entersyscall();
	gt_exitsyscall();
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

/* The stack of one is the next one's: nothing of the declaration may stay. */
GT_TEST_PROCS(exit_inside)
{
	long i, n = scaled(500);

	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_go(i % 2 ? begins_afresh : exits_inside, NULL), 0);
		AWAIT(ran == i + 1);
	}
	AWAIT(gt_task_count() == 1);
}

static void exits_twice(void)
{
	gt_entersyscall();
	gt_exitsyscall();
	gt_exitsyscall();
}

PLAIN_TEST(exit_without_enter_panics)
{
	expect_panic(exits_twice, "gt_exitsyscall() without gt_entersyscall()");
}

PLAIN_TEST(plain_threads_may_call)
{
	gt_entersyscall();
	gt_exitsyscall();
	gt_exitsyscall();
	CHECK_EQ(GT_SYSCALL(getpid()), getpid());
}

/* ---------------------------------------------------------------- storm ---- */

enum { STORMERS = 8 };
static int counted[STORMERS];

static void storms(void *arg)
{
	long i, n = scaled(2000), me = (long)arg;
	uint64_t state = me;
	int value = 0;

	for (i = 0; i < n; i++) {
		switch (test_random(&state) % 4) {
		case 0:
			errno_set(ENOENT);
			CHECK_EQ(GT_SYSCALL(close(-1)), -1);
			CHECK_EQ(errno_get(), EBADF);
			break;
		case 1:
			gt_yield();
			break;
		case 2:
			GT_SYSCALL(sched_yield());
			break;
		default:
			gt_entersyscall();
			value++;
			gt_exitsyscall();
		}
		CHECK_EQ(counted[me]++, i);
	}
	CHECK(value > 0 || n < 50);
	atomic_fetch_add(&ran, 1);
}

GT_TEST_PROCS(storm)
{
	long i;

	for (i = 0; i < STORMERS; i++)
		CHECK_EQ(gt_go(storms, (void *)i), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, STORMERS);
}

static void stays_in_read(void *arg)
{
	char byte;

	atomic_fetch_add(&ran, 1);
	gt_syscall_read(pair[0], &byte, 1);
	gt_yield();
	CHECK(!arg);
}

static void leaves_one_inside(void)
{
	CHECK_EQ(gt_go(stays_in_read, &ran), 0);
	AWAIT(ran == 1);
}

static void runs_again(void *arg)
{
	atomic_store((atomic_bool *)arg, true);
}

/* The run ends without it. Its thread ends when the call is over. */
PLAIN_TEST(the_run_ends_meanwhile)
{
	CHECK_EQ(pipe(pair), 0);
	test_run(2, leaves_one_inside);
	CHECK_EQ(gt_run(runs_again, &stop), -EBUSY);
	CHECK_EQ(write(pair[1], "x", 1), 1);
	AWAIT(gt_run(runs_again, &stop) == 0);
	CHECK(stop);
}

/* ------------------------------------------------------ macro and calls ---- */

static void nothing(void)
{
	errno_set(EILSEQ);
}

GT_TEST(values_and_errno_pass)
{
	errno_set(0);
	GT_SYSCALL(nothing());
	CHECK_EQ(errno_get(), EILSEQ);
	CHECK_EQ(GT_SYSCALL((char)7), 7);
	CHECK(GT_SYSCALL(2.5) > 2.4);
	CHECK(GT_SYSCALL((void *)&ran) == &ran);
}

GT_TEST(wrappers_are_the_calls)
{
	char path[] = "/tmp/gt-syscall-XXXXXX", buf[8] = "";
	int fd = mkstemp(path), other;
	int status;
	pid_t pid;

	CHECK(fd >= 0);
	errno_set(ECHILD);
	CHECK_EQ(gt_syscall_write(fd, "abcdef", 6), 6);
	CHECK_EQ(gt_syscall_pwrite(fd, "XY", 2, 1), 2);
	CHECK_EQ(gt_syscall_pread(fd, buf, 4, 0), 4);
	CHECK(!memcmp(buf, "aXYd", 4));
	CHECK_EQ(gt_syscall_fsync(fd), 0);
	other = gt_syscall_open(path, O_RDONLY | O_CLOEXEC, 0);
	CHECK(other > fd);
	CHECK_EQ(gt_syscall_flock(fd, LOCK_EX), 0);
	CHECK_EQ(gt_syscall_flock(other, LOCK_EX | LOCK_NB), -EWOULDBLOCK);
	CHECK_EQ(gt_syscall_flock(fd, LOCK_UN), 0);
	CHECK_EQ(gt_syscall_read(other, buf, 8), 6);
	CHECK_EQ(gt_syscall_read(other, buf, 8), 0);
	CHECK_EQ(gt_syscall_close(other), 0);
	CHECK_EQ(gt_syscall_close(fd), 0);
	CHECK_EQ(gt_syscall_close(fd), -EBADF);
	CHECK_EQ(gt_syscall_read(-1, buf, 1), -EBADF);
	CHECK_EQ(gt_syscall_open("/nowhere/at/all", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(unlink(path), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		_exit(7);
	CHECK_EQ(gt_syscall_wait4(pid, &status, 0, NULL), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK_EQ(gt_syscall_wait4(pid, &status, 0, NULL), -ECHILD);
	CHECK_EQ(errno_get(), ECHILD);
}

static atomic_int waiter;

static void on_signal(int sig)
{
	(void)sig;
}

static void *interrupts(void *arg)
{
	while (thread_state(waiter) != 'S')
		sched_yield();
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(tgkill(getpid(), waiter, SIGUSR1), 0);
		usleep(100);
	}
	CHECK_EQ(write(pair[1], "x", 1), 1);
	return arg;
}

GT_TEST(signals_do_not_end_a_call)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t thread;
	char byte;

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	CHECK_EQ(pipe(pair), 0);
	waiter = gettid();
	CHECK_EQ(pthread_create(&thread, NULL, interrupts, NULL), 0);
	gt_entersyscall();
	waiter = gettid();
	CHECK_EQ(gt_syscall_read(pair[0], &byte, 1), 1);
	gt_exitsyscall();
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST_MAIN
