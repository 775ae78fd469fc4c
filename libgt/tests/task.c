// SPDX-License-Identifier: GPL-2.0
/* Tasks: starting them in every form, ending them, their numbers and counts. */
#include "test.h"

static atomic_long ran;

static void count_one(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void store_arg(void *arg)
{
	*(atomic_int *)arg = 1;
}

/* ------------------------------------------------------------- starting ---- */

GT_TEST_PROCS(go_passes_arg)
{
	enum { TASKS = 300 };
	static atomic_int called[TASKS];
	int i;

	for (i = 0; i < TASKS; i++)
		CHECK_EQ(gt_go(store_arg, &called[i]), 0);
	for (i = 0; i < TASKS; i++)
		AWAIT(called[i]);
}

struct block {
	int number;
	char filler[100];
};

static atomic_long block_sum;

static void check_block(void *arg)
{
	struct block *block = arg;
	size_t i;

	CHECK_EQ((uintptr_t)block % _Alignof(max_align_t), 0);
	for (i = 0; i < sizeof(block->filler); i++)
		CHECK_EQ(block->filler[i], (char)block->number);
	memset(block->filler, 0, sizeof(block->filler));	/* the copy is its own */
	gt_yield();
	atomic_fetch_add(&block_sum, block->number);
}

GT_TEST_PROCS(go_copy_from_one_variable)
{
	struct block block;
	int n = 200;

	for (block.number = 1; block.number <= n; block.number++) {
		memset(block.filler, block.number, sizeof(block.filler));
		CHECK_EQ(gt_go_copy(check_block, &block, sizeof(block)), 0);
	}
	memset(&block, 0xee, sizeof(block));
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(block_sum, (long)n * (n + 1) / 2);
}

static void check_bytes(void *arg)
{
	const unsigned char *byte = arg;
	size_t i, size = byte[0] | byte[1] << 8;

	CHECK_EQ((uintptr_t)arg % _Alignof(max_align_t), 0);
	for (i = 2; i < size; i++)
		CHECK_EQ(byte[i], (unsigned char)(i * 7));
	count_one(NULL);
}

GT_TEST(go_copy_sizes)
{
	static unsigned char bytes[(16 << 10) + 1];
	static const size_t sizes[] = { 2, 3, 15, 16, 17, 1000, 4096, 16 << 10 };
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		bytes[0] = sizes[i] & 0xff;
		bytes[1] = sizes[i] >> 8;
		CHECK_EQ(gt_go_copy(check_bytes, bytes, sizes[i]), 0);
	}
	CHECK_EQ(gt_go_copy(count_one, NULL, 0), 0);
	AWAIT(ran == ARRAY_SIZE(sizes) + 1);

	CHECK_EQ(gt_go_copy(check_bytes, bytes, sizeof(bytes)), -E2BIG);
	CHECK_EQ(gt_go_copy(check_bytes, bytes, SIZE_MAX), -E2BIG);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, ARRAY_SIZE(sizes) + 1);
}

GT_TEST(go_attr)
{
	struct gt_task_attr attr;
	int i;

	CHECK_EQ(gt_go_attr(count_one, NULL, NULL), 0);
	for (i = 0; i < 100; i++) {
		attr = (struct gt_task_attr){ .stack_size = (size_t)i * 5000 };
		attr.name = i ? NULL : "parse";
		CHECK_EQ(gt_go_attr(count_one, NULL, &attr), 0);
		memset(&attr, 0xff, sizeof(attr));	/* not used after the return */
	}
	AWAIT(ran == 101);

	attr = (struct gt_task_attr){ .stack_size = GT_STACK_SIZE_MAX + 1 };
	CHECK_EQ(gt_go_attr(count_one, NULL, &attr), -EINVAL);
	attr.stack_size = SIZE_MAX;
	CHECK_EQ(gt_go_attr(count_one, NULL, &attr), -EINVAL);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, 101);
}

static void *go_from_thread(void *arg)
{
	int i;

	(void)arg;
	CHECK_EQ(gt_task_id(), 0);
	CHECK(gt_backend_name());
	for (i = 0; i < 1000; i++)
		CHECK_EQ(gt_go(count_one, NULL), 0);
	return NULL;
}

GT_TEST_PROCS(go_from_plain_threads)
{
	pthread_t thread[3];
	int i;

	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, go_from_thread, NULL), 0);
	AWAIT(ran == 3000);
	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
}

static void go_child(void *arg)
{
	long depth = (long)arg;

	count_one(NULL);
	if (!depth)
		return;
	CHECK_EQ(gt_go(go_child, (void *)(depth - 1)), 0);
	CHECK_EQ(gt_go(go_child, (void *)(depth - 1)), 0);
}

GT_TEST_PROCS(go_tree)
{
	CHECK_EQ(gt_go(go_child, (void *)11), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, (2 << 11) - 1);
}

/* --------------------------------------------------------------- ending ---- */

NOINLINE static void exit_deep(int depth)
{
	if (depth < 0)
		return;
	if (!depth)
		gt_exit();
	exit_deep(depth - 1);
	atomic_signal_fence(memory_order_seq_cst);	/* no tail call */
}

static void exits(void *arg)
{
	count_one(arg);
	exit_deep(20);
	test_fail(__FILE__, __LINE__, "gt_exit() returned");
}

GT_TEST_PROCS(exit_ends_the_task)
{
	int i;

	for (i = 0; i < 100; i++)
		CHECK_EQ(gt_go(exits, NULL), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(ran, 100);
}

static void yields_then_counts(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 50; i++)
		gt_yield();
	if (atomic_fetch_add(&ran, 1) == 99)
		printf("100 ran\n");
}

static void main_exits(void)
{
	int i;

	for (i = 0; i < 100; i++)
		CHECK_EQ(gt_go(yields_then_counts, NULL), 0);
	gt_exit();
}

