// SPDX-License-Identifier: GPL-2.0
/* Bubbles: time that passes when nobody is at work, and at once. */
#include "test.h"

#define HOUR (3600 * GT_SECOND)
#define DAY (24 * HOUR)

static atomic_long ran;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void run(void (*fn)(void *arg))
{
	CHECK_EQ(gt_bubble_run(fn, NULL), 0);
}

static void *runs_on_a_thread(void *arg)
{
	void (**fn)(void *arg) = arg;

	run(*fn);
	return NULL;
}

/* From a task, and from a thread. */
static void run_both(void (*fn)(void *arg))
{
	pthread_t thread;

	run(fn);
	CHECK_EQ(pthread_create(&thread, NULL, runs_on_a_thread, &fn), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* ------------------------------------------------------------------ the clock ---- */

static void sleeps_for_days(void *arg)
{
	int64_t now = gt_now();
	int i;

	CHECK_EQ(now, GT_BUBBLE_START);
	for (i = 0; i < 1000; i++) {
		gt_sleep(DAY);
		now += DAY;
		CHECK_EQ(gt_now(), now);
		gt_sleep_until(now);
		gt_sleep(0);
		gt_yield();
		CHECK_EQ(gt_now(), now);
	}
	gt_sleep(1);
	CHECK_EQ(gt_now(), now + 1);
	(void)arg;
}

GT_TEST_PROCS(time_jumps)
{
	int64_t before = gt_now();

	run_both(sleeps_for_days);
	run_both(sleeps_for_days);
	CHECK(gt_now() - before < HOUR);
	CHECK_EQ(gt_task_count(), 1);
}

static void works(void *arg)
{
	int64_t now = gt_now();
	int i;

	for (i = 0; i < 100; i++) {
		gt_yield();
		CHECK_EQ(gt_now(), now);
	}
	usleep(10000);		/* real time, in which the clock stands */
	CHECK_EQ(gt_now(), now);
	count_one(arg);
}

static void works_beside_sleepers(void *arg)
{
	struct gt_wg wg = {0};
	int i;

	for (i = 0; i < 5; i++) {
		gt_sleep(1);
		CHECK_EQ(gt_wg_go(&wg, works, NULL), 0);
		CHECK_EQ(gt_wg_go(&wg, works, NULL), 0);
		gt_wg_wait(&wg);
		CHECK_EQ(gt_now(), GT_BUBBLE_START + i + 1);
	}
	(void)arg;
}

GT_TEST_PROCS(time_stands_while_one_works)
{
	run_both(works_beside_sleepers);
	CHECK_EQ(ran, 20);
}

static long order[200];

static void notes_order(void *arg)
{
	long due = (intptr_t)arg;

	CHECK_EQ(gt_now(), GT_BUBBLE_START + due * GT_MILLISECOND);
	order[ran++] = due;
}

static void sleeps_in_order(void *arg)
{
	gt_sleep((intptr_t)arg * GT_MILLISECOND);
	notes_order(arg);
}

static void sets_in_disorder(void *arg)
{
	long i, n = ARRAY_SIZE(order);

	for (i = 0; i < n; i++)
		if (i & 1)
			CHECK_EQ(gt_go(sleeps_in_order, (void *)(i * 37 % n)), 0);
		else
			gt_timer_put(gt_after_func(i * 37 % n * GT_MILLISECOND, notes_order,
						   (void *)(i * 37 % n)));
	gt_sleep(n * GT_MILLISECOND);
	CHECK_EQ(ran, n);
	(void)arg;
}

/* Each instant is over before the next: so the order is exact on any number of Ps. */
GT_TEST_PROCS(earlier_ones_are_first)
{
	long i;

	run(sets_in_disorder);
	for (i = 0; i < (long)ARRAY_SIZE(order); i++)
		CHECK_EQ(order[i], i);
}

/* Timers set, moved and stopped at random: each fires at its instant, or never. */
struct one {
	struct gt_timer *timer;
	int64_t due;		/* 0: not at all */
};

static void fires_when_due(void *arg)
{
	struct one *one = arg;

	CHECK_EQ(gt_now(), one->due);
	one->due = 0;
	count_one(NULL);
}

static int stop_one(struct one *one, int64_t *ns)
{
	*ns = 0;
	return gt_timer_stop(one->timer);
}

static void sets_many(void *arg)
{
	long i, n = scaled(10000), due = 0;
	struct one *all = calloc(n, sizeof(*all));
	uint64_t state = 1;

	for (i = 0; i < 4 * n; i++) {
		struct one *one = &all[test_random(&state) % n];
		int64_t ns = 1000000 + test_random(&state) % 1000000;

		if (!one->timer)
			one->timer = gt_after_func(ns, fires_when_due, one);
		else if (test_random(&state) & 1)
			CHECK_EQ(gt_timer_reset(one->timer, ns), one->due != 0);
		else
			CHECK_EQ(stop_one(one, &ns), one->due != 0);
		one->due = ns ? gt_now() + ns : 0;
		if (i % 100 == 0)
			gt_sleep(test_random(&state) % 10);
	}
	for (i = 0; i < n; i++)
		due += all[i].due != 0;
	CHECK_EQ(ran, 0);
	gt_sleep(2000000);
	CHECK_EQ(ran, due);
	for (i = 0; i < n; i++)
		gt_timer_put(all[i].timer);
	free(all);
	(void)arg;
}

GT_TEST_PROCS(each_at_its_instant)
{
	run(sets_many);
}

static void sleeps_an_hour(void *arg)
{
	gt_sleep(HOUR);
	(void)arg;
}

static void all_at_once(void *arg)
{
	struct gt_wg wg = {0};
	long i, n = crowd(TEST_TSAN ? 200 : 2000);

	for (i = 0; i < n; i++) {
		gt_timer_put(gt_after_func(HOUR, count_one, NULL));
		CHECK_EQ(gt_wg_go(&wg, sleeps_an_hour, NULL), 0);
	}
	gt_wg_wait(&wg);
	CHECK_EQ(gt_now(), GT_BUBBLE_START + HOUR);
	gt_bubble_wait();
	CHECK_EQ(ran, n);
	(void)arg;
}

GT_TEST_PROCS(many_at_one_instant)
{
	run(all_at_once);
}

/* ------------------------------------------------------------ timers, deadlines ---- */

static void uses_timers(void *arg)
{
	struct gt_timer *timer = gt_timer_make(HOUR), *func;
	struct gt_ticker *ticker = gt_ticker_make(GT_SECOND);
	struct gt_chan *values = gt_chan_make(sizeof(int), 0), *after;
	struct gt_wg wg = {0};
	int64_t tick, i;
	int value;

	CHECK_EQ(gt_chan_recv(gt_timer_chan(timer), &tick), 1);
	CHECK_EQ(tick, GT_BUBBLE_START + HOUR);
	CHECK_EQ(gt_now(), tick);
	CHECK_EQ(gt_timer_reset(timer, HOUR), 0);
	CHECK_EQ(gt_timer_stop(timer), 1);

	/* one old tick, then the grid */
	CHECK_EQ(gt_chan_recv(gt_ticker_chan(ticker), &tick), 1);
	CHECK_EQ(tick, GT_BUBBLE_START + GT_SECOND);
	for (i = 1; i < 10; i++) {
		CHECK_EQ(gt_chan_recv(gt_ticker_chan(ticker), &tick), 1);
		CHECK_EQ(tick, GT_BUBBLE_START + HOUR + i * GT_SECOND);
		CHECK_EQ(gt_now(), tick);
	}
	gt_ticker_stop(ticker);

	tick = gt_now();
	CHECK_EQ(gt_chan_recv_until(values, &value, tick + HOUR), -ETIMEDOUT);
	CHECK_EQ(gt_now(), tick + HOUR);
	gt_wg_add(&wg, 1);
	CHECK_EQ(gt_wg_wait_until(&wg, tick + 2 * HOUR), -ETIMEDOUT);
	CHECK_EQ(gt_now(), tick + 2 * HOUR);
	after = gt_after(HOUR);
	CHECK_EQ(gt_chan_recv(after, &tick), 1);
	CHECK_EQ(gt_now(), tick);

	func = gt_after_func(HOUR, count_one, NULL);
	gt_sleep(HOUR - 1);
	gt_bubble_wait();
	CHECK_EQ(ran, 0);
	gt_sleep(1);
	gt_bubble_wait();
	CHECK_EQ(ran, 1);
	CHECK_EQ(gt_timer_stop(func), 0);
	CHECK_EQ(gt_timer_reset(func, HOUR), 0);
	CHECK_EQ(gt_timer_stop(func), 1);
	ran = 0;

	gt_timer_put(func);
	gt_timer_put(timer);
	gt_ticker_put(ticker);
	gt_chan_put(after);
	gt_chan_put(values);
	(void)arg;
}

GT_TEST_PROCS(timers_use_its_clock)
{
	run_both(uses_timers);
	check_leaks();
}

static void leaves_timers(void *arg)
{
	gt_timer_put(gt_after_func(HOUR, count_one, NULL));
	*(struct gt_timer **)arg = gt_timer_make(HOUR);
	gt_tick(GT_SECOND);
}

/* They never fire, and may be put later. */
GT_TEST_PROCS(its_end_is_theirs)
{
	struct gt_timer *timer;
	int i;

	for (i = 0; i < 100; i++) {
		CHECK_EQ(gt_bubble_run(leaves_timers, &timer), 0);
		gt_timer_put(timer);
	}
	CHECK_EQ(ran, 0);
}

/* -------------------------------------------------------------------- waiting ---- */

static struct gt_chan *chan;
static struct gt_mutex mutex;
static struct gt_cond cond;
static struct gt_wg wg;
static bool ready;

static void blocks_on_a_channel(void *arg)
{
	gt_chan_recv(chan, NULL);
	count_one(arg);
}

static void blocks_in_a_select(void *arg)
{
	struct gt_case cases[] = { gt_case_recv(chan, NULL), gt_case_send(NULL, NULL) };

	CHECK_EQ(gt_select(cases, 2, 0), 0);
	count_one(arg);
}

static void blocks_on_a_waitgroup(void *arg)
{
	gt_wg_wait(&wg);
	count_one(arg);
}

static void blocks_on_a_condition(void *arg)
{
	gt_mutex_lock(&mutex);
	while (!ready)
		gt_cond_wait(&cond, &mutex);
	gt_mutex_unlock(&mutex);
	count_one(arg);
}

static void blocks_on_all(void *arg)
{
	static void (*const blocks[])(void *) = { blocks_on_a_channel, blocks_in_a_select,
		blocks_on_a_waitgroup, blocks_on_a_condition };
	size_t i, round;

	chan = gt_chan_make(0, 0);
	for (round = 0; round < 20; round++) {
		atomic_store(&ran, 0);
		gt_wg_add(&wg, 1);
		for (i = 0; i < ARRAY_SIZE(blocks); i++)
			CHECK_EQ(gt_go(blocks[i], NULL), 0);
		gt_bubble_wait();
		CHECK_EQ(ran, 0);
		gt_chan_send(chan, NULL);
		gt_chan_send(chan, NULL);
		gt_bubble_wait();
		CHECK_EQ(ran, 2);
		gt_wg_done(&wg);
		gt_bubble_wait();
		CHECK_EQ(ran, 3);
		gt_mutex_lock(&mutex);
		ready = true;
		gt_cond_broadcast(&cond);
		gt_mutex_unlock(&mutex);
		gt_bubble_wait();
		CHECK_EQ(ran, 4);
		CHECK_EQ(gt_now(), GT_BUBBLE_START);
		ready = false;
	}
	gt_chan_put(chan);
	(void)arg;
}

GT_TEST_PROCS(wait_sees_all_blocked)
{
	run_both(blocks_on_all);
}

static atomic_bool may_unlock;

static void lets_unlock(void *arg)
{
	atomic_store(&may_unlock, true);
	(void)arg;
}

static void holds_the_mutex(void *arg)
{
	while (!may_unlock)
		gt_yield();
	gt_mutex_unlock(&mutex);
	(void)arg;
}

static void locks_it(void *arg)
{
	gt_mutex_lock(&mutex);
	count_one(arg);
	gt_mutex_unlock(&mutex);
}

static void waits_on_a_mutex(void *arg)
{
	CHECK_EQ(gt_go(locks_it, NULL), 0);
	gt_sleep(DAY);		/* cannot pass before the mutex was had */
	CHECK_EQ(ran, 1);
	(void)arg;
}

/* Who has the mutex is outside: its waiter is not durably blocked. */
GT_TEST_PROCS(a_mutex_may_be_outside)
{
	gt_mutex_lock(&mutex);
	CHECK_EQ(gt_go(holds_the_mutex, NULL), 0);
	gt_timer_put(gt_after_func(10 * GT_MILLISECOND, lets_unlock, NULL));
	run(waits_on_a_mutex);
}

static struct gt_chan *outer;

static void receives_from_outside(void *arg)
{
	CHECK_EQ(gt_chan_recv(outer, NULL), 1);
	count_one(arg);
}

static void waits_on_an_outer_channel(void *arg)
{
	CHECK_EQ(gt_go(receives_from_outside, NULL), 0);
	gt_sleep(DAY);
	CHECK_EQ(ran, 1);
	(void)arg;
}

static void sends_from_outside(void *arg)
{
	gt_sleep(10 * GT_MILLISECOND);
	gt_chan_send(outer, NULL);
	(void)arg;
}

GT_TEST_PROCS(a_channel_may_be_outside)
{
	outer = gt_chan_make(0, 0);
	CHECK_EQ(gt_go(sends_from_outside, NULL), 0);
	run(waits_on_an_outer_channel);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(outer);
}

/* ------------------------------------------------------------------- many of it ---- */

static void bounces(void *arg)
{
	struct gt_chan **chans = arg;

	while (gt_chan_recv(chans[0], NULL))
		gt_chan_send(chans[1], NULL);
}

/* Work and sleep in turns: the clock shows the sleeps alone. */
static void works_and_sleeps(void *arg)
{
	struct gt_chan *chans[2] = { gt_chan_make(0, 0), gt_chan_make(0, 1) };
	uint64_t state = (uintptr_t)arg;
	int64_t now = gt_now();
	int i, j;

	CHECK_EQ(gt_go(bounces, chans), 0);
	for (i = 0; i < 50; i++) {
		int64_t ns = test_random(&state) % 1000 + 1;

		for (j = 0; j < 10; j++) {
			gt_chan_send(chans[0], NULL);
			gt_chan_recv(chans[1], NULL);
		}
		CHECK_EQ(gt_now(), now);
		gt_sleep(ns);
		now += ns;
		CHECK_EQ(gt_now(), now);
	}
	gt_chan_close(chans[0]);
	gt_bubble_wait();
	gt_chan_put(chans[0]);
	gt_chan_put(chans[1]);
}

static void runs_a_bubble(void *arg)
{
	CHECK_EQ(gt_bubble_run(works_and_sleeps, arg), 0);
	count_one(NULL);
}

/* Several bubbles and threads at once, each with its time. */
GT_TEST_PROCS(many_bubbles)
{
	int64_t before = gt_now();
	long i, n = scaled(100);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(runs_a_bubble, (void *)(i + 1)), 0);
	AWAIT(ran == n);
	AWAIT(gt_task_count() == 1);
	CHECK(gt_now() >= before && gt_now() < GT_BUBBLE_START);
}

static void sleeps_and_counts(void *arg)
{
	uint64_t state = (uintptr_t)arg;
	int i;

	for (i = 0; i < 10; i++) {
		int64_t then = gt_now() + test_random(&state) % 100;

		gt_sleep_until(then);
		CHECK_EQ(gt_now(), then);
	}
	count_one(arg);
}

static void starts_many(void *arg)
{
	long i, n = crowd(TEST_TSAN ? 200 : 2000);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(sleeps_and_counts, (void *)(i + 1)), 0);
	gt_sleep(1000);
	CHECK_EQ(ran, n);
	(void)arg;
}

