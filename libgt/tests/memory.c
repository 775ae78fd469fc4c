// SPDX-License-Identifier: GPL-2.0
/* Running out of memory: an error of gt_go(), from which the program recovers. */
#include <sys/mman.h>

#include "test.h"

static struct gt_chan *gate;
static atomic_long ended;

static void waits_at_gate(void *arg)
{
	(void)arg;
	gt_chan_recv(gate, NULL);
	atomic_fetch_add(&ended, 1);
}

static void counts(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ended, 1);
}

static void limit_address_space(long more_kib)
{
	struct rlimit limit;

	CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = more_kib < 0 ? limit.rlim_max :
			 (rlim_t)(status_kib("VmSize:") + more_kib) << 10;
	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

static long start_until_enomem(long most)
{
	long started = 0;
	int result = 0;

	while (started < most && !(result = gt_go(waits_at_gate, NULL)))
		started++;
	CHECK_EQ(result, -ENOMEM);
	return started;
}

static void end_all(long started)
{
	long i;

	for (i = 0; i < started; i++)
		gt_chan_send(gate, NULL);
	AWAIT(ended == started);
	AWAIT(gt_task_count() == 1);
}

static int start_plainly(void)
{
	return gt_go(counts, NULL);
}

static int start_with_copy(void)
{
	char block[100] = "";

	return gt_go_copy(counts, block, sizeof(block));
}

static int start_large(void)
{
	struct gt_task_attr attr = { .stack_size = 512 << 20 };

	return gt_go_attr(counts, NULL, &attr);
}

static int start_in_group(void)
{
	struct gt_wg wg = {0};
	int result = gt_wg_go(&wg, counts, NULL);

	gt_wg_wait(&wg);
	return result;
}

/*
 * A thread that could not be made gives back memory that it had for a moment. What there
 * is room for then is used up, too: returns how many tasks wait at the gate now.
 */
static long refused(int (*start)(void), long started)
{
	int result;

	while (!(result = start())) {
		AWAIT(gt_task_count() == (size_t)started + 1);
		atomic_fetch_sub(&ended, 1);
		started += start_until_enomem(100000);
	}
	CHECK_EQ(result, -ENOMEM);
	CHECK_EQ(gt_task_count(), (size_t)started + 1);
	return started;
}

/* Every way to start a task says so, and none leaves half a task behind. */
static void exhaust_and_recover(void)
{
	long started, round;

	for (round = 0; round < 3; round++) {
		atomic_store(&ended, 0);
		started = 0;
		AWAIT((started += start_until_enomem(100000)) > 16);
		CHECK_EQ(gt_task_count(), (size_t)started + 1);
		started = refused(start_plainly, started);
		started = refused(start_with_copy, started);
		started = refused(start_large, started);
		started = refused(start_in_group, started);
		end_all(started);
		CHECK_EQ(gt_go(counts, NULL), 0);
		AWAIT(ended == started + 1);
		AWAIT(gt_task_count() == 1);
	}
}

GT_TEST(go_without_address_space)
{
	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer's shadow memory does not live with RLIMIT_AS");
	CHECK(gate = gt_chan_make(0, 0));
	limit_address_space(64 << 10);
	exhaust_and_recover();
	limit_address_space(-1);
	gt_chan_put(gate);
}

static void yields_alone(void)
{
	long i;

	limit_address_space(0);
	for (i = 0; i < 3; i++)
		gt_yield();
	limit_address_space(-1);
}

/* A task that is to change threads stays on the only one that there can be. */
PLAIN_TEST(migrate_without_address_space)
{
	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer's shadow memory does not live with RLIMIT_AS");
	setenv("GTHANDOFF", "off", 1);
	setenv("GTDEBUG", "migrate=1", 1);
	test_run(1, yields_alone);
}

PLAIN_TEST(run_without_address_space)
{
	int result;

	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer's shadow memory does not live with RLIMIT_AS");
	limit_address_space(0);
	gt_gomaxprocs(2);
	result = gt_run(counts, NULL);
	CHECK(result == -ENOMEM || result == -EAGAIN);
	CHECK_EQ(ended, 0);
	limit_address_space(-1);
	CHECK_EQ(gt_run(counts, NULL), 0);
	CHECK_EQ(ended, 1);
}

PLAIN_TEST(chan_make_without_address_space)
{
	struct gt_chan *chan;

	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer's shadow memory does not live with RLIMIT_AS");
	limit_address_space(16 << 10);
	CHECK(!gt_chan_make(1 << 10, 1 << 20));
	CHECK(chan = gt_chan_make(8, 8));
	gt_chan_put(chan);
}

static long max_map_count(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	long count = 0;

	CHECK(file);
	CHECK_EQ(fscanf(file, "%ld", &count), 1);
	fclose(file);
	return count;
}

/*
 * Use up the mappings with one area whose pages differ by turns, then give some
 * back: gt_go() must survive both. Whether a stack needs a mapping of its own is
 * the library's affair, so no error is no failure.
 */
GT_TEST(go_without_mappings)
{
	long most = max_map_count(), page = sysconf(_SC_PAGESIZE), i, started = 0;
	char *area;
	int result = 0;

	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer needs mappings of its own");
	if (most > 200000)
		test_skip("vm.max_map_count is %ld here, too many to use up", most);
	CHECK(gate = gt_chan_make(0, 0));
	area = mmap(NULL, (most + 1) * page, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(area != MAP_FAILED);
	for (i = 1; i < most; i += 2)
		if (mprotect(area + i * page, page, PROT_READ))
			break;
	CHECK(i < most);
	CHECK_EQ(errno, ENOMEM);
	while (started < 2000 && !(result = gt_go(waits_at_gate, NULL)))
		started++;
	CHECK(!result || result == -ENOMEM);
	CHECK_EQ(gt_task_count(), started + 1);
	CHECK_EQ(munmap(area, (most + 1) * page), 0);
	for (; started < 4000; started++)
		CHECK_EQ(gt_go(waits_at_gate, NULL), 0);
	end_all(started);
	gt_chan_put(gate);
}

/* Descriptors run out: gt_run() says so, and works when there are some again. */
PLAIN_TEST(run_without_descriptors)
{
	struct rlimit limit, none;
	int result;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	result = gt_run(counts, NULL);
	CHECK(!result || result == -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	atomic_store(&ended, 0);
	CHECK_EQ(gt_run(counts, NULL), 0);
	CHECK_EQ(ended, 1);
}

TEST_MAIN
