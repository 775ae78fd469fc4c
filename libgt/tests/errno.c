// SPDX-License-Identifier: GPL-2.0
/*
 * errno is a task's own across every suspension, and thread-local variables of
 * libraries survive whatever else the thread does.
 */
#include <locale.h>
#include <wchar.h>

#include "test.h"

static atomic_long ran;
static struct gt_chan *ping, *pong, *buffered;
static struct gt_wg wg;
static int pipe_fds[2];

#define KEEPS(value, call) do { \
	errno_set(value); \
	call; \
	CHECK_EQ(errno_get(), value); \
} while (0)

static void keeps_over_yields(void *arg)
{
	int mine = 1000 + (int)(intptr_t)arg, i;

	for (i = 0; i < 200; i++)
		KEEPS(mine + i, gt_yield());
	atomic_fetch_add(&ran, 1);
}

GT_TEST_PROCS(yield)
{
	long i;

	for (i = 0; i < 50; i++)
		CHECK_EQ(gt_go(keeps_over_yields, (void *)(i * 1000)), 0);
	AWAIT(ran == 50);
}

static void answers(void *arg)
{
	errno_set(55);
	while (gt_chan_recv(ping, NULL)) {
		CHECK_EQ(errno_get(), 55);
		gt_chan_send(pong, NULL);
		CHECK_EQ(errno_get(), 55);
	}
	(void)arg;
}

GT_TEST_PROCS(channels)
{
	int i;

	CHECK(ping = gt_chan_make(0, 0));
	CHECK(pong = gt_chan_make(0, 0));
	CHECK_EQ(gt_go(answers, NULL), 0);
	for (i = 1; i < 300; i++) {
		KEEPS(i, gt_chan_send(ping, NULL));
		KEEPS(i, gt_chan_recv(pong, NULL));
	}
	gt_chan_close(ping);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(ping);
	gt_chan_put(pong);
}

