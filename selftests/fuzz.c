// SPDX-License-Identifier: GPL-2.0
/*
 * Structured random calls from an unprivileged user. Several processes at a time, each
 * with several threads that share files and mappings without a lock: all commands with
 * sensible and with wild arguments, mappings made, changed, touched and removed, blocks,
 * signals, upcalls, forks and execs. Processes are killed at any time and replaced.
 *
 * What must hold is that the kernel survives, that no command ends with an errno that the
 * ABI does not know, and that nothing is left in the end: the module has no users, and
 * the user who fuzzed can have as many groups and slots as ever.
 *
 * A call is one command, memory call or the like. Options, by the environment:
 *
 *   GT_TEST_SEED	the choices, not the timing, of a run are those of its seed, which
 *			each run prints
 *   GT_FUZZ_CALLS	how many calls (20000)
 *   GT_FUZZ_SECONDS	for how long at most (120; 0: without a limit)
 *
 * The same interface is described for syzkaller in gt.syzlang.
 */
#include "gt_upcall.h"

#include <poll.h>
#include <sys/uio.h>

#define NOBODY		65534
#define PROCESSES	3
#define THREADS		4
#define WORKERS		6
#define FILES		4
#define MAPS		6
#define PAGE		4096
/* Where mappings are made: nothing else comes to lie there when they go. */
#define MAP_BASE	((char *)(1ULL << 40))
#define MAP_ROOM	(16 * PAGE)
/* Calls of one process, by all of its threads, until it is replaced. */
#define LIFE		2000
#define MAX_ERRNO	134

/* Shared by all processes. */
struct shared {
	unsigned long calls;		/* begun */
	unsigned long commands;		/* of those, ioctl() */
	unsigned long results[MAX_ERRNO];	/* of those, by errno */
	unsigned long upcalls;
	unsigned int errors;		/* undocumented results */
};

static struct shared *shared;
static unsigned long calls_max;

/* Shared by the threads of a process, on purpose without a lock. */
static volatile int files[FILES];
static char *bad_memory;
static int null_pipe[2];

struct thread {
	pthread_t thread;
	uint64_t random;
	volatile bool running;
	unsigned int home;	/* the file that it attached itself to last */
	uint32_t slots[WORKERS];
	struct gt_text_range ranges[2];
	char *stack;
};

static struct thread threads[THREADS];

