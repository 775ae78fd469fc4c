// SPDX-License-Identifier: GPL-2.0
/*
 * A worker that blocks in the kernel is seen to, and reported if it is covered:
 * after the grace, once for each block, and not for what is no block.
 */
#include "gt_test.h"

#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <sys/resource.h>

#define GRACE_NS	(2 * MSEC)

FIXTURE(block) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	int pipe[2];
};

FIXTURE_VARIANT(block) {
	unsigned int grace_ns;
};

FIXTURE_VARIANT_ADD(block, at_once) {
	.grace_ns = 0,
};

FIXTURE_VARIANT_ADD(block, grace) {
	.grace_ns = GRACE_NS,
};

FIXTURE_SETUP(block)
{
	memset(&self->worker, 0, sizeof(self->worker));
	GT_TEST_GROUP_OPEN(&self->group, 4, variant->grace_ns);
	ASSERT_EQ(0, pipe(self->pipe));
	self->worker.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(block)
{
}

/* A read() that blocks: the word, the times, the numbers and the event. */
GT_TEST(block, read)
{
	volatile struct gt_worker_status *status;
	uint64_t word, before, after, seen;
	unsigned int nr;

	before = gt_now();
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_read_covered));
	status = &self->group.worker[self->worker.slot];
	ASSERT_TRUE(gt_until(status->nr_uncovered > 0));
	seen = gt_now();
	EXPECT_GE(seen - status->blocked_ns, variant->grace_ns);

	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_BLOCKED));
	after = gt_now();
	word = status->word;
	EXPECT_GE(GT_WORD_SEQ(word), 1);
	EXPECT_GE(status->nr_blocked, 1);
	EXPECT_GE(status->blocked_ns, before);
	EXPECT_LE(status->blocked_ns, after);
	EXPECT_LT(status->resumed_ns, status->blocked_ns);
	EXPECT_EQ(status->tid, self->worker.tid);
	/* The event comes after the number. */
	EXPECT_TRUE(gt_until(self->group.status->uncovered == 1));
	EXPECT_EQ(0, self->group.status->delivered);
	nr = status->nr_uncovered;
	EXPECT_LE(nr, status->nr_blocked);

	before = gt_now();
	EXPECT_EQ(word, status->word);
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(1, self->worker.result);
	EXPECT_GE(status->resumed_ns, before);
	EXPECT_LE(status->resumed_ns, gt_now());
	EXPECT_EQ(nr, status->nr_uncovered);
	gt_worker_join(&self->worker);
}

/* Each block has a number of its own and is reported. */
GT_TEST(block, again_and_again)
{
	unsigned int i, rounds = 50 * gt_test_scale();
	volatile struct gt_worker_status *status;
	uint64_t word, last = 0, reported;

	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_read_loop));
	status = &self->group.worker[self->worker.slot];
	for (i = 0; i < rounds; i++) {
		/* Blocked in the read() number i, and reported for it. */
		ASSERT_TRUE(gt_until(self->worker.order == i &&
				     gt_thread_state(self->worker.tid) == 'S' &&
				     gt_state(&self->group, self->worker.slot) ==
				     GT_STATE_BLOCKED));
		word = status->word;
		ASSERT_GT(GT_WORD_SEQ(word), GT_WORD_SEQ(last));
		last = word;
		reported = i + 1;
		ASSERT_TRUE(gt_until(status->nr_uncovered >= reported));
		ASSERT_LE(status->nr_uncovered, status->nr_blocked);
		ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	}
	close(self->pipe[1]);
	ASSERT_TRUE(gt_until(self->worker.done));
}

/*
 * What is not reported shows when something that came later is: a witness that
 * blocks after it, with the same grace.
 */
static bool witness(struct gt_test_group *group, int fd)
{
	static struct gt_test_worker worker;

	worker.fd = fd;
	return gt_worker_start(&worker, group, gt_run_read_covered) &&
	       gt_until(group->worker[worker.slot].nr_uncovered > 0);
}

