/* SPDX-License-Identifier: MIT */
/* The usual blocking calls of the system, declared. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gt/syscall.h"
#include "sched/park.h"

/*
 * -errno for a failed call. The call may end on another thread than it began, so
 * errno is reached through functions alone.
 */
static ssize_t result(ssize_t n, int saved)
{
	if (n < 0)
		n = -gt_errno_get();
	gt_errno_set(saved);
	return n;
}

/* Evaluate call, declared, until no signal interrupts it. */
#define DECLARED(call) do { \
	int saved = gt_errno_get(); \
	ssize_t n; \
	\
	gt_entersyscall(); \
	do \
		n = (call); \
	while (n < 0 && gt_errno_get() == EINTR); \
	gt_exitsyscall(); \
	return result(n, saved); \
} while (0)

int gt_syscall_open(const char *path, int flags, mode_t mode)
{
	DECLARED(open(path, flags, mode));
}

ssize_t gt_syscall_read(int fd, void *buf, size_t size)
{
	DECLARED(read(fd, buf, size));
}

ssize_t gt_syscall_write(int fd, const void *buf, size_t size)
{
	DECLARED(write(fd, buf, size));
}

ssize_t gt_syscall_pread(int fd, void *buf, size_t size, off_t offset)
{
	DECLARED(pread(fd, buf, size, offset));
}

ssize_t gt_syscall_pwrite(int fd, const void *buf, size_t size, off_t offset)
{
	DECLARED(pwrite(fd, buf, size, offset));
}

int gt_syscall_fsync(int fd)
{
	DECLARED(fsync(fd));
}

int gt_syscall_flock(int fd, int operation)
{
	DECLARED(flock(fd, operation));
}

int gt_syscall_close(int fd)
{
	int saved = gt_errno_get();
	ssize_t n = GT_SYSCALL(close(fd));

	/* Linux has closed it before it waits for anything. */
	if (n < 0 && gt_errno_get() == EINTR)
		n = 0;
	return result(n, saved);
}

pid_t gt_syscall_wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	DECLARED(wait4(pid, status, options, usage));
}
