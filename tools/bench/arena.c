// SPDX-License-Identifier: MIT
/*
 * What a stack of the module's arena costs against one in anonymous memory: to touch
 * its top page for the first time, again, and after it was given back; and with it the
 * guard, by mprotect(), which anonymous memory needs and the arena does not.
 *
 * All in one run, taking turns. Under gt-vm --icount a nanosecond is an instruction.
 */
#include <fcntl.h>
#include <linux/gt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define STACKS	4096
#define SLOT	((size_t)80 << 10)
#define GUARD	((size_t)16 << 10)
#define PAGE	4096
#define ROUNDS	5

enum { GUARDS, FIRST, REUSE, AGAIN, STEPS };

static const char *const steps[] = {
	"guard", "first touch", "reuse", "touch after MADV_DONTNEED",
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void touch(char *map)
{
	for (size_t i = 1; i <= STACKS; i++)
		*(volatile char *)(map + i * SLOT - PAGE) = 1;
}

static void keep_least(double *least, double begun)
{
	double took = (now() - begun) / STACKS;

	if (!*least || took < *least)
		*least = took;
}

static void measure(int fd, double *least)
{
	int flags = MAP_PRIVATE | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0);
	char *map = mmap(NULL, STACKS * SLOT, PROT_READ | PROT_WRITE, flags, fd,
			 fd < 0 ? 0 : GT_MMAP_ARENA);
	double begun;

	if (map == MAP_FAILED)
		die("mmap");
	madvise(map, STACKS * SLOT, MADV_NOHUGEPAGE);
	begun = now();
	for (size_t i = 0; fd < 0 && i < STACKS; i++)
		if (mprotect(map + i * SLOT, GUARD, PROT_NONE))
			die("mprotect");
	keep_least(&least[GUARDS], begun);
	begun = now();
	touch(map);
	keep_least(&least[FIRST], begun);
	begun = now();
	touch(map);
	keep_least(&least[REUSE], begun);
	madvise(map, STACKS * SLOT, MADV_DONTNEED);
	begun = now();
	touch(map);
	keep_least(&least[AGAIN], begun);
	munmap(map, STACKS * SLOT);
}

int main(void)
{
	struct gt_group_setup group = { .size = sizeof(group), .workers = 1 };
	struct gt_arena_setup arena = {
		.size = sizeof(arena), .slots = STACKS, .slot_size = SLOT, .guard_size = GUARD,
	};
	double anonymous[STEPS] = { 0 }, ours[STEPS] = { 0 };
	int fd = open("/dev/gt", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("/dev/gt");
	if (ioctl(fd, GT_IOC_GROUP_SETUP, &group) || ioctl(fd, GT_IOC_ARENA_SETUP, &arena))
		die("the arena of /dev/gt");
	for (int i = 0; i < ROUNDS; i++) {
		measure(-1, anonymous);
		measure(fd, ours);
	}
	printf("%-28s %12s %12s %8s\n", "ns a stack", "anonymous", "arena", "ratio");
	for (int i = 0; i < STEPS; i++)
		printf("%-28s %12.1f %12.1f %8.2f\n", steps[i], anonymous[i], ours[i],
		       ours[i] / anonymous[i]);
	printf("%-28s %12.1f %12.1f %8.2f\n", "guard and first touch", anonymous[GUARDS] +
	       anonymous[FIRST], ours[GUARDS] + ours[FIRST],
	       (ours[GUARDS] + ours[FIRST]) / (anonymous[GUARDS] + anonymous[FIRST]));
	return 0;
}
