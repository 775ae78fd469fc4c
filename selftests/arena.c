// SPDX-License-Identifier: GPL-2.0
/*
 * GT_IOC_ARENA_SETUP and GT_MMAP_ARENA: a million guarded stacks in one mapping,
 * what their guards do, and that all other memory of them is like anonymous memory.
 *
 * The memory cgroup is seen where cgroup v2 has its controller, as root.
 */
#include "gt_test.h"

#include <setjmp.h>
#include <sys/stat.h>

#define PAGE		4096UL
#define SLOT		(4 * PAGE)
#define GUARD		PAGE
#define LIMIT		"parameters/arena_bytes_per_user"
#define CGROUP		"/sys/fs/cgroup"
#define MB		(1UL << 20)

FIXTURE(arena) {
	int fd;
	struct gt_arena_setup arg;
};

FIXTURE_SETUP(arena)
{
	memset(self, 0, sizeof(*self));
	self->fd = gt_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, gt_setup(self->fd, 4, 0));
	self->arg = (struct gt_arena_setup){
		.size = sizeof(self->arg), .slots = 1024, .slot_size = SLOT, .guard_size = GUARD,
	};
}

FIXTURE_TEARDOWN(arena)
{
}

static int setup(int fd, struct gt_arena_setup arg)
{
	return gt_ioctl(fd, GT_IOC_ARENA_SETUP, &arg);
}

static char *map_as(int fd, size_t size, int prot, int flags)
{
	return mmap(NULL, size, prot, flags | MAP_NORESERVE, fd, GT_MMAP_ARENA);
}

static char *map(int fd, size_t size)
{
	return map_as(fd, size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

/* errno of a call that fails, or 0. */
#define ERROR_OF(call) ({ errno = 0; (long)(call) == -1 ? errno : 0; })

/* Does an access to the address raise SIGSEGV, and say where? */

static sigjmp_buf fault_jump;
static volatile uintptr_t fault_address;
static volatile int fault_code;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	fault_address = (uintptr_t)info->si_addr;
	fault_code = info->si_code;
	siglongjmp(fault_jump, 1);
}

static bool faults(char *address, bool write)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, old;
	bool fault;

	sigaction(SIGSEGV, &action, &old);
	fault_address = 0;
	fault = sigsetjmp(fault_jump, 1);
	if (!fault) {
		if (write)
			*(volatile char *)address = 1;
		else
			*(volatile char *)address;
	}
	sigaction(SIGSEGV, &old, NULL);
	return fault && fault_address == (uintptr_t)address && fault_code == SEGV_MAPERR;
}

/* Its first and last byte, by the program and by the kernel, for it. */
static bool guarded(char *slot)
{
	char *ends[] = { slot, slot + GUARD - 1 };
	int fds[2];
	bool good = !pipe(fds);
	unsigned int i;

	for (i = 0; good && i < 2; i++) {
		good = faults(ends[i], false) && faults(ends[i], true) &&
		       ERROR_OF(write(fds[1], ends[i], 1)) == EFAULT &&
		       write(fds[1], "x", 1) == 1 && ERROR_OF(read(fds[0], ends[i], 1)) == EFAULT;
	}
	close(fds[0]);
	close(fds[1]);
	return good;
}

/* Lines of a file in /proc/self that name the device. */
static unsigned int mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned int count = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, GT_TEST_DEVICE) != NULL;
	if (file)
		fclose(file);
	return count;
}

