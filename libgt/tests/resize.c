// SPDX-License-Identifier: GPL-2.0
/*
 * GOMAXPROCS while tasks run: both ways, from tasks and threads, with nothing lost: no
 * task, timer, dead stack, id or count, and no wake-up.
 */
#include "test.h"

static atomic_long ran;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static uint64_t procs_in_use(void)
{
	return stats_now().procs;
}

/* ---------------------------------------------------------------- the value ---- */

GT_TEST_PROCS(returns_the_old_value)
{
	CHECK_EQ(gt_gomaxprocs(3), test_procs);
	CHECK_EQ(gt_gomaxprocs(0), 3);
	CHECK_EQ(gt_gomaxprocs(-7), 3);
	CHECK_EQ(gt_gomaxprocs(GT_MAXPROCS_MAX), 3);
	CHECK_EQ(gt_gomaxprocs(GT_MAXPROCS_MAX + 1), GT_MAXPROCS_MAX);
	CHECK_EQ(gt_gomaxprocs(1), GT_MAXPROCS_MAX);
	CHECK_EQ(gt_gomaxprocs(1), 1);
	CHECK_EQ(gt_gomaxprocs(0), 1);
	AWAIT(procs_in_use() == 1);
}

static void sets_five(void)
{
	CHECK_EQ(gt_gomaxprocs(5), 2);
}

static void *sets_from_a_thread(void *arg)
{
	CHECK_EQ(gt_gomaxprocs(0), 2);
	CHECK_EQ(gt_gomaxprocs(6), 2);
	return arg;
}

static void lets_a_thread_set(void)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, sets_from_a_thread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(gt_gomaxprocs(0), 6);
	CHECK_EQ(procs_in_use(), 6);
}

/* What a run was told holds for the next. */
PLAIN_TEST(outlives_the_run)
{
	test_run(2, sets_five);
	CHECK_EQ(gt_gomaxprocs(0), 5);
	test_run(2, lets_a_thread_set);
	CHECK_EQ(gt_gomaxprocs(0), 6);
}

/* Of many that swap the value, each sees what another has set. */
enum { SWAPPERS = 8 };
static atomic_long given, taken;

static void swaps(void *arg)
{
	uint64_t state = (uintptr_t)arg;
	long i, n = scaled(200);

	for (i = 0; i < n; i++) {
		int next = 1 + test_random(&state) % 9;

		atomic_fetch_add(&given, next);
		atomic_fetch_add(&taken, gt_gomaxprocs(next));
		if (i % 3 == 0)
			gt_yield();
	}
}

static void *swaps_on_a_thread(void *arg)
{
	swaps(arg);
	return NULL;
}

GT_TEST_PROCS(swaps_add_up)
{
	struct gt_wg wg = {0};
	pthread_t thread;
	uintptr_t i;

	CHECK_EQ(pthread_create(&thread, NULL, swaps_on_a_thread, (void *)99), 0);
	for (i = 0; i < SWAPPERS; i++)
		CHECK_EQ(gt_wg_go(&wg, swaps, (void *)i), 0);
	gt_wg_wait(&wg);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(taken + gt_gomaxprocs(0), given + test_procs);
}

/* --------------------------------------------------------------- what it does ---- */

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
 * As many tasks as processors wait for each other, and none suspends, the caller
 * neither: the new processors have to find the tasks that were there before them.
 */
static void grows(void)
{
	long round, i, n = scaled(20);

	for (round = 0; round < n; round++) {
		atomic_store(&arrived, 0);
		atomic_store(&ran, 0);
		for (i = 1; i < 4; i++)
			CHECK_EQ(gt_go(spins_until_all_came, (void *)4), 0);
		CHECK_EQ(gt_gomaxprocs(4), 1);
		spins_until_all_came((void *)4);
		AWAIT(ran == 4);
		CHECK_EQ(gt_gomaxprocs(1), 4);
		AWAIT(gt_task_count() == 1 && procs_in_use() == 1);
	}
}

TEST_ON(growing_takes_up_waiting_tasks, grows, 1)

static void is_inside_a_while(void *arg)
{
	test_is_inside(arg);
	count_one(NULL);
}

/*
 * A task that lost its processor to a hand-off (a page fault will do), or to preemption,
 * is inside beside those that run.
 */
static void shrinks(void)
{
	struct gt_stats stats;
	int to, i;

	for (to = 7; to; to--) {
		for (i = 0; i < 20; i++)
			CHECK_EQ(gt_go(is_inside_a_while, NULL), 0);
		CHECK_EQ(gt_gomaxprocs(to), to + 1);
		AWAIT(procs_in_use() == (uint64_t)to);
		atomic_store(&test_most_inside, 0);
		AWAIT(gt_task_count() == 1);
		stats = stats_now();
		CHECK(test_most_inside <= to + (int)(stats.handoffs + stats.preemptions));
	}
	CHECK_EQ(ran, 7 * 20);
}