static uint64_t random_next(uint64_t *state)
{
	/* xorshift64* */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

static unsigned int random_below(uint64_t *state, unsigned int bound)
{
	return (random_next(state) >> 33) % bound;
}

static bool one_in(uint64_t *state, unsigned int n)
{
	return !random_below(state, n);
}

static const uint64_t interesting[] = {
	0, 1, 2, 7, 8, 15, 16, 24, 31, 32, 40, 64, 100, 4095, 4096, 4097, 1U << 16, 1U << 30,
	1U << 31, ~0U, ~0U - 1, 1ULL << 32, 1ULL << 47, ~0ULL >> 1, ~0ULL,
};

static uint64_t wild(uint64_t *random)
{
	return one_in(random, 3) ? random_next(random) :
				   interesting[random_below(random, ARRAY_SIZE(interesting))];
}

static char *random_map(uint64_t *random)
{
	return MAP_BASE + random_below(random, MAPS) * MAP_ROOM;
}

/* ---------------------------------------------------------------- commands ---- */

union argument {
	uint32_t size;
	struct gt_info info;
	struct gt_group_setup setup;
	struct gt_worker_attach attach;
	struct gt_worker_detach detach;
	struct gt_worker_park park;
	struct gt_worker_wake wake;
	struct gt_worker_swap swap;
	struct gt_worker_upcall upcall;
	struct gt_worker_preempt preempt;
	struct gt_worker_slice slice;
	struct gt_group_limit limit;
	struct gt_arena_setup arena;
	uint32_t words[32];
};

static uint64_t random_deadline(uint64_t *random)
{
	switch (random_below(random, 10)) {
	case 0:
		return random_next(random);
	case 1:
		return GT_DEADLINE_NONE;
	case 2:
	case 3:
	case 4:
	case 5:
		return 0;
	default:
		return gt_now() + random_below(random, 200000);
	}
}

static void fill_nothing(struct thread *self, union argument *arg)
{
}

static void fill_setup(struct thread *self, union argument *arg)
{
	arg->setup.workers = 1 + random_below(&self->random, WORKERS);
	arg->setup.grace_ns = random_below(&self->random, 2) * random_below(&self->random, 50000);
}

static void fill_park(struct thread *self, union argument *arg)
{
	arg->park.deadline_ns = random_deadline(&self->random);
}

/* The lowest are the likeliest to be taken. */
static uint32_t random_slot(struct thread *self)
{
	return random_below(&self->random, one_in(&self->random, 8) ? WORKERS + 1 : 2);
}

static void fill_swap(struct thread *self, union argument *arg)
{
	arg->swap.slot = one_in(&self->random, 8) ? GT_SLOT_NONE : random_slot(self);
	arg->swap.deadline_ns = random_deadline(&self->random);
}

static void fill_wake(struct thread *self, union argument *arg)
{
	unsigned int i;

	arg->wake.count = 1 + random_below(&self->random, 3);
	arg->wake.slots = (uintptr_t)self->slots;
	for (i = 0; i < WORKERS; i++)
		self->slots[i] = random_slot(self);
}

static void fill_upcall(struct thread *self, union argument *arg)
{
	struct gt_worker_upcall *upcall = &arg->upcall;

	if (one_in(&self->random, 4)) {
		upcall->signal = SIGUSR2;
		return;
	}
	upcall->entry = (uintptr_t)gt_entry;
	upcall->entry_size = gt_entry_end - gt_entry;
	upcall->stack = (uintptr_t)self->stack;
	upcall->stack_size = GT_UPCALL_STACK;
	if (one_in(&self->random, 3))
		upcall->signal = SIGUSR2;
	if (one_in(&self->random, 3)) {
		upcall->ranges = (uintptr_t)self->ranges;
		upcall->ranges_count = 1 + random_below(&self->random, 2);
		self->ranges[0] = (struct gt_text_range){ 4096, 1ULL << 40 };
		self->ranges[1] = (struct gt_text_range){ wild(&self->random), wild(&self->random) };
	}
}

static void fill_preempt(struct thread *self, union argument *arg)
{
	arg->preempt.slot = random_slot(self);
	arg->preempt.seq = random_below(&self->random, 2);
}

static void fill_slice(struct thread *self, union argument *arg)
{
	arg->slice.slice_ns = one_in(&self->random, 3) ? 0 : random_below(&self->random, 2000000);
}

static void fill_arena(struct thread *self, union argument *arg)
{
	arg->arena.slots = 1 + random_below(&self->random, 8);
	arg->arena.slot_size = PAGE * (2 + random_below(&self->random, 3));
	arg->arena.guard_size = PAGE;
}

/* Most calls go to the file whose group the thread is likely in. */
static unsigned int random_file(struct thread *self)
{
	return one_in(&self->random, 6) ? random_below(&self->random, FILES) : self->home;
}

/* The weight says how often a command is chosen. */
static const struct command {
	unsigned int number;
	unsigned int weight;
	unsigned int size;
	void (*fill)(struct thread *self, union argument *arg);
} commands[] = {
	{ GT_IOC_INFO, 1, sizeof(struct gt_info), fill_nothing },
	{ GT_IOC_GROUP_SETUP, 1, sizeof(struct gt_group_setup), fill_setup },
	{ GT_IOC_WORKER_ATTACH, 3, sizeof(struct gt_worker_attach), fill_nothing },
	{ GT_IOC_WORKER_DETACH, 1, sizeof(struct gt_worker_detach), fill_nothing },
	{ GT_IOC_WORKER_PARK, 3, sizeof(struct gt_worker_park), fill_park },
	{ GT_IOC_WORKER_STANDBY, 3, sizeof(struct gt_worker_park), fill_park },
	{ GT_IOC_WORKER_WAKE, 4, sizeof(struct gt_worker_wake), fill_wake },
	{ GT_IOC_WORKER_SWAP, 4, sizeof(struct gt_worker_swap), fill_swap },
	{ GT_IOC_WORKER_UPCALL, 3, sizeof(struct gt_worker_upcall), fill_upcall },
	{ GT_IOC_WORKER_PREEMPT, 4, sizeof(struct gt_worker_preempt), fill_preempt },
	{ GT_IOC_WORKER_SLICE, 2, sizeof(struct gt_worker_slice), fill_slice },
	{ GT_IOC_GROUP_LIMIT, 1, sizeof(struct gt_group_limit), fill_nothing },
	{ GT_IOC_ARENA_SETUP, 1, sizeof(struct gt_arena_setup), fill_arena },
};

static bool is_documented(int err)
{
	static const int known[] = {
		0, -EPERM, -ENOENT, -ESRCH, -EINTR, -ENXIO, -E2BIG, -EBADF, -ENOMEM, -EFAULT,
		-EBUSY, -EEXIST, -EINVAL, -ENOTTY, -ENOSPC, -EOPNOTSUPP, -ETIMEDOUT, -EDQUOT,
		-ESHUTDOWN,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i] == err)
			return true;
	}
	return false;
}

