// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings, faults in them, and fork, when there is no memory for that: they say so if, and
 * where, they would of other memory. And none is lost for good. See gt_fail.h.
 */
#include "gt_fail.h"

FIXTURE(fail_memory) {
	struct gt_fail before;
};

FIXTURE_SETUP(fail_memory)
{
	ASSERT_TRUE(gt_fail_begin(&self->before));
}

FIXTURE_TEARDOWN(fail_memory)
{
	EXPECT_TRUE(gt_fail_end(&self->before));
}

static char *mapped;

static int map_as(off_t offset, size_t size, int prot, int flags)
{
	mapped = mmap(NULL, size, prot, flags, group.fd, offset);
	return mapped == MAP_FAILED ? -errno : 0;
}

static int call_map_status(void)
{
	return map_as(GT_MMAP_STATUS, PAGE, PROT_READ, MAP_SHARED);
}

static int call_map_user(void)
{
	return map_as(GT_MMAP_USER, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static int undo_map(void)
{
	return munmap(mapped, PAGE) ? -errno : 0;
}

/* All that there is: so a mapping that failed counts for nothing. */
static int call_map_arena(void)
{
	return map_as(GT_MMAP_ARENA, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
}

static int undo_map_arena(void)
{
	return munmap(mapped, ARENA_SIZE) ? -errno : 0;
}

static int call_map_anonymous(void)
{
	mapped = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_NORESERVE | MAP_ANONYMOUS, -1, 0);
	return mapped == MAP_FAILED ? -errno : 0;
}

/* By the process itself it never fails: the kernel tries again. */
static int touch_read(void)
{
	return *(volatile char *)(mapped + GUARD) ? -EPROTO : 0;
}

static int touch_write(void)
{
	volatile char *page = mapped + GUARD;

	if (page[1])
		return -EPROTO;
	page[0] = 5;
	return page[0] == 5 ? 0 : -EPROTO;
}

static int touch_read_area(void)
{
	return *(volatile uint32_t *)mapped == ~0U ? -EPROTO : 0;
}

static int touch_write_area(void)
{
	*(volatile uint32_t *)mapped = 0;
	return 0;
}

/* By the kernel, on behalf of it: a file of sixteen bytes. */
static int file_fd;

static int touch_by_read(void)
{
	ssize_t size = pread(file_fd, mapped + GUARD, 16, 0);

	return size == 16 ? 0 : size < 0 ? -errno : -EFAULT;
}

static int touch_by_write(void)
{
	ssize_t size = pwrite(file_fd, mapped + GUARD, 16, 0);

	return size == 16 ? 0 : size < 0 ? -errno : -EFAULT;
}

/* A child, in which the stacks are what they are here. */
static int call_fork(void)
{
	volatile char *page = mapped + GUARD;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		bool good = page[0] == 5;

		page[0] = 6;
		_exit(!good || page[0] != 6);
	}
	waitpid(pid, &status, 0);
	return status || page[0] != 5 ? -EPROTO : 0;
}

static int prepare_fork(void)
{
	int err = call_map_arena();

	return err ? err : touch_write();
}

static const struct step map_steps[] = {
	{ "map status", call_map_status, .undo = undo_map, .least = 1 },
	{ "map user", call_map_user, .undo = undo_map, .least = 1 },
	{ "map arena", call_map_arena, .undo = undo_map_arena, .least = 1 },
	{ "read status", touch_read_area, call_map_status, .undo = undo_map, .errors = { NEVER } },
	{ "read user", touch_read_area, call_map_user, .undo = undo_map, .errors = { NEVER } },
	{ "write user", touch_write_area, call_map_user, .undo = undo_map, .errors = { NEVER } },
	{ "fork", call_fork, prepare_fork, .undo = undo_map_arena,
	  .errors = { ENOMEM, EAGAIN }, .least = 10 },
};

#define TOUCHES(what) { \
		{ "read " #what, touch_read, call_map_##what, .undo = undo_map_arena, \
		  .errors = { NEVER } }, \
		{ "write " #what, touch_write, call_map_##what, .undo = undo_map_arena, \
		  .errors = { NEVER } }, \
		{ "read() into " #what, touch_by_read, call_map_##what, .undo = undo_map_arena, \
		  .errors = { EFAULT } }, \
		{ "write() from " #what, touch_by_write, call_map_##what, \
		  .undo = undo_map_arena }, \
	}

GT_TEST(fail_memory, memory)
{
	static const struct step ours[] = TOUCHES(arena), theirs[] = TOUCHES(anonymous);
	unsigned int i;

	GT_TEST_GROUP_OPEN(&group, WORKERS, 0);
	ASSERT_EQ(0, call_arena());
	EXPECT_SWEEP(map_steps);
	/* A failure in the midst of a fault is told whom it is told of other memory. */
	file_fd = memfd_create("fail", MFD_CLOEXEC);
	ASSERT_EQ(16, write(file_fd, "sixteen letters", 16));
	for (i = 0; i < ARRAY_SIZE(ours); i++) {
		int told = sweep(&theirs[i]);

		EXPECT_LE(0, told);
		EXPECT_EQ(told > 0, sweep(&ours[i]) > 0) {
			TH_LOG("%s", ours[i].name);
		}
	}
	gt_group_close(&group);
}

