// SPDX-License-Identifier: GPL-2.0
/*
 * Other address spaces: a fork child, and a process that was sent the descriptor,
 * have the file and can do nothing with it.
 */
#include "gt_test.h"

#include <sys/socket.h>

FIXTURE(fork) {
	struct gt_test_group group;
	struct gt_test_worker worker;
};

FIXTURE_SETUP(fork)
{
	memset(self, 0, sizeof(*self));
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
	self->worker.deadline_ns = GT_DEADLINE_NONE;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, gt_run_park));
	ASSERT_TRUE(gt_worker_wait_state(&self->worker, GT_STATE_PARKED));
}

FIXTURE_TEARDOWN(fork)
{
}

/* The number of the first check that fails, or 0. */
static int check_refused(int fd)
{
	if (gt_setup(fd, 1, 0) != -EPERM)
		return 1;
	if (gt_attach(fd) != -EPERM)
		return 2;
	if (gt_detach(fd) != -EPERM)
		return 3;
	if (gt_park(fd, 0, NULL) != -EPERM)
		return 4;
	if (gt_standby(fd, 0, NULL) != -EPERM)
		return 5;
	if (gt_wake(fd, 0) != -EPERM)
		return 6;
	if (mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, GT_MMAP_STATUS) != MAP_FAILED ||
	    errno != EPERM)
		return 7;
	if (mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, GT_MMAP_USER) != MAP_FAILED ||
	    errno != EPERM)
		return 8;
	return 0;
}

/* Also if the thread that forked is a worker: the child is none. */
GT_TEST(fork, child)
{
	int status;
	pid_t pid;

	ASSERT_EQ(1, gt_attach(self->group.fd));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int own = gt_open(), err = check_refused(self->group.fd);

		if (!err && (own < 0 || gt_setup(own, 1, 0) || gt_attach(own) != 0))
			err = 9;
		_exit(err);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(GT_STATE_PARKED, gt_state(&self->group, self->worker.slot));
	EXPECT_EQ(0, gt_detach(self->group.fd));
}

static int mapped(void)
{
	char line[512];
	int found = 0;
	FILE *file = fopen("/proc/self/maps", "r");

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		found += strstr(line, GT_TEST_DEVICE) != NULL;
	fclose(file);
	return found;
}

GT_TEST(fork, areas_not_inherited)
{
	int status;
	pid_t pid;

	EXPECT_EQ(2, mapped());
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(mapped());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

GT_TEST(fork, sent_descriptor)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 'x';
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int status, pair[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = -1;

		close(self->group.fd);
		if (recvmsg(pair[1], &message, 0) != 1)
			_exit(20);
		header = CMSG_FIRSTHDR(&message);
		if (!header)
			_exit(21);
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
		_exit(check_refused(fd));
	}
	header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &self->group.fd, sizeof(int));
	ASSERT_EQ(1, sendmsg(pair[0], &message, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* The creator is gone, and its identity does not come back with a new process. */
GT_TEST(fork, orphaned_group)
{
	unsigned int i;
	int fd, status;
	pid_t pid;

	fd = gt_open();
	ASSERT_LE(0, fd);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-gt_setup(fd, 4, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(0, check_refused(fd));
	for (i = 0; i < 50; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(check_refused(fd));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
}

TEST_HARNESS_MAIN