GT_TEST(arena, bad_values)
{
	struct gt_arena_setup good = self->arg, bad;

	bad = good, bad.slots = 0;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));
	bad = good, bad.slots = ~0ULL;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));
	/* Multiplied it would be small. */
	bad = good, bad.slots = 1ULL << 63;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));
	bad = good, bad.slot_size = 0;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));
	bad = good, bad.slot_size = SLOT + 8;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));
	bad = good, bad.guard_size = 0;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));
	bad = good, bad.guard_size = 8;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));
	bad = good, bad.guard_size = SLOT;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));
	bad = good, bad.flags = 1;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));
	bad = good, bad.reserved[1] = 1;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));
	bad = good, bad.size--;
	EXPECT_EQ(-EINVAL, setup(self->fd, bad));

	/* None of them has set up anything. */
	EXPECT_EQ(MAP_FAILED, map(self->fd, SLOT));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(0, setup(self->fd, good));
	EXPECT_EQ(-EBUSY, setup(self->fd, good));
}

GT_TEST(arena, bad_mappings)
{
	const int rw = PROT_READ | PROT_WRITE;
	char *whole;
	int fd;

	ASSERT_EQ(0, setup(self->fd, self->arg));
	EXPECT_EQ(EINVAL, ERROR_OF(map_as(self->fd, SLOT, rw, MAP_SHARED)));
	EXPECT_EQ(EACCES, ERROR_OF(map_as(self->fd, SLOT, PROT_READ, MAP_PRIVATE)));
	EXPECT_EQ(EACCES, ERROR_OF(map_as(self->fd, SLOT, PROT_NONE, MAP_PRIVATE)));
	EXPECT_EQ(EACCES, ERROR_OF(map_as(self->fd, SLOT, rw | PROT_EXEC, MAP_PRIVATE)));
	EXPECT_EQ(EINVAL, ERROR_OF(map(self->fd, SLOT - PAGE)));
	EXPECT_EQ(EINVAL, ERROR_OF(mmap(NULL, SLOT, rw, MAP_PRIVATE, self->fd,
					GT_MMAP_ARENA + SLOT)));
	EXPECT_EQ(ENOSPC, ERROR_OF(map(self->fd, 1025 * SLOT)));

	/* What is unmapped can be mapped again, and no more than there is. */
	whole = map(self->fd, 1023 * SLOT);
	ASSERT_NE(MAP_FAILED, whole);
	EXPECT_EQ(ENOSPC, ERROR_OF(map(self->fd, 2 * SLOT)));
	EXPECT_NE(MAP_FAILED, map(self->fd, SLOT));
	EXPECT_EQ(ENOSPC, ERROR_OF(map(self->fd, SLOT)));
	EXPECT_EQ(0, munmap(whole, 1023 * SLOT));
	EXPECT_NE(MAP_FAILED, map(self->fd, 1023 * SLOT));

	/* A descriptor that cannot write is as good for a private mapping, not a shared. */
	fd = open(GT_TEST_DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, gt_setup(fd, 1, 0));
	ASSERT_EQ(0, setup(fd, self->arg));
	EXPECT_NE(0, ERROR_OF(map_as(fd, SLOT, rw, MAP_SHARED)));
	EXPECT_NE(0, ERROR_OF(map_as(fd, SLOT, PROT_READ, MAP_SHARED)));
	EXPECT_EQ(0, ERROR_OF(map(fd, SLOT)));
}

/* One in sixteen is used, or else an emulated machine takes minutes. */
GT_TEST(arena, a_million_in_one_mapping)
{
	const size_t slots = 1000000, step = 16;
	size_t i, wrong = 0;
	char *low;

	self->arg.slots = slots;
	ASSERT_EQ(0, setup(self->fd, self->arg));
	low = map(self->fd, slots * SLOT);
	ASSERT_NE(MAP_FAILED, low);
	for (i = 0; i < slots; i += step)
		*(volatile size_t *)(low + i * SLOT + SLOT - PAGE) = i + 1;
	EXPECT_EQ(1, mappings());
	for (i = 0; i < slots; i += step)
		wrong += *(volatile size_t *)(low + i * SLOT + SLOT - PAGE) != i + 1;
	EXPECT_EQ(0, wrong);
	for (i = 0; i < slots; i += i ? 99999 : 1)
		EXPECT_TRUE(guarded(low + i * SLOT));
	EXPECT_TRUE(guarded(low + (slots - 1) * SLOT));
	EXPECT_EQ(1, mappings());
}

