/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page that whoever needs it waits for, in the kernel, until the test fills it: so a
 * thread is held up at a place of the test's choice. Needs userfaultfd, and the right to
 * hold up system calls by it.
 */
#ifndef _GT_USERFAULT_H
#define _GT_USERFAULT_H

#include <linux/userfaultfd.h>

#include "gt_test.h"

struct gt_userfault {
	int fd;
	char *page;
};

/* The page after @before bytes of memory that is there; 0 or -errno. */
static inline int gt_userfault_open(struct gt_userfault *fault, size_t before, int prot)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	long size = sysconf(_SC_PAGESIZE);
	char *map;

	fault->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fault->fd < 0 || ioctl(fault->fd, UFFDIO_API, &api))
		return -errno;
	map = mmap(NULL, before + size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	fault->page = map + before;
	range.range.start = (uintptr_t)fault->page;
	range.range.len = size;
	return ioctl(fault->fd, UFFDIO_REGISTER, &range) ? -errno : 0;
}

/* Until somebody waits for the page. */
static inline bool gt_userfault_wait(const struct gt_userfault *fault)
{
	struct uffd_msg message;

	return read(fault->fd, &message, sizeof(message)) == sizeof(message) &&
	       message.event == UFFD_EVENT_PAGEFAULT;
}

/* Who waits goes on, with this at the page's begin. */
static inline int gt_userfault_fill(const struct gt_userfault *fault, const void *text,
				    size_t size)
{
	static char page[65536] __attribute__((__aligned__(4096)));
	struct uffdio_copy copy = {
		.dst = (uintptr_t)fault->page, .src = (uintptr_t)page,
		.len = sysconf(_SC_PAGESIZE),
	};

	memcpy(page, text, size);
	return ioctl(fault->fd, UFFDIO_COPY, &copy) ? -errno : 0;
}

#endif /* _GT_USERFAULT_H */