GT_TEST_PROCS(many_tasks)
{
	run(starts_many);
}

/* ----------------------------------------------------------------------- misuse ---- */

static void leaves_sleeper(void *arg)
{
	CHECK_EQ(gt_go(sleeps_an_hour, NULL), 0);
	(void)arg;
}

static void waits_for_nobody(void *arg)
{
	struct gt_chan *never = gt_chan_make(0, 0);

	gt_chan_recv(never, arg);
}

static void nests(void *arg)
{
	gt_bubble_run(count_one, arg);
}

static void waits_a_day(void *arg)
{
	gt_bubble_wait();
	(void)arg;
}

static void waits_twice(void *arg)
{
	CHECK_EQ(gt_go(waits_a_day, NULL), 0);
	CHECK_EQ(gt_go(waits_a_day, NULL), 0);
	gt_yield();
	for (;;)
		gt_yield();
	(void)arg;
}

static void makes_chan(void *arg)
{
	*(struct gt_chan **)arg = gt_chan_make(0, 1);
}

static void makes_timer(void *arg)
{
	*(struct gt_timer **)arg = gt_timer_make(HOUR);
}

static struct gt_chan *leaked_chan(void)
{
	struct gt_chan *made;

	CHECK_EQ(gt_bubble_run(makes_chan, &made), 0);
	return made;
}

