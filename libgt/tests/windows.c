// SPDX-License-Identifier: GPL-2.0
/*
 * No wake-up is lost, whoever is held up where: in VARIANT=windows threads can be
 * delayed between any two steps of the library's protocols (base/window.h). There is one
 * test for each such window. It holds up whoever comes there, at random, while pairs of
 * tasks and threads wake each other one at a time: so the runtime is idle between any two
 * steps, and a wake-up that is lost is a test that hangs. sysmon would find most lost
 * tasks within 10 ms; where it is not needed for something else it is held up, too.
 *
 * This shows that each second look is needed, and enough. That the barriers order the two
 * looks, where a processor could swap them, is shown by the models in tests/litmus.
 */
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/lock.h"
#include "prim/bias.h"
#include "sched/sched.h"
#include "test.h"

extern void (*_Atomic gt_window_hook)(const char *name) __attribute__((__weak__));

static const char *window;
static atomic_long hits;

/* Where sysmon begins to look. It is held up there until the pair is done. */
static atomic_bool without_sysmon;

static void hold_up_sysmon(void)
{
	const struct timespec nap = { .tv_nsec = 100 * 1000 };

	while (atomic_load(&without_sysmon))
		syscall(SYS_nanosleep, &nap, NULL);
}

/* Hold up who is in the window: most often the first times, then now and then. */
static void hold_up(const char *name)
{
	static __thread uint64_t state;
	struct timespec nap = { 0 };
	int saved = errno, i, n;
	uint32_t random;
	long hit;

	if (!strcmp(name, "sysmon.look"))
		hold_up_sysmon();
	if (strcmp(name, window)) {
		errno = saved;
		return;
	}
	hit = atomic_fetch_add(&hits, 1);
	if (!state)
		state = (uint64_t)syscall(SYS_gettid) * 0x9e3779b97f4a7c15u;
	random = test_random(&state);
	if (random % (hit < 300 ? 2 : 64))
		return;
	switch (random / 64 % 4) {
	case 0:
		n = random / 256 % 2000;
		for (i = 0; i < n; i++)
			atomic_signal_fence(memory_order_seq_cst);
		break;
	case 1:
		n = random / 256 % 4;
		for (i = 0; i <= n; i++)
			syscall(SYS_sched_yield);
		break;
	default:
		nap.tv_nsec = random / 256 % 200000;
		syscall(SYS_nanosleep, &nap, NULL);
	}
	errno = saved;
}

/* ------------------------------------------------------------------ the pairs ---- */

static struct gt_chan *there, *back;

static void *thread_answers(void *arg)
{
	long i, n = (intptr_t)arg, value;

	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_chan_recv(there, &value), 1);
		gt_chan_send(back, &value);
	}
	return NULL;
}

static void task_answers(void *arg)
{
	thread_answers(arg);
}

static void asks(long n)
{
	long i, value;

	for (i = 0; i < n; i++) {
		gt_chan_send(there, &i);
		CHECK_EQ(gt_chan_recv(back, &value), 1);
		CHECK_EQ(value, i);
	}
}

/* An idle runtime is woken from outside. */
static void with_a_thread(long n)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, thread_answers, (void *)n), 0);
	asks(n);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void with_a_task(long n)
{
	CHECK_EQ(gt_go(task_answers, (void *)n), 0);
	asks(n);
}

/* One of the two processors is busy and stays so: the other has to take up the task. */
static atomic_long done;

static void counts(void *arg)
{
	(void)arg;
	atomic_fetch_add(&done, 1);
}

static void beside_a_busy_one(long n)
{
	long i;

	atomic_store(&done, 0);
	for (i = 1; i <= n; i++) {
		CHECK_EQ(gt_go(counts, NULL), 0);
		while (atomic_load(&done) < i)
			;
	}
}

/* The same with timers of the busy one, which are all earlier than that of another day. */
static void counts_timer(void *arg)
{
	counts(arg);
}

static void timers_of_a_busy_one(long n)
{
	struct gt_timer *far, *near;
	long i;

	CHECK(far = gt_after_func(3600 * GT_SECOND, counts_timer, NULL));
	atomic_store(&done, 0);
	for (i = 1; i <= n; i++) {
		CHECK(near = gt_after_func(i % 4 * 10 * GT_MICROSECOND, counts_timer, NULL));
		while (atomic_load(&done) < i)
			;
		gt_timer_put(near);
	}
	CHECK_EQ(gt_timer_stop(far), 1);
	gt_timer_put(far);
}