static const struct command *random_command(uint64_t *random)
{
	unsigned int i, sum = 0;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		sum += commands[i].weight;
	sum = random_below(random, sum);
	for (i = 0; sum >= commands[i].weight; i++)
		sum -= commands[i].weight;
	return &commands[i];
}

static void call_command(struct thread *self)
{
	const struct command *command = random_command(&self->random);
	unsigned int number = command->number;
	uint64_t *random = &self->random;
	union argument arg = { .size = command->size };
	void *address = &arg;
	unsigned int file = random_file(self), i, room;
	int err;

	command->fill(self, &arg);
	switch (random_below(random, 28)) {
	case 0:		/* one word of it is wild */
	case 1:
		arg.words[random_below(random, command->size / 4)] = wild(random);
		break;
	case 2:		/* all of them are */
		for (i = 0; i < ARRAY_SIZE(arg.words); i++)
			arg.words[i] = wild(random);
		break;
	case 3:		/* it is longer than anybody knows, or shorter */
		arg.size = wild(random);
		break;
	case 4:		/* it ends where memory does, or later */
		room = random_below(random, sizeof(arg));
		address = bad_memory + PAGE - room;
		memcpy(address, &arg, room);
		break;
	case 5:		/* it lies in an area */
		address = random_map(random);
		break;
	case 6:		/* the number is wild */
		number = one_in(random, 2) ? _IO(GT_IOC_TYPE, random_below(random, 256)) :
					     (unsigned int)random_next(random);
		break;
	}
	err = gt_ioctl(files[file], number, address);
	if (number == GT_IOC_WORKER_ATTACH && !err)
		self->home = file;
	__atomic_fetch_add(&shared->commands, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&shared->results[-err % MAX_ERRNO], 1, __ATOMIC_RELAXED);
	/* Generic ioctls have results of their own: FIOCLEX and such. */
	if (!is_documented(err) && number >> 8 == GT_IOC_TYPE) {
		fprintf(stderr, "# command %#x: %s\n", number, strerror(-err));
		__atomic_fetch_add(&shared->errors, 1, __ATOMIC_RELAXED);
	}
}

/* ------------------------------------------------------------------ memory ---- */

static void make_map(struct thread *self)
{
	uint64_t *random = &self->random;
	static const uint64_t offsets[] = { GT_MMAP_STATUS, GT_MMAP_USER, GT_MMAP_ARENA, PAGE };

	mmap(random_map(random), 1 + random_below(random, 8 * PAGE), random_below(random, 8),
	     MAP_FIXED | (one_in(random, 2) ? MAP_PRIVATE : MAP_SHARED),
	     files[random_file(self)],
	     one_in(random, 10) ? wild(random) & -PAGE :
				  offsets[random_below(random, ARRAY_SIZE(offsets))]);
}

