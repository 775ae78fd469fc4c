// SPDX-License-Identifier: GPL-2.0
/*
 * The scheduler: who runs next, that nobody starves, that work spreads to idle
 * processors, and that no task and no wake-up is lost.
 */
#include "test.h"

static atomic_long ran;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

/* ---------------------------------------------------------------- order ---- */

static char order[64];
static int order_length;

static void note(void *arg)
{
	order[order_length++] = (char)(uintptr_t)arg;
}

static void expect_order(const char *expected)
{
	order[order_length] = 0;
	if (strcmp(order, expected))
		test_fail(__FILE__, __LINE__, "order is %s, not %s", order, expected);
}

/* The newest runs next, the one that it displaced moves to the queue's end. */
GT_TEST_ORDER(new_task_runs_next)
{
	CHECK_EQ(gt_go(note, (void *)'a'), 0);
	CHECK_EQ(gt_go(note, (void *)'b'), 0);
	CHECK_EQ(gt_go(note, (void *)'c'), 0);
	CHECK_EQ(order_length, 0);	/* not before the caller suspends */
	gt_yield();
	note((void *)'m');
	expect_order("cabm");
}

static void note_twice(void *arg)
{
	note(arg);
	gt_yield();
	note(arg);
}

GT_TEST_ORDER(yield_goes_to_the_end)
{
	CHECK_EQ(gt_go(note_twice, (void *)'a'), 0);
	CHECK_EQ(gt_go(note_twice, (void *)'b'), 0);
	CHECK_EQ(gt_go(note_twice, (void *)'c'), 0);
	gt_yield();
	note((void *)'m');
	gt_yield();
	note((void *)'m');
	expect_order("cabmcabm");
}

static void notes_and_starts(void *arg)
{
	note(arg);
	CHECK_EQ(gt_go(note, (void *)'x'), 0);
	gt_yield();
	note(arg);
}

GT_TEST_ORDER(new_task_goes_before_the_queue)
{
	CHECK_EQ(gt_go(note, (void *)'b'), 0);
	CHECK_EQ(gt_go(notes_and_starts, (void *)'a'), 0);
	gt_yield();
	gt_yield();
	expect_order("axba");
}

/* The ring of 256 overflows into the global queue; each task runs just once. */
static atomic_uchar times[20000];

static void note_time(void *arg)
{
	CHECK_EQ(atomic_fetch_add(&times[(uintptr_t)arg], 1), 0);
	count_one(NULL);
}

GT_TEST_PROCS(ring_overflows)
{
	long i, n = crowd(ARRAY_SIZE(times));

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(note_time, (void *)i), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, n);
	for (i = 0; i < n; i++)
		CHECK_EQ(times[i], 1);
}

/* ----------------------------------------------------------- no starving ---- */

static atomic_bool stop;

static void yields_until_stop(void *arg)
{
	(void)arg;
	while (!stop)
		gt_yield();
}

static void sets_stop(void *arg)
{
	(void)arg;
	atomic_store(&stop, true);
}

static void *starts_stopper(void *arg)
{
	CHECK_EQ(gt_go(sets_stop, arg), 0);
	return NULL;
}

/* A task from outside comes to the global queue: a busy ring must not hide it. */
GT_TEST_PROCS(global_queue_beside_a_busy_ring)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 20; i++)
		CHECK_EQ(gt_go(yields_until_stop, NULL), 0);
	gt_yield();
	CHECK_EQ(pthread_create(&thread, NULL, starts_stopper, NULL), 0);
	AWAIT(stop);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	AWAIT(gt_task_count() == 1);
}

static void starts_its_successor(void *arg)
{
	(void)arg;
	if (stop)
		return;
	CHECK_EQ(gt_go(starts_its_successor, NULL), 0);
	count_one(NULL);
}

static void chain(void)
{
	CHECK_EQ(gt_go(sets_stop, NULL), 0);
	CHECK_EQ(gt_go(starts_its_successor, NULL), 0);
	AWAIT(stop);
	AWAIT(gt_task_count() == 1);
}

