/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of failures share. Everything that may fail, does once: in a call the
 * first allocation or copy fails, then the second, and so on until there are no more. Each
 * time either the call fails, with an error that says so, or it did not need that; and
 * nothing is half done: the same call succeeds afterwards, and when all is over the module
 * holds nothing.
 *
 * The kernel does that for whom it is asked to (fail-nth, see its fault-injection.rst),
 * if it is built with FAULT_INJECTION, FAILSLAB, FAIL_PAGE_ALLOC and
 * FAULT_INJECTION_USERCOPY, and that with FAULT_INJECTION_DEBUG_FS. Needs root. With
 * GT_TEST_FAULTS set it is an error if the kernel cannot.
 */
#ifndef _GT_FAIL_H
#define _GT_FAIL_H

#include "gt_upcall.h"

#include <limits.h>
#include <sys/stat.h>

#define NTH_PATH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug/"
#define PARAMETERS	GT_TEST_MODULE "/parameters/"
#define TEXT_OF(number)	TEXT_OF_(number)
#define TEXT_OF_(number)	#number

#define PAGE		4096
#define GUARD		PAGE
#define SLOT		16384
#define ARENA_SIZE	131072
#define WORKERS		4
#define UID		54325		/* has no other groups */

__attribute__((__constructor__)) static void require_faults(void)
{
	const char *lacking = access(NTH_PATH, W_OK) ? "the kernel has no " NTH_PATH :
			      geteuid() ? "not root" :
			      access(DEBUGFS "fail_usercopy", F_OK) ?
				      "the kernel has no " DEBUGFS "fail_usercopy" : NULL;

	if (!lacking || access(GT_TEST_DEVICE, F_OK))
		return;
	if (getenv("GT_TEST_FAULTS")) {
		printf("Bail out! GT_TEST_FAULTS is set, but %s\n", lacking);
		fflush(stdout);
		_exit(1);
	}
	printf("TAP version 13\n1..0 # SKIP %s\n", lacking);
	fflush(stdout);
	_exit(KSFT_SKIP);
}

/* --------------------------------------------------------------- injection ---- */

/*
 * What fails does so quietly, and small allocations that may sleep do, too. There is room
 * for one group: if it should not be given back the next is one too many.
 */
static struct {
	const char *name, *wanted;
	char old[32];
} knobs[] = {
	{ DEBUGFS "failslab/verbose", "0", "" },
	{ DEBUGFS "failslab/ignore-gfp-wait", "N", "" },
	{ DEBUGFS "fail_page_alloc/verbose", "0", "" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N", "" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N", "" },
	{ DEBUGFS "fail_page_alloc/min-order", "0", "" },
	{ DEBUGFS "fail_usercopy/verbose", "0", "" },
	{ PARAMETERS "groups_per_user", "1", "" },
	{ PARAMETERS "slots_per_user", "4096", "" },
	{ PARAMETERS "arena_bytes_per_user", TEXT_OF(ARENA_SIZE), "" },
};

static inline bool knobs_set(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		if (gt_file_read(knobs[i].name, knobs[i].old, sizeof(knobs[i].old)) ||
		    gt_file_write(knobs[i].name, knobs[i].wanted))
			return false;
	}
	return true;
}

static inline void knobs_restore(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(knobs); i++)
		gt_file_write(knobs[i].name, knobs[i].old);
}

/* Of the thread that runs the tests. */
static int nth_fd;

/* The n-th thing from here on that this thread needs, and that may fail, does. */
static inline void fail_nth(unsigned int n)
{
	char text[16];

	if (pwrite(nth_fd, text, sprintf(text, "%u", n), 0) <= 0)
		abort();
}

/* Has it? Ends that; if the copy of the answer fails it was still to come. */
static inline bool has_failed(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text))
		return true;
	if (pwrite(nth_fd, "0", 1, 0) != 1 && errno != EFAULT)
		abort();
	return false;
}

#define NEVER	INT_MAX

/**
 * struct step - a call in which everything is to fail
 * @call:	makes it: 0 or more, or -errno. Called again if that was a failure.
 * @prepare:	what must be before, each time; or NULL.
 * @changed:	has a failure left something behind? Or NULL.
 * @undo:	after it has succeeded; or NULL.
 * @errors:	that it may fail with; else ENOMEM and EFAULT. NEVER: it must not.
 * @least:	at least so many times it fails.
 */
struct step {
	char name[24];
	int (*call)(void);
	int (*prepare)(void);
	bool (*changed)(void);
	int (*undo)(void);
	int errors[3];
	unsigned int least;
};

static inline bool may_be(const struct step *step, int err)
{
	unsigned int i;

	if (!step->errors[0])
		return err == -ENOMEM || err == -EFAULT;
	for (i = 0; i < ARRAY_SIZE(step->errors); i++) {
		if (step->errors[i] == -err)
			return true;
	}
	return false;
}

static inline const char *take_step(const struct step *step, unsigned int n, bool *more,
				    unsigned int *failures, int *result)
{
	*result = step->prepare ? step->prepare() : 0;
	if (*result)
		return "cannot be prepared";
	fail_nth(n);
	*result = step->call();
	*more = has_failed();
	if (*result < 0) {
		++*failures;
		if (!*more)
			return "failed with no cause";
		if (!may_be(step, *result))
			return "failed with a wrong error";
		if (step->changed && step->changed())
			return "failed, and has changed something";
		*result = step->call();
		if (*result < 0)
			return "failed, and then again";
	}
	*result = step->undo ? step->undo() : 0;
	return *result ? "has done something else, or cannot be undone" : NULL;
}

