// SPDX-License-Identifier: GPL-2.0
/*
 * The netpoller: descriptors that are closed while tasks wait, used again, and
 * shared by several readers and writers.
 */
#include "test_net.h"

static atomic_long ran;
static int pair[2];

/* ------------------------------------------------------------------- close ---- */

static int fd_to_wait_on;

static void reads_until_canceled(void *arg)
{
	char byte;

	CHECK_EQ(gt_read(fd_to_wait_on, &byte, 1), -ECANCELED);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

static void writes_until_canceled(void *arg)
{
	static const char buf[1 << 20];
	ssize_t n;

	/* what went before the cancel comes first */
	n = gt_write(fd_to_wait_on, buf, sizeof(buf));
	CHECK(n == -ECANCELED || (n > 0 && n < (ssize_t)sizeof(buf)));
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

static void accepts_until_canceled(void *arg)
{
	CHECK_EQ(gt_accept(fd_to_wait_on, NULL, NULL), -ECANCELED);
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

GT_TEST_ORDER(close_wakes_all)
{
	int i;

	stream_pair(pair);
	fd_to_wait_on = pair[0];
	for (i = 0; i < 5; i++) {
		CHECK_EQ(gt_go(reads_until_canceled, NULL), 0);
		CHECK_EQ(gt_go(writes_until_canceled, NULL), 0);
	}
	gt_yield();
	CHECK_EQ(ran, 0);
	CHECK_EQ(gt_close(pair[0]), 0);
	AWAIT(ran == 10);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(gt_close(pair[1]), 0);
}

GT_TEST_ORDER(close_wakes_accept)
{
	CHECK((fd_to_wait_on = gt_listen_tcp("127.0.0.1", 0)) >= 0);
	CHECK_EQ(gt_go(accepts_until_canceled, NULL), 0);
	CHECK_EQ(gt_go(accepts_until_canceled, NULL), 0);
	gt_yield();
	CHECK_EQ(gt_close(fd_to_wait_on), 0);
	AWAIT(ran == 2);
	AWAIT(gt_task_count() == 1);
}

static void *thread_reads_until_canceled(void *arg)
{
	*(_Atomic pid_t *)arg = gettid();
	reads_until_canceled(NULL);
	return NULL;
}

GT_TEST_PROCS(close_wakes_a_thread)
{
	_Atomic pid_t tid = 0;
	pthread_t thread;

	CHECK_EQ(pipe(pair), 0);
	fd_to_wait_on = pair[0];
	CHECK_EQ(pthread_create(&thread, NULL, thread_reads_until_canceled, &tid), 0);
	AWAIT((fcntl(pair[0], F_GETFL) & O_NONBLOCK) && thread_state(tid) == 'S');
	CHECK_EQ(gt_close(pair[0]), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(ran, 1);
	CHECK_EQ(gt_close(pair[1]), 0);
}

static void reads_a_byte(void *arg)
{
	char byte = 0;

	CHECK_EQ(gt_read((int)(intptr_t)arg, &byte, 1), 1);
	CHECK_EQ(byte, 'n');
	atomic_fetch_add(&ran, 1);
}

/* A number that is used again starts afresh. */
GT_TEST_PROCS(descriptor_number_is_reused)
{
	long round, old, same = 0, n = scaled(500);

	for (round = 0; round < n; round++) {
		atomic_store(&ran, 0);
		CHECK_EQ(pipe(pair), 0);
		fd_to_wait_on = old = pair[0];
		CHECK_EQ(gt_go(reads_until_canceled, NULL), 0);
		if (round % 2)
			gt_yield();
		/* the reader is past its look at the number */
		AWAIT(fcntl(pair[0], F_GETFL) & O_NONBLOCK);
		CHECK_EQ(gt_close(pair[0]), 0);
		AWAIT(ran == 1);
		CHECK_EQ(gt_close(pair[1]), 0);

		CHECK_EQ(pipe(pair), 0);
		same += pair[0] == old;
		CHECK_EQ(gt_go(reads_a_byte, (void *)(intptr_t)pair[0]), 0);
		gt_yield();
		CHECK_EQ(gt_write(pair[1], "n", 1), 1);
		AWAIT(ran == 2);
		close_pair(pair);
	}
	CHECK(same > n / 2);	/* a worker that starts may have come between */
}

/* ----------------------------------------------------------------- sharing ---- */

static atomic_long bytes_in, bytes_out;

static void reads_to_the_end(void *arg)
{
	char byte;
	ssize_t n;

	while ((n = gt_read(pair[0], &byte, 1)) == 1)
		atomic_fetch_add(&bytes_out, byte);
	CHECK_EQ(n, 0);
	(void)arg;
}

static void writes_bytes(void *arg)
{
	long i, n = scaled(500);
	char byte;

	for (i = 0; i < n; i++) {
		byte = 1 + i % 100;
		CHECK_EQ(gt_write(pair[1], &byte, 1), 1);
		atomic_fetch_add(&bytes_in, byte);
		if (i % 16 == 0)
			gt_yield();
	}
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

/* Several readers and writers take turns on one descriptor. */
GT_TEST_PROCS(readers_and_writers_in_turn)
{
	int i;

	stream_pair(pair);
	for (i = 0; i < 5; i++)
		CHECK_EQ(gt_go(reads_to_the_end, NULL), 0);
	for (i = 0; i < 5; i++)
		CHECK_EQ(gt_go(writes_bytes, NULL), 0);
	AWAIT(ran == 5);
	CHECK_EQ(gt_close(pair[1]), 0);
	AWAIT(gt_task_count() == 1);
	CHECK_EQ(bytes_out, bytes_in);
	CHECK_EQ(gt_close(pair[0]), 0);
}

/* A task reads and another writes the same socket, both waiting. */
static void writes_lots(void *arg)
{
	static char buf[256 << 10];

	CHECK_EQ(gt_write(pair[0], buf, sizeof(buf)), sizeof(buf));
	atomic_fetch_add(&ran, 1);
	(void)arg;
}

GT_TEST_PROCS(reader_and_writer_wait_on_one_descriptor)
{
	static char buf[256 << 10];

	stream_pair(pair);
	CHECK_EQ(gt_go(reads_a_byte, (void *)(intptr_t)pair[0]), 0);
	CHECK_EQ(gt_go(writes_lots, NULL), 0);
	gt_yield();
	CHECK_EQ(ran, 0);
	CHECK_EQ(gt_write(pair[1], "n", 1), 1);
	AWAIT(ran == 1);
	read_all(pair[1], buf, sizeof(buf));
	AWAIT(ran == 2);
	close_pair(pair);
}

TEST_MAIN