/* Tasks that each run next inherit one time slice, so the queue gets its turn. */
GT_TEST_PROCS(chain_of_next_tasks_lets_others_run)
{
	chain();
}

/* But that turn is not the first: what runs next runs before what was queued. */
GT_TEST_ORDER(chain_of_next_tasks_goes_first)
{
	chain();
	CHECK(ran > 1);
}

struct pair {
	struct gt_chan *there, *back;
};

static void bounces(void *arg)
{
	struct pair *pair = arg;

	while (gt_chan_recv(pair->there, NULL))
		gt_chan_send(pair->back, NULL);
	gt_chan_close(pair->back);
}

static void bats(void *arg)
{
	struct pair *pair = arg;

	while (!stop) {
		gt_chan_send(pair->there, NULL);
		CHECK_EQ(gt_chan_recv(pair->back, NULL), 1);
	}
	gt_chan_close(pair->there);
	CHECK_EQ(gt_chan_recv(pair->back, NULL), 0);
}

/* Two tasks that wake each other directly must not keep the processor for ever. */
GT_TEST_PROCS(ping_pong_lets_others_run)
{
	struct pair pair = { gt_chan_make(0, 0), gt_chan_make(0, 0) };
	int i;

	CHECK_EQ(gt_go(bounces, &pair), 0);
	CHECK_EQ(gt_go(bats, &pair), 0);
	for (i = 0; i < 200; i++)
		gt_yield();
	CHECK_EQ(gt_go(sets_stop, NULL), 0);
	AWAIT(stop);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(pair.there);
	gt_chan_put(pair.back);
}

static void yields_often(void *arg)
{
	long i, n = (long)arg;

	for (i = 0; i < n; i++) {
		gt_yield();
		atomic_fetch_add(&ran, 1);
	}
}

GT_TEST_PROCS(thousands_that_yield)
{
	long i, n = crowd(5000), turns = scaled(100);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(yields_often, (void *)turns), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, n * turns);
}

/* On one processor nobody is more than one turn ahead of anybody. */
enum { RUNNERS = 10, LAPS = 1000 };
static int laps[RUNNERS];

static void runs_laps(void *arg)
{
	int *mine = arg, i;

	while (*mine < LAPS) {
		++*mine;
		for (i = 0; i < RUNNERS; i++)
			CHECK(*mine - laps[i] <= 1 || laps[i] == LAPS);
		gt_yield();
	}
}

GT_TEST_ORDER(yield_is_fair)
{
	int i;

	for (i = 0; i < RUNNERS; i++)
		CHECK_EQ(gt_go(runs_laps, &laps[i]), 0);
	AWAIT(gt_task_count() == 1);
	for (i = 0; i < RUNNERS; i++)
		CHECK_EQ(laps[i], LAPS);
}

/* ------------------------------------------------------------ parallelism ---- */

static atomic_int arrived;

static void spins_until_all_came(void *arg)
{
	int all = (int)(uintptr_t)arg;

	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&arrived) < all)
		;
	atomic_fetch_add(&ran, 1);
}

/*
 * As many tasks as processors wait for each other without suspending: that ends
 * only if each has a processor of its own, so their wake-ups must spread.
 */
static void meet_on(int procs)
{
	int round, i;

	for (round = 0; round < 20; round++) {
		atomic_store(&arrived, 0);
		atomic_store(&ran, 0);
		for (i = 1; i < procs; i++)
			CHECK_EQ(gt_go(spins_until_all_came, (void *)(uintptr_t)procs), 0);
		spins_until_all_came((void *)(uintptr_t)procs);
		AWAIT(ran == procs);
		AWAIT(gt_task_count() == 1);
	}
}

static void meet_on_two(void)
{
	meet_on(2);
}

static void meet_on_eight(void)
{
	meet_on(8);
}

