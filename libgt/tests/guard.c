// SPDX-License-Identifier: GPL-2.0
/*
 * Guards, each kind of them: what an overflow does, that many tasks take few
 * mappings, and what becomes of a guard over fork().
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "test.h"

static struct outcome outcome;
static atomic_long ran;

static void does_nothing(void)
{
}

/* From now on runs make guards of this kind, or of a later one if it is not to be had. */
static void want_guards(const char *kind)
{
	const char *migrate = getenv("GTDEBUG");
	char text[64];

	snprintf(text, sizeof(text), "%s1,guard=%s",
		 migrate && strstr(migrate, "migrate=1") ? "migrate=1," : "", kind);
	setenv("GTDEBUG", text, 1);
}

static bool kind_is(const char *kind)
{
	char text[64];

	test_expect_procs = 1;
	test_expect_body = does_nothing;
	in_child(&outcome, test_expect_run);
	expect_exit(&outcome, 0);
	snprintf(text, sizeof(text), ", guards by %s,", kind);
	return strstr(outcome.text, text);
}

/* The same, and skip the test unless it is to be had. */
static void need_guards(const char *kind)
{
	want_guards(kind);
	if (!kind_is(kind))
		test_skip("this kernel, or its sandbox, makes no guards by %s", kind);
}

/* One test for each kind. */
#define GUARD_TEST(name) \
	static void name##_body(void); \
	PLAIN_TEST(name##_advice) { need_guards("advice"); name##_body(); } \
	PLAIN_TEST(name##_arena) { need_guards("arena"); name##_body(); } \
	PLAIN_TEST(name##_write) { need_guards("write"); name##_body(); } \
	PLAIN_TEST(name##_protect) { need_guards("protect"); name##_body(); } \
	static void name##_body(void)

/* -------------------------------------------------------------- overflows ---- */

static struct gt_task_attr attr;

NOINLINE static long digs_for_ever(long level)
{
	volatile char frame[512];

	frame[0] = (char)level;
	return level < 0 ? 0 : digs_for_ever(level + 1) + frame[0];
}

/* As deep as the middle of the guard. */
NOINLINE static long digs_into_guard(const char *start)
{
	volatile char frame[512];

	frame[0] = 1;
	return start - (char *)frame > (long)(GT_STACK_SIZE + GT_GUARD_SIZE / 2) ? 0 :
	       digs_into_guard(start) + frame[0];
}

static void overflows(void *arg)
{
	digs_for_ever((long)arg);
	printf("survived\n");
}

/* Frames of 15 KiB, of which the lowest bytes are used first. */
NOINLINE static long leaps_for_ever(long level)
{
	volatile char frame[15 << 10];

	frame[0] = (char)level;
	return level < 0 ? 0 : leaps_for_ever(level + 1) + frame[0];
}

static void leaps(void *arg)
{
	leaps_for_ever((long)arg);
	printf("survived\n");
}

/* One frame that is larger than all of a usual stack and its guard. */
NOINLINE static long leaps_far(long level)
{
	volatile char frame[200 << 10];

	frame[0] = (char)level;
	return level < 0 ? 0 : frame[0];
}

static void leaps_once(void *arg)
{
	leaps_far((long)arg);
	printf("survived\n");
}

static void yields(void *arg)
{
	gt_yield();
	(void)arg;
}

static void (*bad)(void *arg);

/* Between neighbours, whose stacks are mapped memory. */
static void one_is_bad(void)
{
	int i;

	for (i = 0; i < 16; i++)
		CHECK_EQ(gt_go_attr(i == 8 ? bad : yields, NULL, &attr), 0);
	AWAIT(gt_task_count() == 1);
}

static void expect_named(void (*fn)(void *arg))
{
	char text[64];

	snprintf(text, sizeof(text), "fatal: stack overflow in task 10 '%s'", attr.name);
	bad = fn;
	test_expect_procs = 1;
	test_expect_body = one_is_bad;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGSEGV, text);
	CHECK(!strstr(outcome.text, "survived"));
}

GUARD_TEST(overflow_is_named)
{
	attr.name = "digger";
	expect_named(overflows);
	attr.name = "large";
	attr.stack_size = 256 << 10;
	expect_named(overflows);
}

GUARD_TEST(frames_of_pages_do_not_leap_the_guard)
{
	attr.name = "leaper";
	expect_named(leaps);
}

GUARD_TEST(larger_guard)
{
	attr.name = "far";
	attr.guard_size = 256 << 10;
	expect_named(leaps_once);
}

GT_TEST(guard_sizes)
{
	static const size_t sizes[] = { 1, 16 << 10, (16 << 10) + 1, 1 << 20 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		attr.guard_size = sizes[i];
		CHECK_EQ(gt_go_attr(yields, NULL, &attr), 0);
	}
	AWAIT(gt_task_count() == 1);
	attr.guard_size = GT_STACK_SIZE_MAX + 1;
	CHECK_EQ(gt_go_attr(yields, NULL, &attr), -EINVAL);
	attr.guard_size = SIZE_MAX;
	CHECK_EQ(gt_go_attr(yields, NULL, &attr), -EINVAL);
	CHECK_EQ(gt_task_count(), 1);
}

/* Find the guard from below our frames on, by what the kernel may write to. */
static void reads_into_guard(void *arg)
{
	volatile char here = 0;
	char *page = (char *)((uintptr_t)&here & ~4095ul) - 4096;
	int fds[2];
	size_t i;

	CHECK_EQ(pipe(fds), 0);
	for (i = 1; i < 4 * GT_STACK_SIZE / 4096; i++, page -= 4096) {
		CHECK_EQ(write(fds[1], "x", 1), 1);
		if (read(fds[0], page, 1) < 0)
			break;
		CHECK_EQ(*page, 'x');
	}
	CHECK_EQ(errno, EFAULT);
	CHECK(i * 4096 <= GT_STACK_SIZE);
	CHECK(i * 4096 > GT_STACK_SIZE - (TEST_ASAN || TEST_TSAN ? 24 : 8) * 1024);
	close(fds[0]);
	close(fds[1]);
	ran++;
	(void)arg;
}

static void kernel_meets_guards(void)
{
	int i;

	for (i = 0; i < 3; i++)
		CHECK_EQ(gt_go(reads_into_guard, NULL), 0);
	AWAIT(ran == 3);
}

GUARD_TEST(kernel_writes_no_guard)
{
	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer looks at the buffer before the kernel does");
	test_run(1, kernel_meets_guards);
}

/* -------------------------------------------------------------------- fork ---- */

static void forks(void *arg)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		digs_into_guard(__builtin_frame_address(0));
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
	ran++;
	(void)arg;
}

static void task_forks(void)
{
	forks(NULL);
	CHECK_EQ(gt_go(yields, NULL), 0);
	CHECK_EQ(gt_go(forks, NULL), 0);
	CHECK_EQ(gt_go(yields, NULL), 0);
	AWAIT(ran == 2);
}

GUARD_TEST(child_of_a_task_keeps_its_guard)
{
	test_run(1, task_forks);
}

/* -------------------------------------------------------------------- many ---- */

static struct gt_chan *gate;
static atomic_long waiting;

static void waits(void *arg)
{
	waiting++;
	gt_chan_recv(gate, NULL);
	(void)arg;
}

/* More than vm.max_map_count allows, by default, with a mapping for each guard. */
static void more_than_mappings(void)
{
	const long n = 40000;
	char line[512];
	long i, maps = 0;
	FILE *file;

	CHECK(gate = gt_chan_make(0, 0));
	for (i = 0; i < n; i++)
		CHECK_EQ(gt_go(waits, NULL), 0);
	AWAIT(waiting == n);
	CHECK(file = fopen("/proc/self/maps", "re"));
	while (fgets(line, sizeof(line), file))
		maps++;
	fclose(file);
	if (maps > n / 20)
		test_fail(__FILE__, __LINE__, "%ld tasks take %ld mappings", n, maps);
	gt_chan_close(gate);
	AWAIT(gt_task_count() == 1);
	gt_chan_put(gate);
}

PLAIN_TEST(many_tasks_few_mappings)
{
	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer needs too much memory for so many tasks");
	want_guards("advice");
	if (kind_is("protect"))
		test_skip("the sandbox refuses userfaultfd");
	test_run(2, more_than_mappings);
}

PLAIN_TEST(many_tasks_few_mappings_write)
{
	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer needs too much memory for so many tasks");
	need_guards("write");
	test_run(2, more_than_mappings);
}

PLAIN_TEST(many_tasks_few_mappings_arena)
{
	if (TEST_TSAN || TEST_ASAN)
		test_skip("a sanitizer needs too much memory for so many tasks");
	need_guards("arena");
	test_run(2, more_than_mappings);
}

/* ----------------------------------------------------------------- sandbox ---- */

static void refuse_userfaultfd(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		test_skip("no seccomp here");
}

PLAIN_TEST(sandbox_that_refuses_userfaultfd)
{
	want_guards("write");
	refuse_userfaultfd();
	CHECK(kind_is("protect"));
	attr.name = "digger";
	expect_named(overflows);
}

TEST_MAIN