GT_TEST(arena, guards)
{
	char *low, *other;

	self->arg.guard_size = GUARD;
	ASSERT_EQ(0, setup(self->fd, self->arg));
	low = map(self->fd, 3 * SLOT);
	other = map(self->fd, 2 * SLOT);
	ASSERT_NE(MAP_FAILED, low);
	ASSERT_NE(MAP_FAILED, other);
	/* Whether its neighbours are in use or not. */
	EXPECT_TRUE(guarded(low + SLOT));
	memset(low + GUARD, 1, SLOT - GUARD);
	memset(low + SLOT + GUARD, 2, SLOT - GUARD);
	EXPECT_TRUE(guarded(low));
	EXPECT_TRUE(guarded(low + SLOT));
	EXPECT_TRUE(guarded(low + 2 * SLOT));
	EXPECT_TRUE(guarded(other));
	EXPECT_TRUE(guarded(other + SLOT));
	EXPECT_EQ(0, madvise(low, 3 * SLOT, MADV_DONTNEED));
	EXPECT_TRUE(guarded(low + SLOT));
	/* Neither are they filled in advance. */
	EXPECT_NE(0, ERROR_OF(madvise(low, SLOT, 23 /* MADV_POPULATE_WRITE */)));
	EXPECT_EQ(0, ERROR_OF(madvise(low + GUARD, SLOT - GUARD, 23)));
	EXPECT_TRUE(guarded(low));
}

GT_TEST(arena, larger_guards)
{
	char *low;

	self->arg.guard_size = 3 * PAGE;
	ASSERT_EQ(0, setup(self->fd, self->arg));
	low = map(self->fd, 2 * SLOT);
	ASSERT_NE(MAP_FAILED, low);
	EXPECT_TRUE(guarded(low + SLOT));
	EXPECT_TRUE(guarded(low + SLOT + 2 * PAGE));
	EXPECT_FALSE(faults(low + SLOT + 3 * PAGE, true));
}

/* Pages that were read first, that were not, and that were given back. */
GT_TEST(arena, zero_at_first_and_again)
{
	char *low, *page;
	int i;

	ASSERT_EQ(0, setup(self->fd, self->arg));
	low = map(self->fd, 64 * SLOT);
	ASSERT_NE(MAP_FAILED, low);
	for (i = 0; i < 64; i++) {
		page = low + i * SLOT + GUARD;
		if (i % 2)
			EXPECT_EQ(0, page[7]);
		page[7] = 42;
		EXPECT_EQ(42, page[7]);
		EXPECT_EQ(0, page[PAGE - 1]);
		EXPECT_EQ(0, page[PAGE + 7]);
		EXPECT_EQ(0, page[2 * PAGE + 7]);
	}
	for (i = 0; i < 64; i++)
		EXPECT_EQ(42, low[i * SLOT + GUARD + 7]);
	ASSERT_EQ(0, madvise(low + SLOT, SLOT, MADV_DONTNEED));
	EXPECT_EQ(42, low[GUARD + 7]);
	EXPECT_EQ(0, low[SLOT + GUARD + 7]);
	EXPECT_EQ(42, low[2 * SLOT + GUARD + 7]);
	low[SLOT + GUARD + 7] = 43;
	EXPECT_EQ(43, low[SLOT + GUARD + 7]);
}