TEST_ON(work_spreads_to_two, meet_on_two, 2)
TEST_ON(work_spreads_to_eight, meet_on_eight, 8)

/* The same, with idle processors whose threads have been asleep for a while. */
static void wakes_two(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		gt_sleep(5 * GT_MILLISECOND);
		atomic_store(&arrived, 0);
		CHECK_EQ(gt_go(spins_until_all_came, (void *)2), 0);
		spins_until_all_came((void *)2);
	}
}

TEST_ON(idle_processor_wakes_for_work, wakes_two, 2)

static void steals_counted(void)
{
	struct gt_stats stats;

	meet_on(2);
	stats = stats_now();
	CHECK(stats.steals > 0);
	CHECK(stats.threads_started >= 2);
}

TEST_ON(stealing_is_counted, steals_counted, 2)

/* A task that lost its processor to a hand-off (a page fault will do) runs beside. */
GT_TEST_PROCS(no_more_at_once_than_processors)
{
	struct gt_stats stats;
	int i;

	for (i = 0; i < 100; i++)
		CHECK_EQ(gt_go(test_is_inside, NULL), 0);
	AWAIT(gt_task_count() == 1);
	stats = stats_now();
	CHECK(test_most_inside >= 1 && test_most_inside <= test_procs + (int)stats.handoffs);
}

/* ------------------------------------------------------------ lost wake-ups ---- */

struct rally {
	struct gt_chan *there, *back;
	long rounds;
};

static void answers(void *arg)
{
	struct rally *rally = arg;
	long i, value;

	for (i = 0; i < rally->rounds; i++) {
		CHECK_EQ(gt_chan_recv(rally->there, &value), 1);
		CHECK_EQ(value, i);
		gt_chan_send(rally->back, &value);
	}
}

static void asks(void *arg)
{
	struct rally *rally = arg;
	long i, value;

	for (i = 0; i < rally->rounds; i++) {
		gt_chan_send(rally->there, &i);
		CHECK_EQ(gt_chan_recv(rally->back, &value), 1);
		CHECK_EQ(value, i);
	}
	count_one(NULL);
}

GT_TEST_PROCS(ping_pong_storm)
{
	static struct rally rallies[40];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rallies); i++) {
		rallies[i].there = gt_chan_make(sizeof(long), i % 3);
		rallies[i].back = gt_chan_make(sizeof(long), i % 2);
		rallies[i].rounds = scaled(5000);
		CHECK_EQ(gt_go(answers, &rallies[i]), 0);
		CHECK_EQ(gt_go(asks, &rallies[i]), 0);
	}
	AWAIT(ran == ARRAY_SIZE(rallies));
	AWAIT(gt_task_count() == 1);
}

/* Nobody yields meanwhile: the processors go idle between any two steps. */
GT_TEST_PROCS(ping_pong_alone)
{
	struct rally rally = { gt_chan_make(8, 0), gt_chan_make(8, 0), scaled(20000) };

	CHECK_EQ(gt_go(answers, &rally), 0);
	asks(&rally);
	AWAIT(gt_task_count() == 1);	/* the other one uses the stack of this */
}

GT_TEST_PROCS(waves)
{
	struct gt_wg wg = {0};
	long wave, i, n = crowd(1000), waves_n = scaled(100);

	for (wave = 0; wave < waves_n; wave++) {
		for (i = 0; i < n; i++)
			CHECK_EQ(gt_wg_go(&wg, count_one, NULL), 0);
		gt_wg_wait(&wg);
		CHECK_EQ(ran, (wave + 1) * n);
	}
}

static void *thread_answers(void *arg)
{
	answers(arg);
	return NULL;
}

/* Each step wakes an idle runtime from outside. */
GT_TEST_PROCS(idle_runtime_wakes_for_a_thread)
{
	struct rally rally = { gt_chan_make(8, 0), gt_chan_make(8, 0), scaled(3000) };
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, thread_answers, &rally), 0);
	asks(&rally);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST_MAIN
