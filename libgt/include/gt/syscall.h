/* SPDX-License-Identifier: MIT */
/*
 * Declared system calls: a task says that it is about to block.
 *
 * No call needs to be declared: a task that blocks in any other way loses its
 * processor too, once that is noticed (at once by the module, within some 10 ms
 * without). A declaration makes it 20 us either way, is never interrupted by
 * preemption, and costs two atomic instructions when the call is quick.
 */
#ifndef GT_SYSCALL_H
#define GT_SYSCALL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <gt/version.h>

GT_BEGIN_DECLS

struct rusage;

/**
 * gt_entersyscall - the calling task may block from here on
 *
 * Until gt_exitsyscall() the task's processor may be given to another thread if
 * there is work for it. The task itself goes on: its stack, thread and thread-local
 * variables stay its own.
 *
 * Calls nest: the outermost pair counts. Between the two a task should call no
 * function of gt's. If it does, as in a callback of a library, that works, and ends
 * the declaration: the task has its processor from then on, and gt_exitsyscall()
 * has nothing left to do.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: does nothing. Signal-safe: no.
 * Source: Go's runtime.entersyscall().
 */
void gt_entersyscall(void);

/**
 * gt_exitsyscall - the call that gt_entersyscall() announced is over
 *
 * If the processor was given away meanwhile the task waits for one. errno is kept.
 * Without an open gt_entersyscall() it panics.
 *
 * Context: Suspends: if the processor was given away. Migrates: then. Pthread: does
 * nothing. Signal-safe: no.
 */
void gt_exitsyscall(void);

/* The end of GT_SYSCALL()'s scope, however it is left. */
static inline void gt_syscall_leave_(char *scope)
{
	(void)scope;
	gt_exitsyscall();
}

static inline char gt_syscall_enter_(void)
{
	gt_entersyscall();
	return 0;
}

/**
 * GT_SYSCALL - evaluate an expression as a declared system call
 * @expression: of any type, void as well.
 *
 * Its value is the expression's, and errno is as the expression left it:
 *
 *	n = GT_SYSCALL(readlink(path, buf, sizeof(buf)));
 *
 * The expression must not leave it by goto, return or longjmp(). A C++ exception or
 * a gt_panic() may.
 *
 * Context: as gt_entersyscall() and gt_exitsyscall().
 */
#define GT_SYSCALL(expression) \
	__extension__({ \
		char gt_scope_ __attribute__((__cleanup__(gt_syscall_leave_), __unused__)) = \
			gt_syscall_enter_(); \
		(expression); \
	})

/**
 * gt_syscall_open - open(2), declared
 * @path: as open().
 * @flags: as open(); O_CLOEXEC is up to the caller.
 * @mode: of a file that is created, else ignored.
 *
 * These calls are the system's of the same name, but they return -errno, leave errno
 * alone, and repeat a call that a signal interrupted: none returns -EINTR.
 *
 * For files, and for descriptors that other code polls. A descriptor given to
 * gt_read() and friends is non-blocking and better served by those.
 *
 * Context: as gt_entersyscall() and gt_exitsyscall().
 * Return: a descriptor, or -errno.
 */
int gt_syscall_open(const char *path, int flags, mode_t mode);

/**
 * gt_syscall_read - read(2), declared
 * @fd: as read().
 * @buf: as read().
 * @size: as read().
 *
 * Context: as gt_syscall_open().
 * Return: bytes read, 0 at the end of the file; or -errno.
 */
ssize_t gt_syscall_read(int fd, void *buf, size_t size);

/**
 * gt_syscall_write - write(2), declared
 * @fd: as write().
 * @buf: as write().
 * @size: as write().
 *
 * Context: as gt_syscall_open().
 * Return: bytes written, perhaps fewer than @size; or -errno.
 */
ssize_t gt_syscall_write(int fd, const void *buf, size_t size);

/**
 * gt_syscall_pread - pread(2), declared
 * @fd: as pread().
 * @buf: as pread().
 * @size: as pread().
 * @offset: as pread().
 *
 * Context: as gt_syscall_open().
 * Return: bytes read, 0 at the end of the file; or -errno.
 */
ssize_t gt_syscall_pread(int fd, void *buf, size_t size, off_t offset);

/**
 * gt_syscall_pwrite - pwrite(2), declared
 * @fd: as pwrite().
 * @buf: as pwrite().
 * @size: as pwrite().
 * @offset: as pwrite().
 *
 * Context: as gt_syscall_open().
 * Return: bytes written, perhaps fewer than @size; or -errno.
 */
ssize_t gt_syscall_pwrite(int fd, const void *buf, size_t size, off_t offset);

/**
 * gt_syscall_fsync - fsync(2), declared
 * @fd: as fsync().
 *
 * Context: as gt_syscall_open().
 * Return: 0 or -errno.
 */
int gt_syscall_fsync(int fd);

/**
 * gt_syscall_flock - flock(2), declared
 * @fd: as flock().
 * @operation: as flock().
 *
 * The lock belongs to the open file, not to the task or the thread.
 *
 * Context: as gt_syscall_open().
 * Return: 0 or -errno.
 */
int gt_syscall_flock(int fd, int operation);

/**
 * gt_syscall_close - close(2), declared
 * @fd: a descriptor that gt_read() and friends never had: those want gt_close().
 *
 * The descriptor is gone whatever it returns.
 *
 * Context: as gt_syscall_open().
 * Return: 0 or -errno; never -EINTR: that is 0 here, as the descriptor is closed.
 */
int gt_syscall_close(int fd);

/**
 * gt_syscall_wait4 - wait4(2), declared: wait for a child process
 * @pid: as wait4().
 * @status: as wait4(), or NULL.
 * @options: as wait4().
 * @usage: as wait4(), or NULL.
 *
 * Context: as gt_syscall_open().
 * Return: the child's id, 0 under WNOHANG, or -errno.
 */
pid_t gt_syscall_wait4(pid_t pid, int *status, int options, struct rusage *usage);

GT_END_DECLS

#endif /* GT_SYSCALL_H */
