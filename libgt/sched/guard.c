/* SPDX-License-Identifier: MIT */
/*
 * Guards: what is below a stack, so that an overflow is a signal and no corruption.
 *
 * mprotect() makes a mapping of each guard and of each stack between two. A process
 * may have 65,530 mappings (vm.max_map_count), so that bounds the tasks at 32,000.
 * A guard that stands in the page tables alone splits no mapping. By kernel:
 *
 *	advice	MADV_GUARD_INSTALL, from 6.13: any access raises SIGSEGV.
 *	arena	The module's, where it is there: it knows guards by their place, and
 *		nothing is made here (arena.c). For stacks of the usual size.
 *	write	userfaultfd's write protection, from 5.11 without privileges: a
 *		descriptor watches all stacks, and says, as it was told to at its
 *		opening, SIGBUS to any write to a protected page; a system call that
 *		writes there fails with EFAULT. Reads see zeroes: but a stack that
 *		overflows is written to. Before 6.4 the pages must be there to be
 *		protected: they are the kernel's one page of zeroes, and cost no memory.
 *	protect	mprotect(), where a sandbox refuses userfaultfd.
 *
 * The kind is chosen with the first stack of a run, under stacks.lock, and then
 * constant. Neighbouring mappings of the same kind merge, watched ones too.
 *
 * A guard is 16 KiB, so that a function whose frame is no larger cannot step over it
 * with its first access. What has larger frames is compiled with
 * -fstack-clash-protection, which touches each page in turn, or asks for a larger
 * guard (gt_go_attr).
 *
 * fork() copies guards, but for the watched ones: see gt_stack_forget().
 *
 * Rejected: holes between stacks in place of guards (half as many mappings, and any
 * mmap() may land in one); userfaultfd's missing mode (each stack page would have to
 * be made by hand).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/pages.h"
#include "sched/guard.h"
#include "sched/types.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif

static struct {
	enum gt_guard_kind kind;	/* AUTO: not chosen yet */
	bool absent;			/* pages need not be there to be protected */
	int fd;				/* userfaultfd, while kind is WRITE */
} guards;

static int watch_open(uint64_t features)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = features | UFFD_FEATURE_SIGBUS | UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool watch(void *map, size_t size)
{
	struct uffdio_register request = {
		.range = { .start = (uintptr_t)map, .len = size },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	return !ioctl(guards.fd, UFFDIO_REGISTER, &request) &&
	       request.ioctls & 1ull << _UFFDIO_WRITEPROTECT;
}

static bool protect_writes(char *low, size_t size)
{
	struct uffdio_writeprotect request = {
		.range = { .start = (uintptr_t)low, .len = size },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (!guards.absent && madvise(low, size, GT_ADVICE_POPULATE_READ))
		return false;
	while (ioctl(guards.fd, UFFDIO_WRITEPROTECT, &request))
		if (errno != EAGAIN)
			return false;
	return true;
}

static bool watch_start(char *map, size_t size)
{
	guards.fd = watch_open(UFFD_FEATURE_WP_UNPOPULATED);
	guards.absent = guards.fd >= 0;
	if (!guards.absent)
		guards.fd = watch_open(0);
	if (guards.fd < 0)
		return false;
	if (watch(map, size) && protect_writes(map, GT_PAGE))
		return true;
	close(guards.fd);
	return false;
}

bool gt_guard_by_advice(void)
{
	bool works = guards.kind == GT_GUARD_ADVICE;
	char *page;

	if (guards.kind != GT_GUARD_AUTO)
		return works;
	page = mmap(NULL, GT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page != MAP_FAILED) {
		works = gt_pages_advise(page, GT_PAGE, 0, 1, GT_ADVICE_GUARD_INSTALL);
		munmap(page, GT_PAGE);
	}
	return works;
}

bool gt_guard_map(char *map, size_t size)
{
	enum gt_guard_kind wanted = gt_sched.config.guard;

	if (guards.kind == GT_GUARD_AUTO) {
		/* Its first page is to be guarded in any case. */
		if (wanted <= GT_GUARD_ADVICE &&
		    gt_pages_advise(map, GT_PAGE, 0, 1, GT_ADVICE_GUARD_INSTALL))
			guards.kind = GT_GUARD_ADVICE;
		else if (wanted <= GT_GUARD_WRITE && watch_start(map, size))
			guards.kind = GT_GUARD_WRITE;
		else
			guards.kind = GT_GUARD_PROTECT;
	} else if (guards.kind == GT_GUARD_WRITE) {
		return watch(map, size);
	}
	return true;
}

bool gt_guard_make(char *low, size_t size, size_t stride, unsigned int count)
{
	if (guards.kind == GT_GUARD_ADVICE)
		return gt_pages_advise(low, size, stride, count, GT_ADVICE_GUARD_INSTALL);
	for (; count; count--, low += stride)
		if (guards.kind == GT_GUARD_WRITE ? !protect_writes(low, size) :
						    mprotect(low, size, PROT_NONE))
			return false;
	return true;
}

void gt_guard_harden(char *low, size_t size)
{
	if (guards.kind == GT_GUARD_WRITE)
		mprotect(low, size, PROT_NONE);
}

const char *gt_guard_name(void)
{
	static const char *const names[] = { "", "advice", "arena", "write", "protect" };

	return names[guards.kind];
}

void gt_guard_end(void)
{
	if (guards.kind == GT_GUARD_WRITE)
		close(guards.fd);
	guards.kind = GT_GUARD_AUTO;
}