static struct gt_timer *leaked_timer(void)
{
	struct gt_timer *made;

	CHECK_EQ(gt_bubble_run(makes_timer, &made), 0);
	return made;
}

static void run_leaves_sleeper(void) { run(leaves_sleeper); }
static void run_waits_for_nobody(void) { run(waits_for_nobody); }
static void run_nests(void) { run(nests); }
static void run_waits_twice(void) { run(waits_twice); }
static void wait_outside(void) { gt_bubble_wait(); }
static void send_outside(void) { gt_chan_send(leaked_chan(), NULL); }
static void recv_outside(void) { gt_chan_recv(leaked_chan(), NULL); }
static void try_send_outside(void) { gt_chan_try_send(leaked_chan(), NULL); }
static void close_outside(void) { gt_chan_close(leaked_chan()); }
static void stop_outside(void) { gt_timer_stop(leaked_timer()); }
static void reset_outside(void) { gt_timer_reset(leaked_timer(), 0); }

static void select_outside(void)
{
	struct gt_case one = gt_case_recv(leaked_chan(), NULL);

	gt_select(&one, 1, GT_SELECT_DEFAULT);
}

PLAIN_TEST(misuse_panics)
{
	expect_panic(run_leaves_sleeper,
		     "deadlock: main bubble goroutine has exited but blocked goroutines remain");
	expect_panic(run_waits_for_nobody, "deadlock: all goroutines in bubble are blocked");
	expect_panic(run_nests, "synctest.Run called from within a synctest bubble");
	expect_panic(run_waits_twice, "wait already in progress");
	expect_panic(wait_outside, "goroutine is not in a bubble");
	expect_panic(send_outside, "send on synctest channel from outside bubble");
	expect_panic(try_send_outside, "send on synctest channel from outside bubble");
	expect_panic(recv_outside, "receive on synctest channel from outside bubble");
	expect_panic(close_outside, "close of synctest channel from outside bubble");
	expect_panic(select_outside, "select on synctest channel from outside bubble");
	expect_panic(stop_outside, "stop of synctest timer from outside bubble");
	expect_panic(reset_outside, "reset of synctest timer from outside bubble");
}

PLAIN_TEST(no_runtime_no_bubble)
{
	CHECK_EQ(gt_bubble_run(count_one, NULL), -ESRCH);
	CHECK_EQ(ran, 0);
}

TEST_MAIN