TEST_ON(shrinking_bounds_what_runs, shrinks, 8)

/* Nobody runs on them: they are gone by the return. */
static void shrinks_idle(void)
{
	CHECK_EQ(procs_in_use(), 8);
	AWAIT(gt_gomaxprocs(3) && procs_in_use() == 3);
	CHECK_EQ(gt_gomaxprocs(8), 3);
	CHECK_EQ(procs_in_use(), 8);
}

TEST_ON(idle_processors_go_at_once, shrinks_idle, 8)

static int fds[2];
static atomic_int blocked, back;

static void blocks_undeclared(void *arg)
{
	char byte;

	(void)arg;
	atomic_fetch_add(&blocked, 1);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	atomic_fetch_add(&back, 1);
	gt_yield();
	count_one(NULL);
}

/* Their threads hold processors, or lost them; back from there they have to queue. */
static void shrinks_while_blocked(void)
{
	int i;

	CHECK_EQ(pipe(fds), 0);
	for (i = 0; i < 6; i++)
		CHECK_EQ(gt_go(blocks_undeclared, NULL), 0);
	AWAIT(blocked == 6);
	CHECK_EQ(gt_gomaxprocs(1), 8);
	AWAIT(procs_in_use() == 1);
	CHECK_EQ(gt_gomaxprocs(2), 1);
	CHECK_EQ(gt_gomaxprocs(1), 2);
	for (i = 0; i < 6; i++)
		CHECK_EQ(write(fds[1], "x", 1), 1);
	AWAIT(ran == 6);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(procs_in_use(), 1);
}

TEST_ON(shrinking_while_tasks_are_blocked, shrinks_while_blocked, 8)

/* ------------------------------------------------------------- what may be lost ---- */

static void sleeps(void *arg)
{
	uint64_t state = (uintptr_t)arg;

	gt_sleep(GT_MILLISECOND + test_random(&state) % (30 * GT_MILLISECOND));
	count_one(NULL);
}

/* Their timers are in the heaps of eight processors; one is left, and it is busy. */
static void shrinks_under_sleepers(void)
{
	long i, n = crowd(2000);

	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_go(sleeps, (void *)(uintptr_t)i), 0);
		if (i % 10 == 0)
			gt_yield();
	}
	CHECK_EQ(gt_gomaxprocs(1), 8);
	AWAIT(ran == n);
	CHECK_EQ(gt_gomaxprocs(8), 1);
}

TEST_ON(timers_are_not_lost, shrinks_under_sleepers, 8)

/* The last of them is due when the runtime has nothing else to do. */
static void shrinks_and_sleeps(void)
{
	struct gt_wg wg = {0};
	long round, i, n = scaled(20);

	for (round = 0; round < n; round++) {
		for (i = 0; i < 50; i++)
			CHECK_EQ(gt_wg_go(&wg, sleeps, (void *)(uintptr_t)(round * 50 + i)), 0);
		gt_yield();
		gt_gomaxprocs(1 + round % 8);
		gt_wg_wait(&wg);
	}
	CHECK_EQ(ran, n * 50);
}

TEST_ON(timers_of_an_idle_runtime_are_not_lost, shrinks_and_sleeps, 8)

static struct gt_chan *gate;
static atomic_long waiting;

static void waits_at_the_gate(void *arg)
{
	(void)arg;
	atomic_fetch_add(&waiting, 1);
	CHECK_EQ(gt_chan_recv(gate, NULL), 0);
}

/*
 * Tasks that meet end on four processors, while the first starts them all: so the other
 * three collect stacks. A crowd that comes when they are retired finds those.
 */
static void ends_everywhere(void)
{
	long round, i, n = scaled(60), before;

	for (round = 0; round < n; round++) {
		atomic_store(&arrived, 0);
		for (i = 1; i < 4; i++)
			CHECK_EQ(gt_go(spins_until_all_came, (void *)4), 0);
		spins_until_all_came((void *)4);
		AWAIT(gt_task_count() == 1);
	}
	CHECK_EQ(gt_gomaxprocs(1), 4);
	AWAIT(procs_in_use() == 1);
	before = status_kib("VmSize:");
	CHECK(gate = gt_chan_make(0, 0));
	for (i = 0; i < 2 * n; i++)
		CHECK_EQ(gt_go(waits_at_the_gate, NULL), 0);
	AWAIT(waiting == 2 * n);
	CHECK(status_kib("VmSize:") - before < (n + 64) * 64);
	gt_chan_close(gate);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(gate);
}

