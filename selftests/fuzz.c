// SPDX-License-Identifier: GPL-2.0
/*
 * Structured random calls from an unprivileged user: several processes with
 * several threads each, with signals, forks and kills. What must hold is that the
 * kernel survives, that no call ends with an errno that the ABI does not know, and
 * that nothing is left in the end.
 *
 * GT_TEST_SEED repeats a run's choices (not its timing); each run prints its own.
 */
#include "gt_test.h"

#define NOBODY		65534
#define PROCESSES	3
#define THREADS		4
#define WORKERS		6
#define FILES		4

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

static const unsigned int commands[] = {
	GT_IOC_INFO, GT_IOC_GROUP_SETUP, GT_IOC_WORKER_ATTACH, GT_IOC_WORKER_DETACH,
	GT_IOC_WORKER_PARK, GT_IOC_WORKER_WAKE, GT_IOC_WORKER_STANDBY, GT_IOC_WORKER_SWAP,
};

static const uint32_t interesting[] = {
	0, 1, 2, 7, 8, 15, 16, 24, 31, 32, 40, 64, 100, 4095, 4096, 4097, 1U << 16, 1U << 30,
	~0U, ~0U - 1, 1U << 31,
};

union argument {
	uint32_t size;
	struct gt_info info;
	struct gt_group_setup setup;
	struct gt_worker_attach attach;
	struct gt_worker_detach detach;
	struct gt_worker_park park;
	struct gt_worker_wake wake;
	struct gt_worker_swap swap;
	uint32_t words[16];
};

/* Shared by the threads of a process, on purpose without a lock. */
static volatile int files[FILES];
static void *volatile maps[FILES];
static volatile unsigned int errors;
static char *bad_memory;

struct thread {
	pthread_t thread;
	uint64_t random;
	unsigned int calls;
	volatile bool done;
};

static uint64_t random_deadline(uint64_t *random)
{
	switch (random_below(random, 4)) {
	case 0:
		return 0;
	case 1:
		return random_next(random);
	case 2:
		return GT_DEADLINE_NONE;
	default:
		return gt_now() + random_below(random, 200000);
	}
}

static void fill_sensibly(uint64_t *random, unsigned int command, union argument *arg,
			  uint32_t *slots)
{
	unsigned int i;

	switch (command) {
	case GT_IOC_INFO:
		arg->size = sizeof(arg->info);
		break;
	case GT_IOC_GROUP_SETUP:
		arg->size = sizeof(arg->setup);
		arg->setup.workers = 1 + random_below(random, WORKERS);
		arg->setup.grace_ns = random_below(random, 2) * random_below(random, 50000);
		break;
	case GT_IOC_WORKER_ATTACH:
		arg->size = sizeof(arg->attach);
		break;
	case GT_IOC_WORKER_DETACH:
		arg->size = sizeof(arg->detach);
		break;
	case GT_IOC_WORKER_PARK:
	case GT_IOC_WORKER_STANDBY:
		arg->size = sizeof(arg->park);
		arg->park.deadline_ns = random_deadline(random);
		break;
	case GT_IOC_WORKER_SWAP:
		arg->size = sizeof(arg->swap);
		arg->swap.slot = random_below(random, WORKERS + 1);
		arg->swap.deadline_ns = random_deadline(random);
		break;
	case GT_IOC_WORKER_WAKE:
		arg->size = sizeof(arg->wake);
		arg->wake.count = 1 + random_below(random, 4);
		arg->wake.slots = (uintptr_t)slots;
		for (i = 0; i < 4; i++)
			slots[i] = random_below(random, WORKERS + 1);
		break;
	}
}

static bool is_documented(int err)
{
	static const int known[] = {
		0, -EPERM, -ESRCH, -EINTR, -ENXIO, -E2BIG, -EBADF, -ENOMEM, -EFAULT, -EBUSY,
		-EEXIST, -EINVAL, -ENOTTY, -ENOSPC, -ETIMEDOUT, -EDQUOT,
	};
	unsigned int i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i] == err)
			return true;
	}
	return false;
}

static void call_once(uint64_t *random)
{
	unsigned int command = commands[random_below(random, 7)];
	unsigned int file = random_below(random, FILES);
	union argument arg = {};
	uint32_t slots[4];
	void *address = &arg;
	int err;

	fill_sensibly(random, command, &arg, slots);
	switch (random_below(random, 8)) {
	case 0:		/* one word of it is wild */
		arg.words[random_below(random, 16)] = interesting[random_below(random, 21)];
		break;
	case 1:		/* all of them are */
		for (err = 0; err < 16; err++)
			arg.words[err] = random_next(random);
		break;
	case 2:		/* at the end of what is mapped, or nowhere */
		address = bad_memory + 4096 - random_below(random, 48);
		memcpy(address, &arg, bad_memory + 4096 - (char *)address);
		break;
	case 3:		/* the number is wild */
		command = random_below(random, 2) ? _IO(GT_IOC_TYPE, random_below(random, 256)) :
						    (unsigned int)random_next(random);
		break;
	}
	err = gt_ioctl(files[file], command, address);
	/* Generic ioctls have results of their own: FIOCLEX and such. */
	if (!is_documented(err) && command >> 8 == GT_IOC_TYPE) {
		fprintf(stderr, "# command %#x: %s\n", command, strerror(-err));
		errors++;
	}
}