GT_TEST(arena, stays_as_it_is_made)
{
	const size_t size = 4 * SLOT;
	char *low, *slot;

	ASSERT_EQ(0, setup(self->fd, self->arg));
	low = map(self->fd, size);
	ASSERT_NE(MAP_FAILED, low);
	slot = low + SLOT;
	memset(slot + GUARD, 1, SLOT - GUARD);

	EXPECT_EQ(EINVAL, ERROR_OF(munmap(slot, SLOT)));
	EXPECT_EQ(EINVAL, ERROR_OF(munmap(low, SLOT)));
	EXPECT_EQ(EINVAL, ERROR_OF(munmap(low + 3 * SLOT, SLOT)));
	EXPECT_EQ(EINVAL, ERROR_OF(mprotect(slot, SLOT, PROT_READ)));
	EXPECT_EQ(EINVAL, ERROR_OF(mprotect(low, size, PROT_READ)));
	EXPECT_EQ(EINVAL, ERROR_OF(mprotect(low, size, PROT_NONE)));
	EXPECT_EQ(EACCES, ERROR_OF(mprotect(low, size, PROT_READ | PROT_EXEC)));
	EXPECT_EQ(EINVAL, ERROR_OF(mremap(low, size, size - SLOT, 0)));
	EXPECT_EQ(EFAULT, ERROR_OF(mremap(low, size, size + SLOT, MREMAP_MAYMOVE)));
	EXPECT_EQ(EINVAL, ERROR_OF(mremap(low, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
					  low + (1UL << 30))));
	EXPECT_EQ(EINVAL, ERROR_OF(mremap(slot, SLOT, SLOT, MREMAP_MAYMOVE | MREMAP_FIXED,
					  low + (1UL << 30))));
	EXPECT_EQ(EINVAL, ERROR_OF(madvise(slot, SLOT, MADV_DONTFORK)));

	EXPECT_EQ(1, mappings());
	EXPECT_EQ(1, slot[GUARD]);
	EXPECT_TRUE(guarded(low));
	EXPECT_TRUE(guarded(slot));
	/* What the failures did is undone: all of the rest can be had, and no more. */
	EXPECT_EQ(ENOSPC, ERROR_OF(map(self->fd, (1024 - 3) * SLOT)));
	EXPECT_EQ(0, ERROR_OF(map(self->fd, (1024 - 4) * SLOT)));
	EXPECT_EQ(0, ERROR_OF(munmap(low, size)));
	EXPECT_EQ(1, mappings());
}

#define CHECK(condition) do { if (!(condition)) return __LINE__ & 0xff; } while (0)

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int check_child(int fd, char *low, struct gt_arena_setup arg)
{
	char *slot = low + SLOT;

	CHECK(slot[GUARD] == 1 && slot[SLOT - 1] == 1);
	slot[GUARD] = 2;
	CHECK(slot[GUARD] == 2);
	CHECK(guarded(low) && guarded(slot) && guarded(slot + SLOT));
	CHECK(!low[GUARD]);
	low[GUARD] = 3;
	CHECK(!madvise(slot, SLOT, MADV_DONTNEED));
	CHECK(!slot[GUARD]);
	CHECK(setup(fd, arg) == -EPERM);
	CHECK(ERROR_OF(map(fd, SLOT)) == EPERM);
	/* With the last descriptor gone. */
	close(fd);
	CHECK(guarded(slot));
	CHECK(!munmap(low, 4 * SLOT));
	return 0;
}

GT_TEST(arena, fork_copies)
{
	char *low, *slot;
	pid_t pid;

	ASSERT_EQ(0, setup(self->fd, self->arg));
	low = map(self->fd, 4 * SLOT);
	ASSERT_NE(MAP_FAILED, low);
	slot = low + SLOT;
	memset(slot + GUARD, 1, SLOT - GUARD);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(check_child(self->fd, low, self->arg));
	EXPECT_EQ(0, status_of(pid));
	EXPECT_EQ(1, slot[GUARD]);
	EXPECT_EQ(1, slot[SLOT - 1]);
	EXPECT_EQ(0, low[GUARD]);
	slot[GUARD] = 4;
	EXPECT_EQ(4, slot[GUARD]);
	/* The child's mapping was none of ours. */
	EXPECT_EQ(0, ERROR_OF(map(self->fd, 1020 * SLOT)));
	EXPECT_EQ(ENOSPC, ERROR_OF(map(self->fd, SLOT)));
}

