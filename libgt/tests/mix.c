// SPDX-License-Identifier: GPL-2.0
/*
 * All parts of the scheduler against each other, by random: tasks that start others,
 * send, receive, select, lock, sleep, loop without suspending, block with and without
 * saying so, lock their threads and panic, while GOMAXPROCS changes. In the end every
 * count must be right.
 *
 * GT_TEST_SECONDS says how long each test may start new tasks (0.3 by default), and
 * GT_TEST_SEED repeats a plan.
 */
#include <time.h>

#include "test.h"

enum { CHANS = 4, ACTS = 12, ALIVE = 200 };

static struct gt_chan *chans[CHANS];
static struct gt_mutex mutex;
static long under_mutex;
static atomic_long sent, received, locked, panicked, recovered, started, ended;
static atomic_bool stop;
static int64_t until;
static uint64_t seed;

static bool is_over(void)
{
	return gt_now() >= until;
}

static void spins(long turns)
{
	for (long i = 0; i < turns; i++)
		atomic_signal_fence(memory_order_seq_cst);
}

static void block(void)
{
	const struct timespec nap = { .tv_nsec = 50 * 1000 };

	nanosleep(&nap, NULL);
}

static void panics(void *arg)
{
	atomic_fetch_add(&panicked, 1);
	if ((uintptr_t)arg % 2)
		gt_yield();
	gt_panic("on purpose");
}

static void child(void *arg)
{
	uint64_t state = (uintptr_t)arg;

	if (test_random(&state) % 2)
		gt_yield();
	atomic_fetch_add(&ended, 1);
	if (test_random(&state) % 4 == 0)
		gt_exit();
}

/* Send on one channel or another, or find that neither has room. */
static void select_one(uint64_t *state)
{
	long a = 1, b = 1;
	struct gt_case cases[] = {
		gt_case_send(chans[test_random(state) % CHANS], &a),
		gt_case_send(chans[test_random(state) % CHANS], &b),
	};
	int chosen = gt_select(cases, 2, test_random(state) % 2 ? GT_SELECT_DEFAULT : 0);

	if (chosen >= 0)
		atomic_fetch_add(&sent, 1);
}

NOINLINE static void act(uint64_t *state)
{
	uint32_t random = test_random(state);
	long value = 1;

	switch (random % 16) {
	case 0: case 1:
		gt_chan_send(chans[random / 16 % CHANS], &value);
		atomic_fetch_add(&sent, 1);
		break;
	case 2: case 3:
		select_one(state);
		break;
	case 4:
		atomic_fetch_add(&started, 1);
		CHECK_EQ(gt_go(child, (void *)(uintptr_t)test_random(state)), 0);
		break;
	case 5:
		gt_sleep(random / 16 % (500 * GT_MICROSECOND));
		break;
	case 6:
		if (random / 16 % 16 == 0)
			spins(10 * 1000 * 1000 * test_scale());	/* longer than a time slice */
		break;
	case 7:
		if (random / 16 % 4 == 0)
			block();
		break;
	case 8:
		gt_entersyscall();
		if (random / 16 % 4 == 0)
			block();
		gt_exitsyscall();
		break;
	case 9: case 10:
		gt_mutex_lock(&mutex);
		under_mutex++;
		if (random / 16 % 8 == 0)
			gt_yield();
		gt_mutex_unlock(&mutex);
		atomic_fetch_add(&locked, 1);
		break;
	case 11:
		CHECK_EQ(gt_try(panics, (void *)(uintptr_t)random, NULL), GT_PANICKED);
		atomic_fetch_add(&recovered, 1);
		break;
	case 12:
		if (random / 16 % 8 == 0) {
			gt_lock_os_thread();
			gt_yield();
			gt_unlock_os_thread();
		}
		break;
	case 13:
		free(malloc(random / 16 % 5000));
		break;
	default:
		gt_yield();
	}
}

static void acts(void *arg)
{
	uint64_t state = seed ^ (uintptr_t)arg << 16;
	long i;

	for (i = 0; i < ACTS; i++)
		act(&state);
	atomic_fetch_add(&ended, 1);
}

static void receives(void *arg)
{
	struct gt_case cases[CHANS];
	int open = CHANS, i;
	long value;

	(void)arg;
	for (i = 0; i < CHANS; i++)
		cases[i] = gt_case_recv(chans[i], &value);
	while (open) {
		i = gt_select(cases, CHANS, 0);
		CHECK(i >= 0);
		if (cases[i].ok) {
			atomic_fetch_add(&received, 1);
		} else {
			cases[i].chan = NULL;
			open--;
		}
	}
}

static void resizes(void *arg)
{
	uint64_t state = seed ^ (uintptr_t)arg;

	while (!atomic_load(&stop)) {
		gt_gomaxprocs(1 + test_random(&state) % 8);
		gt_sleep(test_random(&state) % (3 * GT_MILLISECOND));
	}
}

static void *acts_on_a_thread(void *arg)
{
	uint64_t state = seed ^ (uintptr_t)arg << 32;
	long value = 1;

	while (!is_over()) {
		switch (test_random(&state) % 4) {
		case 0:
			gt_chan_send(chans[test_random(&state) % CHANS], &value);
			atomic_fetch_add(&sent, 1);
			break;
		case 1:
			atomic_fetch_add(&started, 1);
			CHECK_EQ(gt_go(child, (void *)(uintptr_t)test_random(&state)), 0);
			break;
		case 2:
			gt_mutex_lock(&mutex);
			under_mutex++;
			gt_mutex_unlock(&mutex);
			atomic_fetch_add(&locked, 1);
			break;
		default:
			block();
		}
	}
	return NULL;
}

GT_TEST_PROCS(mix)
{
	const char *seconds = getenv("GT_TEST_SECONDS"), *plan = getenv("GT_TEST_SEED");
	struct gt_wg receivers = {0}, others = {0};
	long i, tasks = 0;
	pthread_t thread;

	seed = plan ? strtoull(plan, NULL, 0) : (uint64_t)gt_now() ^ (uint64_t)getpid() << 32;
	dprintf(STDERR_FILENO, "# GT_TEST_SEED=%#llx\n", (unsigned long long)seed);
	until = gt_now() + (int64_t)((seconds ? atof(seconds) : 0.3) * GT_SECOND);
	for (i = 0; i < CHANS; i++)
		CHECK(chans[i] = gt_chan_make(sizeof(long), i * 3));
	for (i = 0; i < 3; i++)
		CHECK_EQ(gt_wg_go(&receivers, receives, NULL), 0);
	CHECK_EQ(gt_wg_go(&others, resizes, (void *)1), 0);
	CHECK_EQ(pthread_create(&thread, NULL, acts_on_a_thread, (void *)2), 0);
	while (!is_over()) {
		atomic_fetch_add(&started, 1);
		CHECK_EQ(gt_go(acts, (void *)(uintptr_t)++tasks), 0);
		AWAIT(gt_task_count() < ALIVE);
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
	AWAIT(ended == started);
	atomic_store(&stop, true);
	gt_wg_wait(&others);
	for (i = 0; i < CHANS; i++)
		gt_chan_close(chans[i]);
	gt_wg_wait(&receivers);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(received, sent);
	CHECK_EQ(under_mutex, locked);
	CHECK_EQ(recovered, panicked);
	CHECK(tasks > 0);
	for (i = 0; i < CHANS; i++)
		gt_chan_put(chans[i]);
}

TEST_MAIN