/* Through the kernel, which says EFAULT where a load or a store would kill. */
static void touch(uint64_t *random, char *address)
{
	uint64_t value = wild(random);
	struct iovec local = { &value, 1 + random_below(random, 8) };
	struct iovec remote = { address + random_below(random, 2 * PAGE) / 8 * 8, local.iov_len };

	if (one_in(random, 3))
		process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	else
		process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
	/* As the process itself: with its page tables, and its rights. */
	if (write(null_pipe[1], remote.iov_base, 8) == 8 &&
	    read(null_pipe[0], one_in(random, 2) ? remote.iov_base : &value, 8) != 8)
		return;
}

static void call_memory(struct thread *self)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DOFORK, MADV_DONTFORK, MADV_WILLNEED, MADV_FREE,
		MADV_HUGEPAGE, MADV_MERGEABLE, MADV_REMOVE, MADV_COLD, MADV_PAGEOUT,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE,
	};
	uint64_t *random = &self->random;
	char *map = random_map(random);
	size_t size = PAGE * (1 + random_below(random, 2));

	switch (random_below(random, 12)) {
	case 0:
	case 1:
	case 2:
		make_map(self);
		break;
	case 3:
		munmap(map + random_below(random, 2) * PAGE, size);
		break;
	case 4:
		mprotect(map, size, random_below(random, 8));
		break;
	case 5:
		madvise(map, size, advices[random_below(random, ARRAY_SIZE(advices))]);
		break;
	case 6:
		mremap(map, PAGE, size, MREMAP_MAYMOVE | MREMAP_FIXED, random_map(random));
		break;
	case 7:
		if (!mlock(map, size))
			munlock(map, size);
		break;
	default:
		touch(random, map);
		break;
	}
}

/* ----------------------------------------------------- files and processes ---- */

/* In a fork child, or in another image: what is inherited may be of no use. */
static void call_from_elsewhere(struct thread *self)
{
	int i;

	for (i = 0; i < 3; i++)
		call_command(self);
	call_memory(self);
}