GT_TEST(block, not_covered)
{
	volatile struct gt_worker_status *status;

	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_read));
	status = &self->group.worker[self->worker.slot];
	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_BLOCKED));
	ASSERT_TRUE(witness(&self->group, self->pipe[0]));
	EXPECT_GE(status->nr_blocked, 1);
	EXPECT_EQ(0, status->nr_uncovered);
}

static void run_park_covered(struct gt_test_worker *self)
{
	self->group->user[self->slot].cover = 1;
	gt_run_park(self);
}

/* Sleep by command is no block. */
GT_TEST(block, parked)
{
	volatile struct gt_worker_status *status;
	uint64_t nr;

	self->worker.deadline_ns = GT_DEADLINE_NONE;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_park_covered));
	status = &self->group.worker[self->worker.slot];
	ASSERT_TRUE(gt_until(gt_sleeps_parked(&self->worker)));
	nr = status->nr_uncovered;
	ASSERT_TRUE(witness(&self->group, self->pipe[0]));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, self->worker.slot));
	EXPECT_EQ(nr, status->nr_uncovered);
}

static volatile uint32_t futex_word;

static void run_futex(struct gt_test_worker *self)
{
	self->group->user[self->slot].cover = 1;
	while (!futex_word)
		syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	self->group->user[self->slot].cover = 0;
}

GT_TEST(block, futex)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_futex));
	ASSERT_TRUE(gt_until(self->group.worker[self->worker.slot].nr_uncovered > 0));
	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_BLOCKED));
	futex_word = 1;
	syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	ASSERT_TRUE(gt_until(self->worker.done));
}

static volatile char *fault_page;

static void run_fault(struct gt_test_worker *self)
{
	self->group->user[self->slot].cover = 1;
	self->result = *fault_page;
	self->group->user[self->slot].cover = 0;
}

/* @fault_page waits for its first byte until fault_resolve(); its descriptor, or -errno. */
static int fault_prepare(unsigned int flags)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	long size = sysconf(_SC_PAGESIZE);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | flags);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -errno;
	fault_page = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fault_page == MAP_FAILED)
		return -errno;
	range.range.start = (uintptr_t)fault_page;
	range.range.len = size;
	return ioctl(fd, UFFDIO_REGISTER, &range) ? -errno : fd;
}

static int fault_resolve(int fd)
{
	static char filled[65536] = { 7 };
	struct uffdio_copy copy = {
		.dst = (uintptr_t)fault_page, .src = (uintptr_t)filled,
		.len = sysconf(_SC_PAGESIZE),
	};

	return ioctl(fd, UFFDIO_COPY, &copy) ? -errno : 0;
}

/* A page fault that waits for somebody is a block as well. */
GT_TEST(block, page_fault)
{
	int fd = fault_prepare(UFFD_USER_MODE_ONLY);

	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(-fd));
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_fault));
	ASSERT_TRUE(gt_until(self->group.worker[self->worker.slot].nr_uncovered > 0));
	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_BLOCKED));
	ASSERT_EQ(0, fault_resolve(fd));
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(7, self->worker.result);
}

static void *write_fault_page(void *arg)
{
	return (void *)write(*(int *)arg, (const void *)fault_page, 1);
}

/*
 * So is a contended mutex of the kernel's: that of a pipe, held by a write() which waits
 * for the page that it is to write from.
 */
GT_TEST(block, kernel_mutex)
{
	struct uffd_msg message;
	pthread_t writer;
	void *written;
	int fd = fault_prepare(0);

	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(-fd));
	ASSERT_EQ(0, pthread_create(&writer, NULL, write_fault_page, &self->pipe[1]));
	ASSERT_EQ(sizeof(message), read(fd, &message, sizeof(message)));
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_read_covered));
	ASSERT_TRUE(gt_until(self->group.worker[self->worker.slot].nr_uncovered > 0 &&
			     gt_thread_state(self->worker.tid) == 'D'));
	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_BLOCKED));
	ASSERT_EQ(0, fault_resolve(fd));
	ASSERT_TRUE(gt_until(self->worker.done));
	EXPECT_EQ(1, self->worker.result);
	ASSERT_EQ(0, pthread_join(writer, &written));
	EXPECT_EQ(1, (long)written);
}

