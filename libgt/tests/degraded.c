// SPDX-License-Identifier: GPL-2.0
/*
 * A module that fails its group: the run goes on without its reports and its wakeups.
 * The fault is provoked by the module's parameter for that, so this needs root, and
 * /dev/gt as the backend; it passes without a word where these are not there.
 */
#include "test.h"

#define PARAMETERS "/sys/module/gt/parameters/"

static int pair[2];
static atomic_int ran;

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return written;
}

/* Loses reports of blocks, and is quick to say that something is wrong. */
static bool break_module(void)
{
	return put(PARAMETERS "watchdog_ms", "100") && put(PARAMETERS "faults", "2");
}

static void mend_module(void)
{
	CHECK(put(PARAMETERS "faults", "0") && put(PARAMETERS "watchdog_ms", "10000"));
}

static void writes_a_byte(void *arg)
{
	CHECK_EQ(write(pair[1], "x", 1), 1);
	(void)arg;
}

/* The only processor is blocked with this task, which waits for one that has none. */
static void block(void)
{
	char byte;

	CHECK_EQ(gt_go(writes_a_byte, NULL), 0);
	CHECK_EQ(read(pair[0], &byte, 1), 1);
}

static void blocks_get_noticed_task(void)
{
	long i, n = scaled(200);

	if (strcmp(gt_backend_name(), "kmod") || !break_module())
		return;
	CHECK_EQ(pipe(pair), 0);
	for (i = 0; i < n; i++)
		block();
	CHECK(stats_now().handoffs >= 1);
	mend_module();
}

TEST(blocks_get_noticed)
{
	test_begin(_metadata);
	setenv("GTHANDOFF", "on", 1);
	test_run(1, blocks_get_noticed_task);
}

static struct gt_chan *there, *back;

static void echoes(void *arg)
{
	int value;

	while (gt_chan_recv(there, &value))
		gt_chan_send(back, &value);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

/* Threads fall asleep and are woken all the time, before the failure and after it. */
GT_TEST_PROCS(wakes_are_not_lost)
{
	int i, value, n = scaled(2000);

	if (strcmp(gt_backend_name(), "kmod") || !break_module())
		return;
	CHECK_EQ(pipe(pair), 0);
	there = gt_chan_make(sizeof(int), 0);
	back = gt_chan_make(sizeof(int), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(gt_go(echoes, NULL), 0);
	for (i = 0; i < n; i++) {
		gt_chan_send(there, &i);
		CHECK_EQ(gt_chan_recv(back, &value), 1);
		if (i % 20 == 0)
			block();
		if (i % 50 == 0)
			gt_sleep(100000);
	}
	gt_chan_close(there);
	AWAIT(ran == 4);
	mend_module();
}

TEST_HARNESS_MAIN
