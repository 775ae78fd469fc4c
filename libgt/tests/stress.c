// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once, by a random plan: tasks that start tasks, meet in channels,
 * sleep, wait, block undeclared, and use pipes. Each plan is bounded and must end
 * with all counts right. GT_TEST_SEED repeats one; a failure prints the seed.
 */
#include <time.h>

#include "test.h"

enum { CHANS = 6, PIPES = 3 };

static uint64_t seed;
static struct gt_chan *chans[CHANS];
static atomic_long sent[CHANS], received[CHANS];
static int pipes[PIPES][2], raw_pipes[PIPES][2];
static atomic_long started, ended, budget;
static struct gt_wg all;

static void acts(void *arg);

static void start_more(uint64_t *state)
{
	uint64_t child = test_random(state);
	int result;

	if (atomic_fetch_sub(&budget, 1) <= 0)
		return;
	atomic_fetch_add(&started, 1);
	if (child % 2)
		result = gt_wg_go(&all, acts, (void *)(uintptr_t)child);
	else {
		gt_wg_add(&all, 1);
		result = gt_go(acts, (void *)(uintptr_t)child);
	}
	CHECK_EQ(result, 0);
}

static void send_one(int i, uint64_t *state)
{
	long value = i;

	if (test_random(state) % 2) {
		if (gt_chan_try_send(chans[i], &value))
			return;
	} else {
		gt_chan_send(chans[i], &value);
	}
	atomic_fetch_add(&sent[i], 1);
}

static void raw_block(int i)
{
	char byte = 1;

	CHECK_EQ(write(raw_pipes[i][1], &byte, 1), 1);
	CHECK_EQ(read(raw_pipes[i][0], &byte, 1), 1);
}

static void through_pipe(int i)
{
	char byte = 1;

	CHECK_EQ(gt_write(pipes[i][1], &byte, 1), 1);
	CHECK_EQ(gt_read(pipes[i][0], &byte, 1), 1);
}

static void wait_for_children(uint64_t *state);

NOINLINE static void act(uint64_t *state)
{
	static const struct timespec nap = { .tv_nsec = 100 * 1000 };
	uint32_t random = test_random(state);
	int i = random / 16 % CHANS;

	switch (random % 16) {
	case 0: case 1: case 2:
		send_one(i, state);
		break;
	case 3: case 4:
		gt_yield();
		break;
	case 5: case 6:
		start_more(state);
		break;
	case 7:
		gt_sleep(random / 16 % (2 * GT_MILLISECOND));
		break;
	case 8: case 9:
		through_pipe(i % PIPES);
		break;
	case 10:
		raw_block(i % PIPES);
		break;
	case 11:
		if (random / 16 % 8 == 0)
			nanosleep(&nap, NULL);
		break;
	case 12:
		wait_for_children(state);
		break;
	default:
		for (i = 0; i < (int)(random / 16 % 500); i++)
			atomic_signal_fence(memory_order_seq_cst);
	}
}

static void child_of_group(void *arg)
{
	uint64_t state = (uintptr_t)arg;

	if (test_random(&state) % 2)
		gt_yield();
	else
		gt_sleep(test_random(&state) % (100 * GT_MICROSECOND));
}

static void wait_for_children(uint64_t *state)
{
	struct gt_wg wg = {0};
	int i, n = test_random(state) % 5;

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_wg_go(&wg, child_of_group, (void *)(uintptr_t)test_random(state)), 0);
	gt_wg_wait(&wg);
}

static void acts(void *arg)
{
	uint64_t state = seed ^ (uintptr_t)arg;
	bool counts_itself = !((uintptr_t)arg % 2);
	int i, n = 5 + test_random(&state) % 20;

	for (i = 0; i < n; i++)
		act(&state);
	atomic_fetch_add(&ended, 1);
	if (counts_itself)
		gt_wg_done(&all);
	if (test_random(&state) % 4 == 0)
		gt_exit();
}

static void receives(void *arg)
{
	long i = (long)arg, value;

	while (gt_chan_recv(chans[i], &value)) {
		CHECK_EQ(value, i);
		atomic_fetch_add(&received[i], 1);
	}
}

static void *acts_on_thread(void *arg)
{
	uint64_t state = seed ^ (uintptr_t)arg << 20;
	long i, n = scaled(300);

	for (i = 0; i < n; i++)
		act(&state);
	gt_wg_done(&all);
	return NULL;
}

static void storm(long tasks)
{
	struct gt_wg receivers = {0};
	pthread_t threads[2];
	uint64_t state;
	long i;

	seed = getenv("GT_TEST_SEED") ? strtoull(getenv("GT_TEST_SEED"), NULL, 0) :
	       (uint64_t)gt_now() ^ (uint64_t)getpid() << 32;
	dprintf(STDERR_FILENO, "# GT_TEST_SEED=%#llx\n", (unsigned long long)seed);
	state = seed;
	atomic_store(&budget, tasks);
	for (i = 0; i < PIPES; i++) {
		CHECK_EQ(pipe(pipes[i]), 0);
		CHECK_EQ(pipe(raw_pipes[i]), 0);
	}
	for (i = 0; i < CHANS; i++) {
		CHECK(chans[i] = gt_chan_make(sizeof(long), i * i));
		CHECK_EQ(gt_wg_go(&receivers, receives, (void *)i), 0);
		CHECK_EQ(gt_wg_go(&receivers, receives, (void *)i), 0);
	}
	gt_wg_add(&all, ARRAY_SIZE(threads));
	for (i = 0; i < (long)ARRAY_SIZE(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, acts_on_thread, (void *)(i + 1)), 0);
	while (budget > 0) {
		start_more(&state);
		if (test_random(&state) % 8 == 0)
			gt_yield();
	}
	gt_wg_wait(&all);
	for (i = 0; i < CHANS; i++)
		gt_chan_close(chans[i]);
	gt_wg_wait(&receivers);
	for (i = 0; i < (long)ARRAY_SIZE(threads); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ended, started);
	for (i = 0; i < CHANS; i++) {
		CHECK_EQ(received[i], sent[i]);
		CHECK_EQ(gt_chan_len(chans[i]), 0);
		gt_chan_put(chans[i]);
	}
	for (i = 0; i < PIPES; i++) {
		CHECK_EQ(gt_close(pipes[i][0]), 0);
		CHECK_EQ(gt_close(pipes[i][1]), 0);
	}
}

GT_TEST_PROCS(random_storm)
{
	storm(scaled(3000));
}

/* Few at a time, so that processors fall idle and wake all the while. */
GT_TEST_PROCS(random_drizzle)
{
	storm(scaled(200));
}

TEST_MAIN