static long switches(pid_t tid)
{
	char path[64], line[128];
	long count = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	file = fopen(path, "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		sscanf(line, "nonvoluntary_ctxt_switches: %ld", &count);
	fclose(file);
	return count;
}

static void run_spin_covered(struct gt_test_worker *self)
{
	self->group->user[self->slot].cover = 1;
	gt_run_spin(self);
	self->group->user[self->slot].cover = 0;
}

/* Two that want one CPU take turns: each is preempted, and none is blocked. */
GT_TEST(block, preempted)
{
	struct gt_test_worker other = {};
	volatile struct gt_worker_status *status;
	cpu_set_t one, all;
	uint64_t nr;
	long count;

	ASSERT_EQ(0, sched_getaffinity(0, sizeof(all), &all));
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_spin_covered));
	ASSERT_TRUE(gt_worker_start(&other, &self->group, run_spin_covered));
	sched_setaffinity(0, sizeof(all), &all);

	status = &self->group.worker[self->worker.slot];
	count = switches(self->worker.tid);
	ASSERT_GE(count, 0);
	ASSERT_TRUE(gt_until(switches(self->worker.tid) >= count + 3));
	nr = status->nr_blocked;
	count = switches(self->worker.tid);
	ASSERT_TRUE(gt_until(switches(self->worker.tid) >= count + 20));
	EXPECT_EQ(nr, status->nr_blocked);
	EXPECT_EQ(GT_STATE_RUNNING, GT_WORD_STATE(status->word));
	EXPECT_EQ(0, status->nr_uncovered);
	self->worker.stop = true;
	other.stop = true;
	ASSERT_TRUE(gt_until(self->worker.done && other.done));
}

FIXTURE(grace) {
	struct gt_test_group group;
	struct gt_test_worker worker;
	int pipe[2];
};

FIXTURE_SETUP(grace)
{
	memset(&self->worker, 0, sizeof(self->worker));
	GT_TEST_GROUP_OPEN(&self->group, 4, GT_GRACE_MAX_NS);
	ASSERT_EQ(0, pipe(self->pipe));
	self->worker.fd = self->pipe[0];
}

FIXTURE_TEARDOWN(grace)
{
}

/* Blocks that end within the grace are counted and not reported. */
GT_TEST(grace, shorter_block)
{
	unsigned int i, rounds = 100 * gt_test_scale(), slow = 0;
	volatile struct gt_worker_status *status;

	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_read_loop));
	status = &self->group.worker[self->worker.slot];
	for (i = 0; i < rounds; i++) {
		/* A thread may be in state S, and find the byte, before it is off its CPU. */
		ASSERT_TRUE(gt_until(self->worker.order == i &&
				     gt_state(&self->group, self->worker.slot) ==
				     GT_STATE_BLOCKED));
		ASSERT_EQ(1, write(self->pipe[1], "x", 1));
		ASSERT_TRUE(gt_until(self->worker.order == i + 1));
		/* A machine this slow proves nothing with this round. */
		if (gt_now() - status->blocked_ns > GT_GRACE_MAX_NS / 2)
			slow++;
		ASSERT_LE(status->nr_uncovered, slow);
	}
	EXPECT_GE(status->nr_blocked, rounds);
	EXPECT_LT(slow, rounds);
}

/* A worker that detaches, or dies, within the grace leaves no timer behind. */
GT_TEST(grace, detach)
{
	unsigned int i, rounds = 20 * gt_test_scale();

	for (i = 0; i < rounds; i++) {
		memset(&self->worker, 0, sizeof(self->worker));
		self->worker.fd = self->pipe[0];
		ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_read_covered));
		ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_BLOCKED));
		ASSERT_EQ(1, write(self->pipe[1], "x", 1));
		gt_worker_join(&self->worker);
		ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_FREE));
	}
}

TEST_HARNESS_MAIN