/* A child whose parent has gone, and with it the group's address space. */
GT_TEST(arena, child_outlives_its_parent)
{
	int fds[2];
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = gt_open();
		char *low;

		if (gt_setup(fd, 1, 0) || setup(fd, self->arg) || (low = map(fd, SLOT)) == MAP_FAILED)
			_exit(1);
		low[GUARD] = 1;
		pid = getpid();
		if (fork())
			_exit(0);
		close(fd);
		if (!gt_until(getppid() != pid))
			_exit(2);
		byte = guarded(low) && low[GUARD] == 1 ? 'y' : 'n';
		if (write(fds[1], &byte, 1) != 1)
			_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, status_of(pid));
	close(fds[1]);
	ASSERT_EQ(1, read(fds[0], &byte, 1));
	EXPECT_EQ('y', byte);
}

#define THREADS	4
#define ROUNDS	2

struct faulter {
	pthread_t thread;
	char *low;
	unsigned int number, wrong;
};

/* Every THREADSth stack is this thread's. */
static void *fault_many(void *arg)
{
	struct faulter *self = arg;
	unsigned int round, i;

	for (round = 1; round <= ROUNDS; round++) {
		for (i = self->number; i < 1024; i += THREADS) {
			volatile long *word = (long *)(self->low + i * SLOT + GUARD);

			self->wrong += *word != 0;
			*word = i * round;
		}
		for (i = self->number; i < 1024; i += THREADS) {
			char *slot = self->low + i * SLOT;

			self->wrong += *(volatile long *)(slot + GUARD) != i * round;
			self->wrong += madvise(slot, SLOT, MADV_DONTNEED) != 0;
		}
	}
	return NULL;
}

GT_TEST(arena, threads_fault_at_once)
{
	struct faulter faulter[THREADS];
	char *low;
	int i;

	ASSERT_EQ(0, setup(self->fd, self->arg));
	low = map(self->fd, 1024 * SLOT);
	ASSERT_NE(MAP_FAILED, low);
	for (i = 0; i < THREADS; i++) {
		faulter[i] = (struct faulter){ .low = low, .number = i };
		ASSERT_EQ(0, pthread_create(&faulter[i].thread, NULL, fault_many, &faulter[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(faulter[i].thread, NULL));
		EXPECT_EQ(0, faulter[i].wrong);
	}
}

/* ---------------------------------------------------------- cgroup and limits */

static long number_in(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	char word[64] = "";
	long number = -1;

	while (file && *key && fscanf(file, "%63s", word) == 1 && strcmp(word, key))
		;
	if (file && fscanf(file, "%ld", &number) != 1)
		number = -1;
	if (file)
		fclose(file);
	return number;
}

#define GROUP	CGROUP "/gt-arena-test"

static bool group_make(void)
{
	gt_file_write(CGROUP "/cgroup.subtree_control", "+memory");
	rmdir(GROUP);
	return !mkdir(GROUP, 0755) && !access(GROUP "/memory.max", F_OK);
}

/* In the group: stand on this many bytes of stacks, then say so and wait for the end. */
static void stand_on(size_t size, int ready)
{
	struct gt_arena_setup arg = {
		.size = sizeof(arg), .slots = size / (SLOT - GUARD) + 1, .slot_size = SLOT,
		.guard_size = GUARD,
	};
	int fd = gt_open();
	size_t i;
	char *low;

	if (gt_file_write(GROUP "/cgroup.procs", "0") || gt_setup(fd, 1, 0) || setup(fd, arg))
		_exit(1);
	low = map(fd, arg.slots * SLOT);
	if (low == MAP_FAILED)
		_exit(2);
	for (i = 0; i < arg.slots; i++)
		memset(low + i * SLOT + GUARD, 1, SLOT - GUARD);
	if (write(ready, "x", 1) != 1)
		_exit(3);
	for (;;)
		pause();
}

GT_TEST(arena, memory_is_charged_and_kill_frees_it)
{
	const size_t size = 24 * MB;
	int fds[2];
	char byte;
	pid_t pid;

	if (geteuid() || !group_make())
		SKIP(return, "no memory controller in " CGROUP);
	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		stand_on(size, fds[1]);
	close(fds[1]);
	ASSERT_EQ(1, read(fds[0], &byte, 1));
	EXPECT_LE(size, number_in(GROUP "/memory.current", ""));
	EXPECT_LE(size, number_in(GROUP "/memory.stat", "anon"));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, status_of(pid));
	EXPECT_TRUE(gt_until(number_in(GROUP "/memory.stat", "anon") < (long)MB));
	EXPECT_TRUE(gt_until(number_in(GROUP "/memory.current", "") < (long)(4 * MB)));
	EXPECT_TRUE(gt_until(!rmdir(GROUP)));
}

GT_TEST(arena, no_more_than_the_cgroup_allows)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (geteuid() || !group_make())
		SKIP(return, "no memory controller in " CGROUP);
	ASSERT_EQ(0, gt_file_write(GROUP "/memory.max", "16M"));
	gt_file_write(GROUP "/memory.swap.max", "0");
	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		stand_on(64 * MB, fds[1]);
	close(fds[1]);
	EXPECT_EQ(0, read(fds[0], &byte, 1));
	EXPECT_EQ(-SIGKILL, status_of(pid));
	EXPECT_LE(1, number_in(GROUP "/memory.events", "oom_kill"));
	EXPECT_TRUE(gt_until(!rmdir(GROUP)));
}

