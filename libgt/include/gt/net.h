/* SPDX-License-Identifier: MIT */
/*
 * Network: system calls on descriptors that park the task, not the thread.
 *
 * Each call first tries the system call; only if that would block, the task is
 * parked until the descriptor is ready. A ready descriptor costs no more than the
 * plain call. Any descriptor that can be polled will do: sockets, pipes, eventfds,
 * ttys. The first call that uses one makes its open file description
 * non-blocking, for every process that shares it.
 *
 * One that cannot be polled (a regular file) is used as it is, and blocks.
 *
 * One reader and one writer may wait on a descriptor at once; more wait in turn.
 * A descriptor that was used here must be closed with gt_close().
 */
#ifndef GT_NET_H
#define GT_NET_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * gt_read - read from a descriptor
 * @fd: the descriptor.
 * @buf: where to put the bytes.
 * @count: how many at most.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread.
 * Signal-safe: no. EINTR is handled inside.
 * Return: bytes read, 0 at the end; -ECANCELED if gt_close() came meanwhile;
 * -ENOMEM; or the negative error of read().
 */
ssize_t gt_read(int fd, void *buf, size_t count);

/**
 * gt_write - write all of a buffer to a descriptor
 * @fd: the descriptor.
 * @buf: the bytes.
 * @count: how many.
 *
 * Goes on until everything is written, or an error. Does not raise SIGPIPE on
 * sockets.
 *
 * Context: as gt_read().
 * Return: @count; after an error the bytes written before it, if any; else
 * -ECANCELED, -ENOMEM, or the negative error of write().
 */
ssize_t gt_write(int fd, const void *buf, size_t count);

/**
 * gt_accept - accept a connection
 * @fd: a listening socket.
 * @addr: the peer's address is put here, or NULL.
 * @addrlen: its size, in and out, or NULL.
 *
 * The new socket is non-blocking and close-on-exec.
 *
 * Context: as gt_read().
 * Return: the new descriptor, to be closed with gt_close(); -ECANCELED; -ENOMEM;
 * or the negative error of accept4().
 */
int gt_accept(int fd, struct sockaddr *addr, socklen_t *addrlen);

/**
 * gt_connect - connect a socket
 * @fd: the socket.
 * @addr: where to.
 * @addrlen: size of @addr.
 *
 * Context: as gt_read().
 * Return: 0; -ECANCELED; -ENOMEM; or the negative error of connect().
 */
int gt_connect(int fd, const struct sockaddr *addr, socklen_t addrlen);

/**
 * gt_listen_tcp - make a listening TCP socket
 * @host: a numeric IPv4 or IPv6 address; NULL for every address.
 * @port: the port, 0 to 65535; 0 lets the kernel choose one.
 *
 * Sets SO_REUSEADDR, close-on-exec and non-blocking, with the system's longest
 * backlog.
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: no.
 * Return: the descriptor, to be closed with gt_close(); -EINVAL for a @host that
 * is not a numeric address or a @port out of range; or the negative error of the
 * system call that failed.
 */
int gt_listen_tcp(const char *host, int port);

/**
 * gt_close - close a descriptor, and wake all who wait for it
 * @fd: the descriptor.
 *
 * Calls that wait on @fd return -ECANCELED. The number is free for reuse only when
 * the last of them has left. A plain thread that began to wait while the runtime
 * did not run is in poll(), and is not woken.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 * Return: 0, or the negative error of close().
 */
int gt_close(int fd);

GT_END_DECLS

#endif /* GT_NET_H */