/* ------------------------------------------------------------- is memory lost? ---- */

/*
 * A life of a group, in which the n-th thing fails, and whatever can goes on. False if it
 * has no n-th.
 */
static bool live(unsigned int n)
{
	void *maps[3] = { MAP_FAILED, MAP_FAILED, MAP_FAILED };
	bool failed;
	int fd;

	fail_nth(n);
	fd = gt_open();
	group.fd = fd;
	if (fd >= 0) {
		gt_setup(fd, WORKERS, 0);
		maps[0] = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, GT_MMAP_STATUS);
		maps[1] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, GT_MMAP_USER);
		gt_attach(fd);
		call_upcall();
		call_upcall();
		gt_preempt(fd, 0, 0);
		call_arena();
		maps[2] = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
			       fd, GT_MMAP_ARENA);
		if (maps[2] != MAP_FAILED)
			((volatile char *)maps[2])[GUARD] = 1;
		gt_detach(fd);
	}
	failed = has_failed();
	gt_detach(fd);
	close(fd);
	munmap(maps[0], maps[0] == MAP_FAILED ? 0 : PAGE);
	munmap(maps[1], maps[1] == MAP_FAILED ? 0 : PAGE);
	munmap(maps[2], maps[2] == MAP_FAILED ? 0 : ARENA_SIZE);
	return failed;
}

#define SLABS	"/sys/kernel/slab"

/* Those of what is not a page: text ranges; arenas, groups and workers. */
static struct {
	const char *name;
	long objects;
} slabs[] = {
	{ "kmalloc-256", 0 },
	{ "kmalloc-cg-64", 0 }, { "kmalloc-cg-512", 0 }, { "kmalloc-cg-1k", 0 },
	{ "kmalloc-cg-2k", 0 },
};

static long slab_objects(const char *name)
{
	char path[96];
	long objects = -1;
	FILE *file;

	/* What has been freed is in quarantine, under KASAN, until then. */
	snprintf(path, sizeof(path), SLABS "/%s/shrink", name);
	if (gt_file_write(path, "1"))
		return -1;
	snprintf(path, sizeof(path), SLABS "/%s/objects", name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%ld", &objects) != 1)
		objects = -1;
	if (file)
		fclose(file);
	return objects;
}

static bool slabs_look(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slabs); i++) {
		slabs[i].objects = slab_objects(slabs[i].name);
		if (slabs[i].objects < 0)
			return false;
	}
	return true;
}

/* How much the one has grown that has grown most. */
static long slabs_grown(const char **name)
{
	long most = 0, grown;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slabs); i++) {
		grown = slab_objects(slabs[i].name) - slabs[i].objects;
		if (grown > most) {
			most = grown;
			*name = slabs[i].name;
		}
	}
	return most;
}

/* In bytes, of the control group. */
static long kernel_memory(void)
{
	FILE *file = fopen(LIMITED "/memory.stat", "r");
	long value, found = -1;
	char name[64];

	while (file && fscanf(file, "%63s %ld", name, &value) == 2) {
		if (!strcmp(name, "kernel"))
			found = value;
	}
	if (file)
		fclose(file);
	return found;
}

GT_TEST(fail_memory, leaks)
{
	unsigned int i, n, points, rounds = 32 * gt_test_scale();
	const char *name = "";
	long before, grown = 0;

	if (!limited_enter("+memory") || kernel_memory() < 0 || !slabs_look()) {
		ASSERT_EQ(NULL, getenv("GT_TEST_FAULTS"));
		SKIP(return, "no memory controller in " CGROUP ", or no " SLABS);
	}
	for (points = 1; live(points); points++)
		;
	before = kernel_memory();
	slabs_look();
	for (n = 1; n < points; n++) {
		for (i = 0; i < rounds; i++)
			live(n);
	}
	fprintf(stderr, "# %u lives, each with one of %u failures\n", rounds * (points - 1),
		points - 1);
	/* Of one that is lost each round there would be @rounds. RCU takes a moment to free. */
	EXPECT_TRUE(gt_until((grown = slabs_grown(&name)) < (long)rounds / 2)) {
		TH_LOG("%ld more objects in %s", grown, name);
	}
	EXPECT_TRUE(gt_until((grown = kernel_memory() - before) < (long)rounds * PAGE / 2)) {
		TH_LOG("%ld bytes more than before", grown);
	}
	EXPECT_TRUE(limited_leave());
}

TEST_HARNESS_MAIN