static void expect_no_tasks_left(int procs, void (*body)(void), const char *text)
{
	static struct outcome outcome;

	if (TEST_TSAN)
		test_skip("ThreadSanitizer has threads of its own, which look like life");
	test_expect_procs = procs;
	test_expect_body = body;
	in_child(&outcome, test_expect_run);
	expect_exit(&outcome, 2);
	CHECK(strstr(outcome.text, text));
	CHECK(strstr(outcome.text, "fatal: no tasks (main called gt_exit) - deadlock!"));
}

PLAIN_TEST(exit_of_main_lets_others_end)
{
	expect_no_tasks_left(1, main_exits, "100 ran");
	expect_no_tasks_left(2, main_exits, "100 ran");
	expect_no_tasks_left(8, main_exits, "100 ran");
}

PLAIN_TEST(exit_of_main_alone)
{
	expect_no_tasks_left(2, gt_exit, "");
}

static void sleeps_then_counts(void *arg)
{
	gt_sleep(20 * GT_MILLISECOND);
	count_one(arg);
	printf("slept\n");
}

static void main_exits_before_sleeper(void)
{
	CHECK_EQ(gt_go(sleeps_then_counts, NULL), 0);
	gt_exit();
}

PLAIN_TEST(exit_of_main_waits_for_a_sleeper)
{
	expect_no_tasks_left(1, main_exits_before_sleeper, "slept");
}

/* A thread that may start tasks is life, as long as it lives. */
static void *starts_a_task_late(void *arg)
{
	static const struct timespec nap = { .tv_nsec = 50 * 1000 * 1000 };

	nanosleep(&nap, NULL);
	CHECK_EQ(gt_go(sleeps_then_counts, NULL), 0);
	return arg;
}

static void main_exits_beside_a_thread(void)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, starts_a_task_late, NULL), 0);
	gt_exit();
}

PLAIN_TEST(exit_of_main_beside_a_thread)
{
	expect_no_tasks_left(2, main_exits_beside_a_thread, "slept");
}

PLAIN_TEST(exit_on_plain_thread_panics)
{
	static struct outcome outcome;

	in_child(&outcome, gt_exit);
	expect_signal(&outcome, SIGABRT, "panic: ");
}

static void panics(void *arg)
{
	(void)arg;
	gt_panic("%s %d", "reason", 42);
}

static void starts_named_panic(void)
{
	static const struct gt_task_attr attr = { .name = "parse" };

	CHECK_EQ(gt_go_attr(panics, NULL, &attr), 0);
	for (;;)
		gt_yield();
}

/* "panic: REASON", the task's number and name and who created it */
PLAIN_TEST(panic_says_who)
{
	static struct outcome outcome;
	char *at;

	test_expect_procs = 1;
	test_expect_body = starts_named_panic;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGABRT, "panic: reason 42");
	at = strstr(outcome.text, "panic: ");
	expect_signal(&outcome, SIGABRT, "parse");
	CHECK(strstr(at, "2"));
	expect_signal(&outcome, SIGABRT, "created by");
}

static void panics_plain(void)
{
	gt_panic("no task");
}

PLAIN_TEST(panic_on_plain_thread)
{
	static struct outcome outcome;

	in_child(&outcome, panics_plain);
	expect_signal(&outcome, SIGABRT, "panic: no task");
}

/* ---------------------------------------------------- numbers and counts ---- */

enum { IDS = 1000 };
static atomic_uchar id_seen[1 << 16];	/* numbers may be left out */

static void note_id(void *arg)
{
	uint64_t id = gt_task_id();

	CHECK(id > 1 && id < ARRAY_SIZE(id_seen));
	CHECK_EQ(atomic_fetch_add(&id_seen[id], 1), 0);
	gt_yield();
	CHECK_EQ(gt_task_id(), id);
	count_one(arg);
}

GT_TEST_PROCS(ids_are_not_used_again)
{
	int round, i;

	CHECK_EQ(gt_task_id(), 1);
	for (round = 1; round <= 2; round++) {
		for (i = 0; i < IDS; i++)
			CHECK_EQ(gt_go(note_id, NULL), 0);
		AWAIT(ran == round * IDS);
		AWAIT(gt_task_count() == 1);
	}
	CHECK_EQ(gt_task_id(), 1);
}

static struct gt_chan *gate;

static void waits_at_gate(void *arg)
{
	(void)arg;
	gt_chan_recv(gate, NULL);
}

GT_TEST_PROCS(count_of_live_tasks)
{
	struct gt_stats stats;
	size_t i, n = 500;

	CHECK(gate = gt_chan_make(0, 0));
	CHECK_EQ(gt_task_count(), 1);
	for (i = 0; i < n; i++) {
		CHECK_EQ(gt_go(waits_at_gate, NULL), 0);
		CHECK_EQ(gt_task_count(), i + 2);
	}
	for (i = 0; i < n; i++)
		gt_chan_send(gate, NULL);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(gt_stats_read(&stats, sizeof(stats)), 0);
	CHECK_EQ(stats.tasks_started, n + 1);
	gt_chan_put(gate);
}

GT_TEST(stats_of_another_size)
{
	struct gt_stats stats;
	uint64_t first[2] = { 0, 0x5555 };

	CHECK_EQ(gt_stats_read((struct gt_stats *)first, sizeof(first[0])), 0);
	CHECK_EQ(first[0], 1);
	CHECK_EQ(first[1], 0x5555);	/* beyond what the caller knows */
	CHECK_EQ(gt_stats_read(&stats, sizeof(stats)), 0);
	CHECK(stats.threads >= 1);
	CHECK(stats.threads_started >= stats.threads);
}

TEST_MAIN
