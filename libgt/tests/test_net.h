/* SPDX-License-Identifier: GPL-2.0 */
/* What the netpoller's tests share: a pair of connected sockets, and a whole read. */
#ifndef GT_TEST_NET_H
#define GT_TEST_NET_H

#include <sys/socket.h>

#include "test.h"

static void stream_pair(int fds[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_pair(int fds[2])
{
	CHECK_EQ(gt_close(fds[0]), 0);
	CHECK_EQ(gt_close(fds[1]), 0);
}

static void read_all(int fd, void *buf, size_t count)
{
	size_t done = 0;
	ssize_t n;

	while (done < count) {
		n = gt_read(fd, (char *)buf + done, count - done);
		CHECK(n > 0);
		done += n;
	}
}

#endif /* GT_TEST_NET_H */
