/* SPDX-License-Identifier: MIT */
/*
 * The network calls: try, and park while the call would block. See netpoll.c.
 *
 * The system calls' errno is not the caller's business: each call keeps his. It is
 * read by gt_errno_get() alone: these functions park, and a compiler may keep the
 * address of errno for a whole function, which is then another thread's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "gt/net.h"
#include "gt/time.h"
#include "prim/netpoll.h"
#include "sched/park.h"

/* Evaluate call, a system call on pfd, until it neither would block nor was
 * interrupted; leaves its result or -errno in result. */
#define try_until_done(result, pfd, side, call)                                        \
	for (;;) {                                                                     \
		result = (call);                                                       \
		if (result >= 0)                                                       \
			break;                                                         \
		result = -gt_errno_get();                                              \
		if (result == -EINTR)                                                  \
			continue;                                                      \
		if (result != -EAGAIN)                                                 \
			break;                                                         \
		result = gt_pollfd_wait(pfd, side);                                    \
		if (result)                                                            \
			break;                                                         \
	}

ssize_t gt_read(int fd, void *buf, size_t count)
{
	int saved = gt_errno_get();
	struct gt_pollfd *pfd;
	ssize_t result = gt_pollfd_begin(fd, GT_SIDE_READ, &pfd);

	if (!result) {
		try_until_done(result, pfd, GT_SIDE_READ, read(fd, buf, count));
		gt_pollfd_end(pfd, GT_SIDE_READ);
	}
	gt_errno_set(saved);
	return result;
}

static ssize_t write_once(struct gt_pollfd *pfd, const char *buf, size_t count)
{
	return gt_load(&pfd->socket) ? send(pfd->fd, buf, count, MSG_NOSIGNAL) :
				       write(pfd->fd, buf, count);
}

ssize_t gt_write(int fd, const void *buf, size_t count)
{
	int saved = gt_errno_get();
	struct gt_pollfd *pfd;
	ssize_t result = gt_pollfd_begin(fd, GT_SIDE_WRITE, &pfd);
	size_t written = 0;

	if (!result) {
		do {
			try_until_done(result, pfd, GT_SIDE_WRITE,
				       write_once(pfd, (const char *)buf + written,
						  count - written));
			if (result < 0)
				break;
			written += result;
		} while (written < count);
		gt_pollfd_end(pfd, GT_SIDE_WRITE);
	}
	gt_errno_set(saved);
	return written || result >= 0 ? (ssize_t)written : result;
}

int gt_accept(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
	socklen_t room = addrlen ? *addrlen : 0;
	int saved = gt_errno_get();
	struct gt_pollfd *pfd;
	int result = gt_pollfd_begin(fd, GT_SIDE_READ, &pfd);

	while (!result) {
		if (addrlen)
			*addrlen = room;
		try_until_done(result, pfd, GT_SIDE_READ,
			       accept4(fd, addr, addrlen, SOCK_NONBLOCK | SOCK_CLOEXEC));
		/* The peer went away while it was in the queue: not our caller's. */
		if (result == -ECONNABORTED) {
			result = 0;
			continue;
		}
		gt_pollfd_end(pfd, GT_SIDE_READ);
		if (result >= 0)
			gt_pollfd_fresh(result, true);
		break;
	}
	gt_errno_set(saved);
	return result;
}

/* A connect() is under way: wait for its outcome. */
static int wait_connected(struct gt_pollfd *pfd)
{
	for (;;) {
		struct sockaddr_storage peer;
		socklen_t length = sizeof(int);
		int error = gt_pollfd_wait(pfd, GT_SIDE_WRITE), result;

		if (error)
			return error;
		if (getsockopt(pfd->fd, SOL_SOCKET, SO_ERROR, &result, &length))
			return -gt_errno_get();
		if (result)
			return -result;
		/* An edge from before connect() is no answer. */
		length = sizeof(peer);
		if (!getpeername(pfd->fd, (struct sockaddr *)&peer, &length))
			return 0;
		if (gt_errno_get() != ENOTCONN)
			return -gt_errno_get();
	}
}

static int connect_once(struct gt_pollfd *pfd, const struct sockaddr *addr, socklen_t addrlen)
{
	int64_t pause = GT_MILLISECOND;

	while (connect(pfd->fd, addr, addrlen)) {
		int error = gt_errno_get();

		if (error == EINPROGRESS || error == EINTR)
			return wait_connected(pfd);
		if (error != EAGAIN)
			return -error;
		/* A unix socket's backlog is full, and nothing will tell of room. */
		gt_sleep(pause);
		pause = pause < 100 * GT_MILLISECOND ? pause * 2 : pause;
	}
	return 0;
}

int gt_connect(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
	struct gt_pollfd *pfd;
	int saved = gt_errno_get();
	int error = gt_pollfd_begin(fd, GT_SIDE_WRITE, &pfd);

	if (!error) {
		error = connect_once(pfd, addr, addrlen);
		gt_pollfd_end(pfd, GT_SIDE_WRITE);
	}
	gt_errno_set(saved);
	return error;
}

static int listen_tcp(const char *host, int port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr *addr = (struct sockaddr *)&in4;
	socklen_t size = sizeof(in4);
	int fd, error, one = 1;

	if (port < 0 || port > 65535)
		return -EINVAL;
	if (!host || inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
		addr = (struct sockaddr *)&in6;
		size = sizeof(in6);
	} else if (inet_pton(AF_INET, host, &in4.sin_addr) != 1) {
		return -EINVAL;
	}
	fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 && !host && errno == EAFNOSUPPORT) {
		/* No IPv6 here: every address is then every IPv4 address. */
		addr = (struct sockaddr *)&in4;
		size = sizeof(in4);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, addr, size) || listen(fd, SOMAXCONN)) {
		error = -errno;
		close(fd);
		return error;
	}
	gt_pollfd_fresh(fd, true);
	return fd;
}

int gt_listen_tcp(const char *host, int port)
{
	int saved = gt_errno_get(), fd = listen_tcp(host, port);

	gt_errno_set(saved);
	return fd;
}

int gt_close(int fd)
{
	int saved = gt_errno_get(), error = gt_pollfd_close(fd);

	gt_errno_set(saved);
	return error;
}