/* The same, and the other processor comes only after the task. */
static void grown_beside_a_busy_one(long n)
{
	long i;

	atomic_store(&done, 0);
	for (i = 1; i <= n; i++) {
		gt_gomaxprocs(1);
		gt_yield();
		CHECK_EQ(gt_go(counts, NULL), 0);
		gt_gomaxprocs(2);
		while (atomic_load(&done) < i)
			;
	}
}

/* sysmon fires the timer of a task that has run for long, and parks just then. */
static void sends_back(void *arg)
{
	long value = 0;

	(void)arg;
	gt_chan_send(back, &value);
}

static void parks_as_a_timer_fires(long n)
{
	struct gt_timer *timer;
	int64_t end;
	long i, value;

	gt_gomaxprocs(1);
	for (i = 0; i < n; i++) {
		CHECK(timer = gt_after_func(100 * GT_MICROSECOND, sends_back, NULL));
		end = gt_now() + (90 + i % 40) * GT_MICROSECOND;
		while (gt_now() < end)
			;
		CHECK_EQ(gt_chan_recv(back, &value), 1);
		gt_timer_put(timer);
	}
	gt_gomaxprocs(2);
}

static void with_timers(long n)
{
	long i;

	for (i = 0; i < n; i++)
		gt_sleep(i % 5 * 20 * GT_MICROSECOND);
}

/* Each timer is earlier than that of the thread that waits for them all. */
static struct gt_wg sleepers;

static void sleeps(void *arg)
{
	gt_sleep((intptr_t)arg * 30 * GT_MICROSECOND);
}

static void with_earlier_timers(long n)
{
	long i;

	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_wg_go(&sleepers, sleeps, (void *)(n - i)), 0);
		if (i % 3 == 0)
			gt_sleep(GT_MICROSECOND);
	}
	gt_wg_wait(&sleepers);
}

static int ours[2], theirs[2];
static long delay;	/* before each answer, in ns */

static void *thread_echoes(void *arg)
{
	const struct timespec nap = { .tv_nsec = delay };
	long i, n = (intptr_t)arg;
	char byte;

	for (i = 0; i < n; i++) {
		CHECK_EQ(read(ours[0], &byte, 1), 1);
		if (delay)
			nanosleep(&nap, NULL);
		CHECK_EQ(write(theirs[1], &byte, 1), 1);
	}
	return NULL;
}

