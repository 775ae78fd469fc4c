// SPDX-License-Identifier: GPL-2.0
/*
 * No system call is interrupted by a request: it ends as it would have, and the upcall
 * comes before the worker is back in user code. One that begins anew after a signal's
 * handler does so in spite of requests.
 */
#include "gt_upcall.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>

FIXTURE(upcall_syscall) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	int pipe[2];
};

static int futex_word;

FIXTURE_SETUP(upcall_syscall)
{
	memset(&self->worker, 0, sizeof(self->worker));
	gt_on_upcall = NULL;
	futex_word = 0;
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
	ASSERT_EQ(0, pipe(self->pipe));
	self->worker.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(upcall_syscall)
{
}

static volatile unsigned int before, after;

#define GT_RUN(name, call) \
	static void run_##name(struct gt_test_worker *self) \
	{ \
		int err = gt_upcall_enable(self->group->fd); \
		\
		before = gt_upcalls; \
		self->result = err ?: ((call) < 0 ? -errno : 0); \
		after = gt_upcalls; \
	}

GT_RUN(read, read(self->fd, &(char){ 0 }, 1))
GT_RUN(poll, poll(&(struct pollfd){ .fd = self->fd, .events = POLLIN }, 1, -1))
GT_RUN(futex, syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0))
GT_RUN(nanosleep, nanosleep(&(struct timespec){ .tv_sec = 3 }, NULL))

static void run_epoll_wait(struct gt_test_worker *self)
{
	int epfd = epoll_create1(EPOLL_CLOEXEC), err = gt_upcall_enable(self->group->fd);
	struct epoll_event event = { .events = EPOLLIN };

	epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &event);
	before = gt_upcalls;
	self->result = err ?: (epoll_wait(epfd, &event, 1, -1) < 0 ? -errno : 0);
	after = gt_upcalls;
	close(epfd);
}

/* Does the thread sleep in that system call, rather than in a page fault before it? */
static bool is_in_syscall(pid_t tid, long number)
{
	char path[64];
	long now = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	file = fopen(path, "r");
	if (file && fscanf(file, "%ld", &now) != 1)
		now = -1;
	if (file)
		fclose(file);
	return now == number;
}

static void end_by_write(int fd)
{
	if (write(fd, "x", 1) != 1)
		abort();
}

static void end_futex(int fd)
{
	/* Awake though it was not woken would be EAGAIN: leave the word as it is. */
	while (!syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0))
		usleep(200);
}

static void end_by_itself(int fd)
{
}

#define GT_TEST_SYSCALL(name, number, end) \
	GT_TEST(upcall_syscall, name) \
	{ \
		int i; \
		\
		ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_##name)); \
		ASSERT_TRUE(gt_until(is_in_syscall(self->worker.tid, number))); \
		for (i = 0; i < 100; i++) \
			EXPECT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 0)); \
		EXPECT_FALSE(self->worker.done); \
		end(self->pipe[1]); \
		EXPECT_TRUE(gt_until(self->worker.done)); \
		EXPECT_EQ(0, self->worker.result); \
		EXPECT_LT(before, after); \
		gt_worker_join(&self->worker); \
	}

GT_TEST_SYSCALL(read, SYS_read, end_by_write)
GT_TEST_SYSCALL(poll, SYS_poll, end_by_write)
GT_TEST_SYSCALL(epoll_wait, SYS_epoll_wait, end_by_write)
GT_TEST_SYSCALL(futex, SYS_futex, end_futex)
GT_TEST_SYSCALL(nanosleep, SYS_clock_nanosleep, end_by_itself)

/* Bytes, one by one, with a signal and a request before each. */
static void run_read_many(struct gt_test_worker *self)
{
	char byte;

	self->result = gt_upcall_enable(self->group->fd);
	while (!self->result && read(self->fd, &byte, 1) == 1)
		self->order++;
	if (!self->result && errno)
		self->result = -errno;
	self->events = 1;
	gt_run_spin(self);
}

GT_TEST(upcall_syscall, restarted)
{
	unsigned int i, rounds = 100 * gt_test_scale();

	ASSERT_EQ(0, gt_signal_count(SIGUSR1, SA_RESTART));
	errno = 0;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_read_many));
	for (i = 0; i < rounds && !self->worker.done; i++) {
		ASSERT_TRUE(gt_until(self->worker.done ||
				     (gt_thread_state(self->worker.tid) == 'S' &&
				      self->worker.order == i)));
		ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 0));
		syscall(SYS_tgkill, getpid(), self->worker.tid, SIGUSR1);
		/* Now it is on its way back into the read(). */
		ASSERT_TRUE(gt_until(self->worker.done || gt_signals > i));
		ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	}
	close(self->pipe[1]);
	ASSERT_TRUE(gt_until(self->worker.events));
	EXPECT_EQ(0, self->worker.result);
	EXPECT_EQ(rounds, self->worker.order);
	/* Each request was put off, and came to something in the end. */
	EXPECT_TRUE(gt_until(self->group.worker[self->worker.slot].nr_upcalls));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
}

TEST_HARNESS_MAIN