static void call_process(struct thread *self)
{
	char *const argv[] = { "fuzz", "elsewhere", NULL };
	char *const envp[] = { NULL };
	unsigned int end = random_below(&self->random, 3);
	int status, file;
	pid_t pid = fork();

	if (!pid) {
		call_from_elsewhere(self);
		if (end == 0)
			kill(getpid(), SIGKILL);
		if (end == 1) {
			for (file = 0; file < FILES; file++)
				fcntl(files[file], F_SETFD, random_below(&self->random, 2));
			execve("/proc/self/exe", argv, envp);
		}
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
}

static void call_file(struct thread *self)
{
	uint64_t *random = &self->random;
	unsigned int file = random_below(random, FILES);
	struct pollfd pollfd = { .events = POLLIN };
	char byte;
	int fd;

	switch (random_below(random, 4)) {
	case 0:
		/* Not often: its workers cannot be detached any more. */
		if (!one_in(random, 8))
			break;
		/* Swapped before it is closed, so that no number is closed twice. */
		fd = gt_open();
		if (one_in(random, 2))
			gt_setup(fd, WORKERS, random_below(random, 2) * 20000);
		fd = __atomic_exchange_n(&files[file], fd, __ATOMIC_RELAXED);
		if (fd >= 0)
			close(fd);
		break;
	case 1:
		fd = dup(files[file]);
		if (fd >= 0)
			close(fd);
		break;
	case 2:
		pollfd.fd = files[file];
		poll(&pollfd, 1, 0);
		break;
	default:
		fd = read(files[file], &byte, 1);
		fd = write(files[file], &byte, 1);
		break;
	}
}

/* If the thread is a worker, it blocks, is preempted, moves, or is interrupted. */
static void call_scheduler(struct thread *self)
{
	uint64_t *random = &self->random;
	cpu_set_t cpus;

	switch (random_below(random, 6)) {
	case 0:
		usleep(random_below(random, 100));
		break;
	case 1:
		sched_yield();
		break;
	case 2:
		CPU_ZERO(&cpus);
		CPU_SET(random_below(random, 2), &cpus);
		sched_setaffinity(0, sizeof(cpus), &cpus);
		break;
	case 3:
		syscall(SYS_tgkill, getpid(), syscall(SYS_gettid),
			one_in(random, 2) ? SIGUSR1 : SIGUSR2);
		break;
	case 4:
		syscall(SYS_membarrier, 8, 0, 0);	/* private, expedited */
		break;
	default:
		nanosleep(&(struct timespec){ .tv_nsec = random_below(random, 2000000) }, NULL);
		break;
	}
}

static void call_once(struct thread *self)
{
	unsigned int choice = random_below(&self->random, 1000);

	__atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
	if (choice < 860)
		call_command(self);
	else if (choice < 940)
		call_memory(self);
	else if (choice < 970)
		call_file(self);
	else if (choice < 999)
		call_scheduler(self);
	else
		call_process(self);
}

/* --------------------------------------------------------------- processes ---- */

static void handler(int number)
{
}

static void count_upcall(struct gt_upcall_frame *frame)
{
	__atomic_fetch_add(&shared->upcalls, 1, __ATOMIC_RELAXED);
}

static bool is_over(void)
{
	return __atomic_load_n(&shared->calls, __ATOMIC_RELAXED) >= calls_max;
}

static void *fuzz_thread(void *arg)
{
	struct thread *self = arg;

	if (!one_in(&self->random, 4) && gt_attach(files[0]) >= 0)
		self->home = 0;
	/* Now and then the thread itself is replaced, attached or not. */
	while (!is_over() && !one_in(&self->random, 300))
		call_once(self);
	self->running = false;
	return NULL;
}

static int fuzz_process(uint64_t seed)
{
	unsigned long first = shared->calls;
	struct sigaction action = { .sa_handler = handler };
	struct sigaction restart = { .sa_handler = handler, .sa_flags = SA_RESTART };
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &restart, NULL);
	gt_on_upcall = count_upcall;
	bad_memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	if (bad_memory == MAP_FAILED || munmap(bad_memory + PAGE, PAGE) ||
	    pipe2(null_pipe, O_NONBLOCK | O_CLOEXEC))
		return 1;
	for (i = 0; i < FILES; i++) {
		files[i] = gt_open();
		gt_setup(files[i], WORKERS, i % 2 * 20000);
	}
	for (i = 0; i < THREADS; i++) {
		threads[i].random = random_next(&seed) | 1;
		threads[i].stack = mmap(NULL, GT_UPCALL_STACK, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (threads[i].stack == MAP_FAILED)
			return 1;
		threads[i].running = true;
		if (pthread_create(&threads[i].thread, NULL, fuzz_thread, &threads[i]))
			return 2;
	}
	/* Wakes whoever sleeps without a deadline, and replaces who has left. */
	while (!is_over() && shared->calls - first < LIFE * PROCESSES) {
		for (i = 0; i < THREADS; i++) {
			if (threads[i].running) {
				pthread_kill(threads[i].thread, SIGUSR1);
				continue;
			}
			pthread_join(threads[i].thread, NULL);
			threads[i].running = true;
			if (pthread_create(&threads[i].thread, NULL, fuzz_thread, &threads[i]))
				return 3;
		}
		usleep(500);
	}
	/* Its threads are in the midst of whatever they do. */
	if (one_in(&seed, 2))
		kill(getpid(), SIGKILL);
	return 0;
}

static pid_t start_process(uint64_t seed)
{
	pid_t pid = fork();

	if (!pid) {
		if (!geteuid() && setresuid(NOBODY, NOBODY, NOBODY))
			_exit(10);
		/* Or else its mappings could not be touched through the kernel. */
		prctl(PR_SET_DUMPABLE, 1);
		_exit(fuzz_process(seed));
	}
	return pid;
}

/*
 * An upcall or a fallback signal may be due anywhere, also to an entry that is wild: so a
 * process may die of it, but it may not fail.
 */
static bool has_died_well(int status)
{
	if (WIFEXITED(status))
		return !WEXITSTATUS(status);
	return true;
}

/* The image after exec: with what descriptors it was left. */
static void __attribute__((__constructor__(101))) fuzz_elsewhere(int argc, char **argv)
{
	static struct shared own;
	struct thread self = { .random = 88172645463325252ULL };
	int i;

	if (argc < 2 || strcmp(argv[1], "elsewhere"))
		return;
	shared = &own;
	bad_memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	munmap(bad_memory + PAGE, PAGE);
	for (i = 0; i < FILES; i++)
		files[i] = 3 + i;
	self.stack = bad_memory;
	for (i = 0; i < 20; i++)
		call_command(&self);
	_exit(0);
}

FIXTURE(fuzz) {
	long refcnt;
};

FIXTURE_SETUP(fuzz)
{
	self->refcnt = gt_module_number("refcnt");
	ASSERT_LE(0, self->refcnt);
}

FIXTURE_TEARDOWN(fuzz)
{
}

/* As many groups and slots as the limits allow, from the user who fuzzed. */
static int full_set(void)
{
	long groups = gt_module_number("parameters/groups_per_user");
	long slots = gt_module_number("parameters/slots_per_user");
	long i;

	for (i = 0; i < groups; i++) {
		int fd = gt_open();

		if (fd < 0)
			return 1;
		if (gt_setup(fd, slots / groups, 0))
			return 2;
	}
	return 0;
}

static unsigned long option(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

TEST_F_TIMEOUT(fuzz, calls, 24 * 3600)
{
	uint64_t seed = option("GT_TEST_SEED", gt_now()), random = seed * 2 + 1;
	unsigned long seconds = option("GT_FUZZ_SECONDS", 120), lives = 0, crashes = 0;
	uint64_t start = gt_now(), said = start;
	pid_t pids[PROCESSES], last;
	int status, i;

	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	calls_max = option("GT_FUZZ_CALLS", 20000 * gt_test_scale());
	fprintf(stderr, "# GT_TEST_SEED=%#llx GT_FUZZ_CALLS=%lu\n", (unsigned long long)seed,
		calls_max);
	for (i = 0; i < PROCESSES; i++)
		pids[i] = start_process(random_next(&random));
	while (!is_over() && !shared->errors) {
		usleep(20000);
		if (seconds && gt_now() - start > seconds * SEC)
			break;
		if (gt_now() - said > 30 * SEC) {
			said = gt_now();
			fprintf(stderr, "# %llu s: %lu calls of %lu\n",
				(unsigned long long)((said - start) / SEC), shared->calls, calls_max);
		}
		for (i = 0; i < PROCESSES; i++) {
			if (one_in(&random, 200))
				kill(pids[i], SIGKILL);
			else if (one_in(&random, 100) && !kill(pids[i], SIGSTOP))
				kill(pids[i], SIGCONT);
			if (waitpid(pids[i], &status, WNOHANG) != pids[i])
				continue;
			lives++;
			crashes += WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL;
			EXPECT_TRUE(has_died_well(status)) {
				TH_LOG("status %#x", status);
			}
			pids[i] = start_process(random_next(&random));
		}
	}
	for (i = 0; i < PROCESSES; i++) {
		kill(pids[i], SIGKILL);
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
	}
	fprintf(stderr, "# %lu calls, %lu commands, %lu of them successful, %lu upcalls, "
		"%lu processes, of which %lu crashed, in %llu s\n", shared->calls,
		shared->commands, shared->results[0], shared->upcalls, lives, crashes,
		(unsigned long long)((gt_now() - start) / SEC));
	for (i = 1; i < MAX_ERRNO; i++) {
		if (shared->results[i])
			fprintf(stderr, "# %8lu %s\n", shared->results[i], strerror(i));
	}
	EXPECT_EQ(0, shared->errors);
	EXPECT_LT(0, shared->results[0]);
	EXPECT_TRUE(gt_until(gt_module_number("refcnt") == self->refcnt));

	last = fork();
	ASSERT_LE(0, last);
	if (!last) {
		if (!geteuid() && setresuid(NOBODY, NOBODY, NOBODY))
			_exit(10);
		_exit(full_set());
	}
	ASSERT_EQ(last, waitpid(last, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(gt_until(gt_module_number("refcnt") == self->refcnt));
}

TEST_HARNESS_MAIN