static void echoes(long n, ssize_t (*get)(int fd, void *buf, size_t size))
{
	pthread_t thread;
	char byte = 0;
	long i;

	CHECK_EQ(pipe(ours), 0);
	CHECK_EQ(pipe(theirs), 0);
	CHECK_EQ(pthread_create(&thread, NULL, thread_echoes, (void *)n), 0);
	for (i = 0; i < n; i++) {
		CHECK_EQ(write(ours[1], &byte, 1), 1);
		CHECK_EQ(get(theirs[0], &byte, 1), 1);
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(close(ours[0]) | close(ours[1]) | close(theirs[1]), 0);
	CHECK_EQ(gt_close(theirs[0]), 0);
}

static void with_a_descriptor(long n)
{
	echoes(n, gt_read);
}

/* The processor is taken away in the middle of the call; another task yields meanwhile. */
static atomic_bool stop;

static void yields(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		gt_yield();
}

static void in_blocking_calls(long n)
{
	struct gt_stats stats;
	struct gt_wg wg = {0};

	atomic_store(&stop, false);
	CHECK_EQ(gt_wg_go(&wg, yields, NULL), 0);
	CHECK_EQ(gt_wg_go(&wg, yields, NULL), 0);
	delay = 200 * 1000;
	do {
		echoes(n, read);
		stats = stats_now();
	} while (stats.handoffs + stats.handoffs_refused < 3);
	delay = 0;
	atomic_store(&stop, true);
	gt_wg_wait(&wg);
}

static void while_resized(long n)
{
	struct gt_wg wg = {0};
	long i;

	for (i = 0; i < n; i++) {
		gt_gomaxprocs(1 + i % 4);
		CHECK_EQ(gt_wg_go(&wg, sleeps, (void *)(i % 7)), 0);
		CHECK_EQ(gt_wg_go(&wg, counts, NULL), 0);
		if (i % 2)
			gt_yield();
		else if (i % 5 == 0)
			gt_wg_wait(&wg);
	}
	gt_wg_wait(&wg);
	gt_gomaxprocs(2);
}

/* A timer that is stopped, or set for later, while its tick is under way. */
static void stopped_as_they_fire(long n)
{
	struct gt_timer *timer = gt_timer_make(0);
	uint64_t state = 1;
	int64_t until;
	long i;

	for (i = 0; i < n; i++) {
		gt_timer_reset(timer, 20 * GT_MICROSECOND);
		until = gt_now() + test_random(&state) % (300 * GT_MICROSECOND);
		while (gt_now() < until)
			;
		if (i % 2)
			gt_timer_stop(timer);
		else
			gt_timer_reset(timer, 3600 * GT_SECOND);
		until = gt_now() + 300 * GT_MICROSECOND;
		while (gt_now() < until)
			CHECK_EQ(gt_chan_try_recv(gt_timer_chan(timer), NULL), -EAGAIN);
	}
	gt_timer_put(timer);
}

static struct gt_wg waited;

static void done_at(void *arg)
{
	while (gt_now() < (intptr_t)arg)
		;
	gt_wg_done(&waited);
}

/* Who has timed out may add again, though who was to wake it may be on its way. */
static void timed_out_as_woken(long n)
{
	struct gt_wg wg = {0};
	uint64_t state = 1;
	long i;

	for (i = 0; i < n; i++) {
		int64_t at = gt_now() + 50 * GT_MICROSECOND;

		gt_wg_add(&waited, 1);
		CHECK_EQ(gt_wg_go(&wg, done_at, (void *)(intptr_t)at), 0);
		if (gt_wg_wait_until(&waited, at + test_random(&state) % (50 * GT_MICROSECOND))) {
			gt_wg_add(&waited, 1);
			while (gt_now() < at + 300 * GT_MICROSECOND)
				;
			gt_wg_done(&waited);
		}
		gt_wg_wait(&wg);
		CHECK_EQ(gt_wg_wait_until(&waited, 0), 0);
	}
}

static const struct {
	void (*run)(long n);
	long n;
	bool sysmon;
} pairs[] = {
	{ with_a_thread, 150, false }, { with_a_task, 150, false },
	{ beside_a_busy_one, 150, false }, { timers_of_a_busy_one, 60, false },
	{ grown_beside_a_busy_one, 60, false }, { with_timers, 40, false },
	{ with_earlier_timers, 40, false }, { with_a_descriptor, 100, false },
	{ parks_as_a_timer_fires, 80, true }, { stopped_as_they_fire, 80, true },
	{ timed_out_as_woken, 80, true }, { in_blocking_calls, 40, true }, { while_resized, 100, true },
};

/* A mutex leans to a processor, and a thread comes and takes it. */
static struct gt_mutex mutex;
static long under_mutex;

static void *takes_mutex(void *arg)
{
	long i;

	for (i = 0; i < 20; i++) {
		gt_mutex_lock(&mutex);
		under_mutex++;
		gt_mutex_unlock(&mutex);
	}
	return arg;
}

static void mutex_leans(long n)
{
	pthread_t thread;
	long i, k;

	for (i = 0; i < n; i++) {
		mutex = (struct gt_mutex){0};
		under_mutex = 0;
		for (k = 0; k < 1060; k++) {
			if (k == 1030)
				CHECK_EQ(pthread_create(&thread, NULL, takes_mutex, NULL), 0);
			gt_mutex_lock(&mutex);
			under_mutex++;
			gt_mutex_unlock(&mutex);
		}
		CHECK_EQ(pthread_join(thread, NULL), 0);
		CHECK_EQ(under_mutex, 1060 + 20);
	}
}

static void all_pairs(void)
{
	size_t i;

	CHECK(there = gt_chan_make(sizeof(long), 0));
	CHECK(back = gt_chan_make(sizeof(long), 0));
	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		atomic_store(&without_sysmon, !pairs[i].sysmon);
		pairs[i].run(scaled(pairs[i].n));
	}
	atomic_store(&without_sysmon, false);
	mutex_leans(scaled(60));
	AWAIT(gt_task_count() == 1);
	gt_chan_put(there);
	gt_chan_put(back);
}