static void handle_file(uint64_t *random)
{
	static const uint64_t offsets[] = { GT_MMAP_STATUS, GT_MMAP_USER, 4096 };
	unsigned int file = random_below(random, FILES);
	int fd = files[file], status;
	void *map;
	pid_t pid;

	switch (random_below(random, 6)) {
	case 0:
		/* Swapped before it is closed, so that no number is closed twice. */
		files[file] = gt_open();
		if (fd >= 0)
			close(fd);
		break;
	case 1:
		map = mmap(NULL, 1 + random_below(random, 8192),
			   1 + random_below(random, 3), MAP_SHARED, fd,
			   offsets[random_below(random, 3)]);
		if (map != MAP_FAILED) {
			map = __atomic_exchange_n(&maps[file], map, __ATOMIC_RELAXED);
			if (map)
				munmap(map, 4096);
		}
		break;
	case 2:
		pid = fork();
		if (!pid) {
			call_once(random);
			handle_file(random);
			kill(getpid(), SIGKILL);
		}
		if (pid > 0)
			waitpid(pid, &status, 0);
		break;
	default:
		/* A block, if the thread is a worker. */
		usleep(random_below(random, 100));
		break;
	}
}

static void *fuzz_thread(void *arg)
{
	struct thread *self = arg;

	while (self->calls) {
		self->calls--;
		if (random_below(&self->random, 20))
			call_once(&self->random);
		else
			handle_file(&self->random);
		/* Now and then the thread itself is replaced, attached or not. */
		if (!random_below(&self->random, 200))
			break;
	}
	self->done = true;
	return NULL;
}

static void handler(int number)
{
}

static int fuzz_process(uint64_t seed, unsigned int calls)
{
	static struct thread threads[THREADS];
	struct sigaction action = { .sa_handler = handler };
	unsigned int i, running;
	uint64_t random = seed;

	sigaction(SIGUSR1, &action, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bad_memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bad_memory == MAP_FAILED || munmap(bad_memory + 4096, 4096))
		return 1;
	for (i = 0; i < FILES; i++)
		files[i] = gt_open();
	for (i = 0; i < THREADS; i++) {
		threads[i].random = random_next(&random) | 1;
		threads[i].calls = calls;
		if (pthread_create(&threads[i].thread, NULL, fuzz_thread, &threads[i]))
			return 2;
	}
	/* Wakes whoever sleeps without a deadline, and replaces who has left. */
	do {
		running = 0;
		for (i = 0; i < THREADS; i++) {
			if (!threads[i].done) {
				running++;
				pthread_kill(threads[i].thread, SIGUSR1);
			} else if (threads[i].calls) {
				running++;
				pthread_join(threads[i].thread, NULL);
				threads[i].done = false;
				if (pthread_create(&threads[i].thread, NULL, fuzz_thread,
						   &threads[i]))
					return 3;
			}
		}
		usleep(500);
	} while (running);
	return errors ? 4 : 0;
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

static bool is_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

GT_TEST(fuzz, calls)
{
	const char *text = getenv("GT_TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : gt_now();
	unsigned int calls = 2000 * gt_test_scale(), i;
	pid_t pid[PROCESSES], last;

	fprintf(stderr, "# GT_TEST_SEED=%#llx, %u calls\n", (unsigned long long)seed,
		calls * PROCESSES * THREADS);
	for (i = 0; i < PROCESSES; i++) {
		uint64_t own = (seed + i) * 2 + 1;

		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i]) {
			if (!geteuid() && setresuid(NOBODY, NOBODY, NOBODY))
				_exit(10);
			_exit(fuzz_process(own, calls));
		}
	}
	for (i = 0; i < PROCESSES; i++)
		EXPECT_TRUE(is_well(pid[i]));
	EXPECT_TRUE(gt_until(gt_module_number("refcnt") == self->refcnt));

	last = fork();
	ASSERT_LE(0, last);
	if (!last) {
		if (!geteuid() && setresuid(NOBODY, NOBODY, NOBODY))
			_exit(10);
		_exit(full_set());
	}
	EXPECT_TRUE(is_well(last));
	EXPECT_TRUE(gt_until(gt_module_number("refcnt") == self->refcnt));
}

TEST_HARNESS_MAIN