static int try_arena(uint64_t slots, int *file)
{
	struct gt_arena_setup arg = {
		.size = sizeof(arg), .slots = slots, .slot_size = SLOT, .guard_size = GUARD,
	};
	int fd = gt_open(), err;

	if (fd < 0)
		return fd;
	err = gt_setup(fd, 1, 0);
	if (!err)
		err = setup(fd, arg);
	if (err || !file)
		close(fd);
	else
		*file = fd;
	return err;
}

static int check_limit(int ready)
{
	char *low;
	int fd[2];

	CHECK(!setresuid(54323, 54323, 54323));
	CHECK(try_arena(11, NULL) == -EDQUOT);
	CHECK(try_arena(1ULL << 31, NULL) == -EDQUOT);
	CHECK(!try_arena(6, &fd[0]));
	CHECK(try_arena(5, NULL) == -EDQUOT);
	CHECK(!try_arena(4, &fd[1]));
	CHECK(try_arena(1, NULL) == -EDQUOT);
	/* A mapping holds it. */
	low = map(fd[0], SLOT);
	CHECK(low != MAP_FAILED);
	close(fd[0]);
	CHECK(try_arena(1, NULL) == -EDQUOT);
	CHECK(!munmap(low, SLOT));
	CHECK(!try_arena(6, &fd[0]));
	CHECK(map(fd[0], SLOT) != MAP_FAILED);
	CHECK(write(ready, "x", 1) == 1);
	pause();
	return 0;
}

/* Counted for the user, and given back by a kill as well. */
GT_TEST(arena, limit_of_a_user)
{
	long limit = gt_module_number(LIMIT);
	int round;

	if (geteuid())
		SKIP(return, "not root: the limit cannot be set");
	ASSERT_LT(0, limit);
	ASSERT_EQ(0, gt_module_set(LIMIT, 10 * SLOT));
	for (round = 0; round < 2; round++) {
		int fds[2], status;
		char byte;
		pid_t pid;

		ASSERT_EQ(0, pipe(fds));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(check_limit(fds[1]));
		close(fds[1]);
		if (read(fds[0], &byte, 1) == 1)
			kill(pid, SIGKILL);
		status = status_of(pid);
		EXPECT_EQ(-SIGKILL, status);
		close(fds[0]);
	}
	EXPECT_EQ(0, gt_module_set(LIMIT, limit));
}

TEST_HARNESS_MAIN