/* Threads that meet in a lock, and sleep there. */
static struct gt_lock lock;
static long counted;

static void *locks(void *arg)
{
	long i, n = (intptr_t)arg;

	for (i = 0; i < n; i++) {
		gt_lock(&lock);
		counted++;
		if (i % 8 == 0)
			sched_yield();
		gt_unlock(&lock);
	}
	return NULL;
}

static void all_lock(void)
{
	pthread_t threads[4];
	long n = scaled(2000);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, locks, (void *)n), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(counted, n * (long)ARRAY_SIZE(threads));
}

static void holds_up_in(const char *name)
{
	window = name;
	atomic_store(&gt_window_hook, hold_up);
	all_lock();
	test_run(2, all_pairs);
	CHECK(hits > 0);
}

/*
 * Partners change places until an M has dozed beside them, if it has a CPU, and then one
 * stands, while the other runs on. Nobody else comes for it: no time slice ends here.
 */
static void partners(void)
{
	long i, k, value, n = scaled(100), before;

	CHECK(there = gt_chan_make(sizeof(long), 0));
	CHECK(back = gt_chan_make(sizeof(long), 1));
	for (i = 0; i < n; i++) {
		before = hits;
		for (k = 0; k < 10 || (hits == before && k < 300); k++) {
			CHECK_EQ(gt_go(task_answers, (void *)100), 0);
			asks(100);
		}
		CHECK_EQ(gt_go(task_answers, (void *)1), 0);
		gt_yield();
		gt_chan_send(there, &i);
		while (!gt_chan_len(back))
			;
		CHECK_EQ(gt_chan_recv(back, &value), 1);
	}
	AWAIT(gt_task_count() == 1);
	gt_chan_put(there);
	gt_chan_put(back);
}

PLAIN_TEST(doze_over)
{
	window = "doze.over";
	atomic_store(&gt_window_hook, hold_up);
	test_debug("preempt=off");
	test_run(2, partners);
}

#define WINDOW_TEST(test, name) PLAIN_TEST(test) { holds_up_in(name); }

/* sched.c, find.c: waking an M, and giving up looking for work */
WINDOW_TEST(wake_added, "wake.added")
WINDOW_TEST(wake_won, "wake.won")
WINDOW_TEST(idle_given, "idle.given")
WINDOW_TEST(idle_quit, "idle.quit")
/* find.c, timer.c: the M that waits for descriptors and the first timer */
WINDOW_TEST(poll_entered, "poll.entered")
WINDOW_TEST(poll_until, "poll.until")
WINDOW_TEST(poll_sleep, "poll.sleep")
WINDOW_TEST(poll_woke, "poll.woke")
WINDOW_TEST(timer_first, "timer.first")
WINDOW_TEST(timer_firing, "timer.firing")
/* wg.c: a deadline, and the last done */
WINDOW_TEST(wg_zero, "wg.zero")
/* the same: a waiter in the object itself */
WINDOW_TEST(wg_direct, "wg.direct")
/* thread.c, futex.c, maker.c: Ms that sleep, are woken, and come to be */
WINDOW_TEST(thread_idle, "thread.idle")
WINDOW_TEST(thread_given, "thread.given")
WINDOW_TEST(futex_sleep, "futex.sleep")
WINDOW_TEST(maker_took, "maker.took")
/* lock.h, lock.c */
WINDOW_TEST(lock_free, "lock.free")
WINDOW_TEST(lock_counted, "lock.counted")
WINDOW_TEST(lock_sleep, "lock.sleep")
/* lean.h */
WINDOW_TEST(lean_looked, "lean.looked")
WINDOW_TEST(lean_busy, "lean.busy")
/* handoff.c */
WINDOW_TEST(enter_inside, "enter.inside")
WINDOW_TEST(take_seen, "take.seen")
WINDOW_TEST(take_wanted, "take.wanted")
WINDOW_TEST(take_looked, "take.looked")
/* park.c: a task that is known to its wakers, and not yet where they may run it */
WINDOW_TEST(park_left, "park.left")
/* netpoll.c */
WINDOW_TEST(netpoll_park, "netpoll.park")
WINDOW_TEST(netpoll_edge, "netpoll.edge")
/* procs.c */
WINDOW_TEST(procs_grown, "procs.grown")
WINDOW_TEST(procs_shed, "procs.shed")
WINDOW_TEST(procs_moved, "procs.moved")