PLAIN_TEST(dead_stacks_are_not_lost)
{
	if (TEST_TSAN || TEST_ASAN)
		test_skip("sanitizers map memory of their own");
	test_run(4, ends_everywhere);
}

static atomic_uchar ids[1 << 17];

static void notes_its_id(void *arg)
{
	uint64_t id = gt_task_id();

	(void)arg;
	CHECK(id < sizeof(ids));
	CHECK_EQ(atomic_fetch_add(&ids[id], 1), 0);
	count_one(NULL);
}

static void starts_many(void *arg)
{
	long i;

	(void)arg;
	for (i = 0; i < 50; i++)
		CHECK_EQ(gt_go(notes_its_id, NULL), 0);
}

GT_TEST_PROCS(ids_stay_unique)
{
	long round, n = scaled(60);

	for (round = 0; round < n; round++) {
		long i;

		for (i = 0; i < 10; i++)
			CHECK_EQ(gt_go(starts_many, NULL), 0);
		gt_gomaxprocs(1 + round * 7 % 13);
		gt_yield();
	}
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, n * 500);
}

/* ------------------------------------------------------------------- all at once ---- */

static struct gt_chan *pipes[4];
static atomic_long sent, received, started, ended;
static atomic_bool stop;

static void produces(void *arg)
{
	uint64_t state = (uintptr_t)arg;
	long i, n = 20 + test_random(&state) % 50;

	for (i = 0; i < n; i++) {
		gt_chan_send(pipes[test_random(&state) % ARRAY_SIZE(pipes)], &i);
		atomic_fetch_add(&sent, 1);
		switch (test_random(&state) % 16) {
		case 0:
			gt_sleep(test_random(&state) % (300 * GT_MICROSECOND));
			break;
		case 1: case 2:
			gt_yield();
			break;
		case 3:
			atomic_fetch_add(&started, 1);
			CHECK_EQ(gt_go(count_one, NULL), 0);
			break;
		}
	}
	atomic_fetch_add(&ended, 1);
}

static void consumes(void *arg)
{
	long value;

	while (gt_chan_recv(arg, &value))
		atomic_fetch_add(&received, 1);
}

static void resize_at_random(uint64_t *state)
{
	uint32_t random = test_random(state);

	gt_gomaxprocs(random % 8 ? 1 + random / 8 % 8 : 1 + random / 8 % GT_MAXPROCS_MAX);
}

static void resizes(void *arg)
{
	uint64_t state = (uintptr_t)arg;

	while (!atomic_load(&stop)) {
		resize_at_random(&state);
		if (test_random(&state) % 4)
			gt_yield();
		else
			gt_sleep(test_random(&state) % (2 * GT_MILLISECOND));
	}
}

static void *resizes_on_a_thread(void *arg)
{
	resizes(arg);
	return NULL;
}

GT_TEST_PROCS(storm)
{
	struct gt_wg producers = {0}, consumers = {0}, resizer = {0};
	uint64_t seed = (uint64_t)gt_now();
	long wave, i, waves = scaled(30), n = 0;
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, resizes_on_a_thread, (void *)(uintptr_t)seed), 0);
	CHECK_EQ(gt_wg_go(&resizer, resizes, (void *)(uintptr_t)(seed + 1)), 0);
	for (i = 0; i < (long)ARRAY_SIZE(pipes); i++) {
		CHECK(pipes[i] = gt_chan_make(sizeof(long), i * i));
		CHECK_EQ(gt_wg_go(&consumers, consumes, pipes[i]), 0);
		CHECK_EQ(gt_wg_go(&consumers, consumes, pipes[i]), 0);
	}
	for (wave = 0; wave < waves; wave++) {
		for (i = 0; i < 40; i++, n++)
			CHECK_EQ(gt_wg_go(&producers, produces, (void *)(uintptr_t)(seed + n)), 0);
		gt_wg_wait(&producers);
	}
	atomic_store(&stop, true);
	gt_wg_wait(&resizer);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	for (i = 0; i < (long)ARRAY_SIZE(pipes); i++)
		gt_chan_close(pipes[i]);
	gt_wg_wait(&consumers);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ended, n);
	CHECK_EQ(received, sent);
	CHECK_EQ(ran, started);
	CHECK_EQ(gt_gomaxprocs(2) >= 1, true);
	AWAIT(procs_in_use() == 2);
	for (i = 0; i < (long)ARRAY_SIZE(pipes); i++)
		gt_chan_put(pipes[i]);
}

TEST_MAIN