/* How often a step has told of a failure; negative if anything is wrong with it. */
static inline int sweep(const struct step *step)
{
	unsigned int n = 0, failures = 0;
	const char *wrong;
	bool more = true;
	int result;

	while (more && n < 5000) {
		wrong = take_step(step, ++n, &more, &failures, &result);
		if (wrong) {
			fprintf(stderr, "# %s, failure %u: %s: %s\n", step->name, n, wrong,
				strerror(result < 0 ? -result : 0));
			return -1;
		}
	}
	fprintf(stderr, "# %s: %u failures, of which it told %u\n", step->name, n - 1, failures);
	return more ? -1 : (int)failures;
}

#define EXPECT_SWEEP(steps) do { \
		unsigned int _i; \
		for (_i = 0; _i < ARRAY_SIZE(steps); _i++) \
			EXPECT_LE((int)(steps)[_i].least, sweep(&(steps)[_i])) { \
				TH_LOG("%s", (steps)[_i].name); \
			} \
	} while (0)

/* ----------------------------------------------- what the module holds by now ---- */

/* Workers that debugfs says are attached, of all groups there have been. */
static inline long attached(void)
{
	FILE *file = fopen(DEBUGFS "gt/counters", "r");
	long value, sum = 0;
	char name[64];

	while (file && fscanf(file, "%63s %ld", name, &value) == 2) {
		if (!strcmp(name, "attach"))
			sum += value;
		if (!strcmp(name, "detach"))
			sum -= value;
	}
	if (file)
		fclose(file);
	return sum;
}

/* Lines of a file that have the text. */
static inline long lines(const char *path, const char *text)
{
	FILE *file = fopen(path, "r");
	char line[1024];
	long count = 0;

	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return count;
}

static inline long areas(void)
{
	return lines("/proc/vmallocinfo", "gt_area_create");
}

static inline long groups(void)
{
	return lines(DEBUGFS "gt/groups", "group=");
}

/* ------------------------------------------------------------ a control group ---- */

#define CGROUP	"/sys/fs/cgroup"
#define LIMITED	CGROUP "/gt-fail-test"

/* With a controller, if there is one of that name to be had. */
static inline bool limited_enter(const char *controller)
{
	gt_file_write(CGROUP "/cgroup.subtree_control", controller);
	mkdir(LIMITED, 0755);
	return !gt_file_write(LIMITED "/cgroup.procs", "0");
}

static inline bool limited_leave(void)
{
	return !gt_file_write(CGROUP "/cgroup.procs", "0") && gt_until(!rmdir(LIMITED));
}

/* ------------------------------------------- the group, and a group's commands ---- */

/* The group of the test. */
static struct gt_test_group group;

struct gt_fail {
	long refcnt, attached, areas, groups;
};

/* For a fixture's setup and teardown. */
static inline bool gt_fail_begin(struct gt_fail *before)
{
	*before = (struct gt_fail){ gt_module_number("refcnt"), attached(), areas(), groups() };
	nth_fd = open(NTH_PATH, O_RDWR | O_CLOEXEC);
	/* Has its stack made, which is not to fail. */
	gt_upcall_arg();
	/* Groups are the real user's; with the rights of root. */
	return before->refcnt >= 0 && nth_fd >= 0 && knobs_set() && !setresuid(UID, -1, -1);
}

/* Nothing is left of all that failed; of earlier tests there may have been something. */
static inline bool gt_fail_end(const struct gt_fail *before)
{
	knobs_restore();
	return gt_until(gt_module_number("refcnt") <= before->refcnt &&
			attached() <= before->attached && areas() <= before->areas &&
			groups() <= before->groups);
}

/* Larger than the kernel knows it, so that it is copied in the way that may fail. */
static inline int command(unsigned int number, void *arg, size_t size)
{
	char room[256] = "";
	int err;

	memcpy(room, arg, size);
	*(uint32_t *)room = sizeof(room);
	err = gt_ioctl(group.fd, number, room);
	memcpy(arg, room, size);
	return err;
}

#define COMMAND(number, ...) \
	command(number, &(__VA_ARGS__), sizeof(__VA_ARGS__))

static inline int call_open(void)
{
	group.fd = gt_open();
	return group.fd;
}

static inline int undo_open(void)
{
	return close(group.fd) ? -errno : 0;
}

static inline int prepare_open(void)
{
	int fd = call_open();

	return fd < 0 ? fd : 0;
}

static inline int prepare_setup(void)
{
	int err = prepare_open();

	return err ? err : gt_setup(group.fd, WORKERS, 0);
}

static inline int call_arena(void)
{
	struct gt_arena_setup arg = {
		.slots = ARENA_SIZE / SLOT, .slot_size = SLOT, .guard_size = GUARD,
	};

	return command(GT_IOC_ARENA_SETUP, &arg, sizeof(arg));
}

/* With as many text ranges as there may be. */
static inline int call_upcall_with(int signal)
{
	struct gt_worker_upcall arg = gt_upcall_arg();
	struct gt_text_range ranges[GT_TEXT_RANGES_MAX];
	unsigned int i;

	for (i = 0; i < GT_TEXT_RANGES_MAX; i++)
		ranges[i] = (struct gt_text_range){ PAGE, 1UL << 46 };
	arg.ranges = (uintptr_t)ranges;
	arg.ranges_count = GT_TEXT_RANGES_MAX;
	arg.signal = signal;
	return command(GT_IOC_WORKER_UPCALL, &arg, sizeof(arg));
}

static inline int call_upcall(void)
{
	return call_upcall_with(0);
}

#endif /* _GT_FAIL_H */