/* ------------------------------------------------- those that one pair meets ---- */

static void (*alone)(long n);
static long alone_n;

/* At least so often, and until somebody has come by. */
static void pair_alone(void)
{
	CHECK(there = gt_chan_make(sizeof(long), 0));
	CHECK(back = gt_chan_make(sizeof(long), 0));
	do
		alone(scaled(alone_n));
	while (!atomic_load(&hits));
	AWAIT(gt_task_count() == 1);
	gt_chan_put(there);
	gt_chan_put(back);
}

static void holds_up_alone(const char *name, void (*pair)(long n), long n, int procs)
{
	window = name;
	alone = pair;
	alone_n = n;
	atomic_store(&gt_window_hook, hold_up);
	test_run(procs, pair_alone);
}

#define WINDOW_TEST_OF(test, name, pair, n, procs) \
	PLAIN_TEST(test) { holds_up_alone(name, pair, n, procs); }

/* A lock leans to a processor, and a thread comes, takes it, and stays for a while. */
static struct gt_bias bias;
static volatile long under_bias;

static void takes_bias(long n, long stay)
{
	const struct timespec nap = { .tv_nsec = stay };
	long i, value;

	for (i = 0; i < n; i++) {
		gt_enter();
		gt_bias_lock(&bias);
		value = under_bias;
		if (stay)
			syscall(SYS_nanosleep, &nap, NULL);
		under_bias = value + 1;
		gt_bias_unlock(&bias);
		gt_leave();
	}
}

static void *takes_bias_too(void *arg)
{
	takes_bias(1, 200 * 1000);
	takes_bias(19, 0);
	atomic_store(&done, 1);
	return arg;
}