static void spoils(void *arg)
{
	errno_set(ENOTBLK);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

GT_TEST_PROCS(waitgroup_and_sleep)
{
	int i, j;

	for (i = 1; i < 100; i++) {
		for (j = 0; j < 4; j++)
			KEEPS(i, CHECK_EQ(gt_wg_go(&wg, spoils, NULL), 0));
		KEEPS(i, gt_wg_wait(&wg));
		CHECK_EQ(gt_wg_go(&wg, spoils, NULL), 0);
		KEEPS(i, gt_sleep(10 * GT_MICROSECOND));
		KEEPS(i, gt_sleep_until(0));
		gt_wg_wait(&wg);
	}
}

static void writes_bytes(void *arg)
{
	int i;

	for (i = 0; i < 100; i++) {
		errno_set(ENOTBLK);
		CHECK_EQ(gt_write(pipe_fds[1], "x", 1), 1);
		CHECK_EQ(errno_get(), ENOTBLK);
		gt_yield();
	}
	(void)arg;
}

/* EAGAIN inside, and errors that are results, do not show in errno. */
GT_TEST_PROCS(network)
{
	char byte;
	int i;

	CHECK_EQ(pipe(pipe_fds), 0);
	CHECK_EQ(gt_go(writes_bytes, NULL), 0);
	for (i = 1; i <= 100; i++)
		KEEPS(i, CHECK_EQ(gt_read(pipe_fds[0], &byte, 1), 1));
	KEEPS(7, CHECK_EQ(gt_read(-1, &byte, 1), -EBADF));
	KEEPS(7, CHECK_EQ(gt_write(-1, &byte, 1), -EBADF));
	KEEPS(7, CHECK_EQ(gt_accept(-1, NULL, NULL), -EBADF));
	KEEPS(7, CHECK_EQ(gt_close(-1), -EBADF));
	KEEPS(7, CHECK_EQ(gt_listen_tcp("no", 0), -EINVAL));
	KEEPS(7, CHECK_EQ(gt_close(pipe_fds[0]), 0));
	KEEPS(7, CHECK_EQ(gt_close(pipe_fds[1]), 0));
	AWAIT(gt_task_count() == 1);
}

/* Calls that do not suspend leave errno alone as well. */
GT_TEST_PROCS(other_calls)
{
	static char block[32 << 10];
	struct gt_stats stats;

	CHECK(buffered = gt_chan_make(0, 1));
	KEEPS(9, CHECK_EQ(gt_go(spoils, NULL), 0));
	KEEPS(9, CHECK_EQ(gt_go_copy(spoils, block, sizeof(block)), -E2BIG));
	KEEPS(9, CHECK_EQ(gt_chan_try_send(buffered, NULL), 0));
	KEEPS(9, CHECK_EQ(gt_chan_try_send(buffered, NULL), -EAGAIN));
	KEEPS(9, CHECK_EQ(gt_chan_try_recv(buffered, NULL), 1));
	KEEPS(9, CHECK_EQ(gt_chan_try_recv(buffered, NULL), -EAGAIN));
	KEEPS(9, CHECK_EQ(gt_stats_read(&stats, sizeof(stats)), 0));
	KEEPS(9, CHECK_EQ(gt_gomaxprocs(0), test_procs));
	KEEPS(9, CHECK_EQ(gt_task_id(), 1));
	KEEPS(9, CHECK_EQ(gt_run(spoils, NULL), -EBUSY));
	AWAIT(gt_task_count() == 1);
	gt_chan_put(buffered);
}

/* A block that loses the processor is a suspension too. */
static void fails_in_read(void *arg)
{
	char byte;
	int i;

	for (i = 0; i < 20; i++) {
		errno_set(200 + i);
		CHECK_EQ(read(pipe_fds[0], &byte, 1), 1);
		CHECK_EQ(errno_get(), 200 + i);
		gt_yield();
		CHECK_EQ(errno_get(), 200 + i);
	}
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

GT_TEST_PROCS(undeclared_block)
{
	int i;

	CHECK_EQ(pipe(pipe_fds), 0);
	CHECK_EQ(gt_go(fails_in_read, NULL), 0);
	for (i = 0; i < 20; i++) {
		errno_set(300 + i);
		gt_yield();
		CHECK_EQ(errno_get(), 300 + i);
		CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
	}
	AWAIT(ran == 1);
}

/* ------------------------------------------------- thread-local variables ---- */

/*
 * A library that uses thread-local variables between two suspension points, as
 * malloc(), printf() and locales do. The function must leave them consistent and
 * look each address up anew.
 */
static _Thread_local struct {
	unsigned long depth, sum;
	char text[32];
} library;

NOINLINE static void library_call(unsigned long value)
{
	CHECK_EQ(library.depth, 0);
	library.depth++;
	library.sum += value;
	snprintf(library.text, sizeof(library.text), "%lu", value);
	CHECK_EQ(strtoul(library.text, NULL, 10), value);
	library.depth--;
}

static void uses_libraries(void *arg)
{
	unsigned long seed = (uintptr_t)arg, i;
	wchar_t wide[8];
	mbstate_t state;
	const char *narrow;
	char *memory[8];
	size_t j;

	for (i = 0; i < 200; i++) {
		library_call(seed * 1000 + i);
		for (j = 0; j < ARRAY_SIZE(memory); j++) {
			CHECK(memory[j] = malloc(16 + (seed * 37 + i * 13 + j * 101) % 2000));
			memory[j][0] = (char)j;
		}
		gt_yield();
		library_call(i);
		memset(&state, 0, sizeof(state));
		narrow = "abc";
		CHECK_EQ(mbsrtowcs(wide, &narrow, 8, &state), 3);
		for (j = 0; j < ARRAY_SIZE(memory); j++) {
			CHECK_EQ(memory[j][0], j);
			free(memory[j]);
		}
		gt_yield();
	}
	atomic_fetch_add(&ran, 1);
}

GT_TEST_PROCS(libraries_with_thread_locals)
{
	long i, n = crowd(100);

	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(uses_libraries, (void *)i), 0);
	AWAIT(ran == n);
}

TEST_MAIN