static void bias_leans(long n)
{
	pthread_t thread;
	long i, taken;

	for (i = 0; i < n; i++) {
		bias = (struct gt_bias){0};
		under_bias = 0;
		atomic_store(&done, 0);
		takes_bias(1040, 0);
		CHECK_EQ(pthread_create(&thread, NULL, takes_bias_too, NULL), 0);
		for (taken = 0; !atomic_load(&done); taken++)
			takes_bias(1, 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		CHECK_EQ(under_bias, 1040 + 20 + taken);
	}
}

/* A task that has locked its thread goes on with that alone. */
static void answers_locked(void *arg)
{
	gt_lock_os_thread();
	thread_answers(arg);
	gt_unlock_os_thread();
}

static void with_a_locked_task(long n)
{
	atomic_store(&without_sysmon, true);
	CHECK_EQ(gt_go(answers_locked, (void *)n), 0);
	asks(n);
	atomic_store(&without_sysmon, false);
}

/* Tasks that never suspend: each is held in turn, with its thread. */
static void spins(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		;
}

static void held_in_turn(long n)
{
	struct gt_wg wg = {0};
	long i;

	atomic_store(&stop, false);
	for (i = 0; i < 2; i++)
		CHECK_EQ(gt_wg_go(&wg, spins, NULL), 0);
	while (atomic_load(&hits) < n)
		;
	atomic_store(&stop, true);
	gt_wg_wait(&wg);
}

/* Declared calls end about when their processor is taken, which others want. */
static void declares(long n)
{
	struct gt_wg wg = {0};
	uint64_t state = 1, before;
	int64_t until;
	long i;

	atomic_store(&stop, false);
	CHECK_EQ(gt_wg_go(&wg, yields, NULL), 0);
	CHECK_EQ(gt_wg_go(&wg, yields, NULL), 0);
	for (i = 0; i < n; i++) {
		before = stats_now().syscalls_handed_off;
		gt_entersyscall();
		until = gt_now() + test_random(&state) % (200 * GT_MICROSECOND);
		while (gt_now() < until)
			;
		while (i % 64 == 0 && stats_now().syscalls_handed_off == before)
			sched_yield();
		gt_exitsyscall();
	}
	atomic_store(&stop, true);
	gt_wg_wait(&wg);
}

/* Two wake one wait, whose time is up about then. Nothing that they send is lost. */
static atomic_long send_at;

static void sends_at(void *arg)
{
	long value = 1;

	while (gt_now() < atomic_load(&send_at))
		;
	gt_chan_send(arg, &value);
}

static void selects_as_they_send(long n)
{
	struct gt_case cases[2];
	uint64_t state = 1;
	long i, got, value;
	int chosen;

	for (i = 0; i < n; i++) {
		atomic_store(&send_at, gt_now() + 50 * GT_MICROSECOND);
		CHECK_EQ(gt_go(sends_at, there), 0);
		CHECK_EQ(gt_go(sends_at, back), 0);
		for (got = 0; got < 2;) {
			cases[0] = gt_case_recv(there, &value);
			cases[1] = gt_case_recv(back, &value);
			chosen = gt_select_until(cases, 2, send_at +
						 test_random(&state) % (50 * GT_MICROSECOND));
			if (chosen == -ETIMEDOUT)
				chosen = gt_select(cases, 2, 0);
			CHECK(chosen >= 0);
			got++;
		}
	}
}

/* Each of them is done once, though two come at the same time. */
static struct gt_once onces[200];
static atomic_long at, once_done;

static void counts_once(void *arg)
{
	(void)arg;
	atomic_fetch_add(&done, 1);
}

static void *thread_does_once(void *arg)
{
	long i;

	for (i = 0; i < (long)ARRAY_SIZE(onces); i++) {
		while (atomic_load(&at) < i)
			sched_yield();
		gt_once_do(&onces[i], counts_once, NULL);
		atomic_store(&once_done, i + 1);
	}
	return arg;
}

static void two_do_once(long n)
{
	pthread_t thread;
	long i;

	(void)n;
	memset(onces, 0, sizeof(onces));
	atomic_store(&at, -1);
	atomic_store(&once_done, 0);
	CHECK_EQ(pthread_create(&thread, NULL, thread_does_once, NULL), 0);
	for (i = 0; i < (long)ARRAY_SIZE(onces); i++) {
		atomic_store(&done, 0);
		atomic_store(&at, i);
		gt_once_do(&onces[i], counts_once, NULL);
		while (atomic_load(&once_done) <= i)
			sched_yield();
		CHECK_EQ(done, 1);
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* bias.h, bias.c */
WINDOW_TEST_OF(bias_looked, "bias.looked", bias_leans, 60, 2)
WINDOW_TEST_OF(bias_busy, "bias.busy", bias_leans, 60, 2)
WINDOW_TEST_OF(bias_in, "bias.in", bias_leans, 20, 2)
WINDOW_TEST_OF(bias_taken, "bias.taken", bias_leans, 20, 2)
/* bound.c, preempt.c */
WINDOW_TEST_OF(bound_wait, "bound.wait", with_a_locked_task, 200, 2)
WINDOW_TEST_OF(bound_sleep, "bound.sleep", with_a_locked_task, 200, 2)
WINDOW_TEST_OF(bound_granted, "bound.granted", with_a_locked_task, 200, 2)
/* syscall.c, handoff.c */
WINDOW_TEST_OF(syscall_over, "syscall.over", declares, 200, 1)
WINDOW_TEST_OF(syscall_take, "syscall.take", declares, 200, 1)
/* wait.h, wait.c */
WINDOW_TEST_OF(wait_claim, "wait.claim", selects_as_they_send, 150, 2)
WINDOW_TEST_OF(wait_committed, "wait.committed", selects_as_they_send, 150, 2)
WINDOW_TEST_OF(wait_awake, "wait.awake", selects_as_they_send, 150, 2)
WINDOW_TEST_OF(wait_expires, "wait.expires", selects_as_they_send, 150, 2)
/* sema.c */
WINDOW_TEST_OF(sema_wait, "sema.wait", timed_out_as_woken, 150, 2)
WINDOW_TEST_OF(sema_taken, "sema.taken", timed_out_as_woken, 150, 2)
/* once.c */
WINDOW_TEST_OF(once_looked, "once.looked", two_do_once, 1, 2)

/* The same, as SIGURG finds them in their loops. */
PLAIN_TEST(preempt_held)
{
	test_debug("slice=1000");
	holds_up_alone("preempt.held", held_in_turn, 30, 1);
}

/*
 * A thread that visits looks at the turn in one run, counts itself in the next, and is
 * there as that ends: the end waits for it, whichever turn it is.
 */
static atomic_int door, on, inside, left;
static __thread bool visits;

static void hold_up_visitor(const char *name)
{
	int64_t until;

	if (!visits)
		return;
	if (!strcmp(name, "visit.turn")) {
		atomic_fetch_add(&door, 1);
		while (atomic_load(&on) < atomic_load(&door))
			sched_yield();
	} else if (!strcmp(name, "visit.end")) {
		atomic_fetch_add(&inside, 1);
		while (atomic_load(&gt_sched.phase) >= GT_STARTING)
			sched_yield();
		until = gt_now() + GT_MILLISECOND;
		while (gt_now() < until)
			CHECK_EQ(atomic_load(&gt_sched.phase), GT_ENDING);
		atomic_fetch_add(&left, 1);
	}
}

static void *thread_visits(void *arg)
{
	int i, n = (intptr_t)arg;

	visits = true;
	for (i = 0; i < n; i++)
		CHECK(gt_task_count() > 0);
	return NULL;
}

static void until_at_the_door(void)
{
	AWAIT(door == on + 1);
}

static void until_inside(void)
{
	atomic_fetch_add(&on, 1);
	AWAIT(inside == on);
}

PLAIN_TEST(visit_turn)
{
	pthread_t thread;
	int i, n = 6;

	atomic_store(&gt_window_hook, hold_up_visitor);
	CHECK_EQ(pthread_create(&thread, NULL, thread_visits, (void *)(intptr_t)n), 0);
	for (i = 1; i <= n; i++) {
		test_run(2, until_at_the_door);
		test_run(2, until_inside);
		CHECK_EQ(left, i);
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* One that has seen the run, and is about to wait in its poller as it ends, is found there. */
static int wire[2];

static void hold_up_reader(const char *name)
{
	if (!visits || strcmp(name, "netpoll.wait"))
		return;
	atomic_store(&inside, 1);
	while (atomic_load(&gt_sched.phase) >= GT_STARTING)
		sched_yield();
}

static void *thread_reads(void *arg)
{
	char byte;

	visits = true;
	CHECK_EQ(gt_read(wire[0], &byte, 1), 1);
	return arg;
}

static pthread_t reader;

static void until_it_is_to_wait(void)
{
	CHECK_EQ(pthread_create(&reader, NULL, thread_reads, NULL), 0);
	AWAIT(inside);
}

PLAIN_TEST(netpoll_wait_as_the_run_ends)
{
	CHECK_EQ(pipe(wire), 0);
	atomic_store(&gt_window_hook, hold_up_reader);
	test_run(2, until_it_is_to_wait);
	CHECK_EQ(write(wire[1], "x", 1), 1);
	CHECK_EQ(pthread_join(reader, NULL), 0);
}

/* One that comes all the time does not keep a run from its end. */
static void *thread_visits_on(void *arg)
{
	struct gt_stats stats;

	while (!atomic_load(&stop)) {
		gt_task_count();
		gt_stats_read(&stats, sizeof(stats));
	}
	return arg;
}

static void nothing(void)
{
}

PLAIN_TEST(visit_turned)
{
	pthread_t threads[2];
	size_t i;
	long k;

	window = "visit.turned";
	atomic_store(&gt_window_hook, hold_up);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, thread_visits_on, NULL), 0);
	for (k = scaled(30); k; k--)
		test_run(2, nothing);
	atomic_store(&stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK(hits > 0);
}

/*
 * At the limit of threads: while the maker is about to make one too many, the only one
 * that there is comes back from its block and goes idle.
 */
static void hold_up_maker(const char *name)
{
	int saved = errno;

	if (!strcmp(name, "maker.took")) {
		CHECK_EQ(write(wire[1], "x", 1), 1);
		while (!atomic_load(&gt_sched.idle_m_count))
			syscall(SYS_sched_yield);
		atomic_fetch_add(&hits, 1);
	}
	errno = saved;
}

static void blocks_at_the_limit(void)
{
	char byte;

	while (!hits) {
		CHECK_EQ(read(wire[0], &byte, 1), 1);
		gt_yield();
	}
}

PLAIN_TEST(maker_took_at_the_limit)
{
	setenv("GTHANDOFF", "on", 1);
	CHECK_EQ(pipe(wire), 0);
	CHECK(gt_max_threads(1) > 0);
	atomic_store(&gt_window_hook, hold_up_maker);
	test_run(1, blocks_at_the_limit);
}

TEST_MAIN_IF(&gt_window_hook, "built without windows: VARIANT=windows has them")
