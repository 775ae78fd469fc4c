/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the library's tests share, on top of the kernel's kselftest harness.
 *
 * A test program is one behaviour. The harness runs each TEST in a forked child
 * and reports in KTAP. GT_TEST(name) { } is a TEST whose body is the main task of
 * a runtime; the variants say with how many processors.
 *
 * The harness's own ASSERT and EXPECT unwind with longjmp() and note a failure in
 * memory of the thread that forked, so they are wrong on a task's stack. CHECK()
 * and CHECK_EQ() work on any stack and any thread: they print and end the child.
 *
 * Nothing here sleeps to order events. AWAIT(condition) yields until another task
 * or thread has made the condition true; if that never happens the test times out
 * and says where it waited.
 *
 * Environment:
 *   GT_TEST_SCALE    multiplies counts, default 1; an emulated machine takes 0.05.
 *   GT_TEST_TIMEOUT  seconds that one test may take, default 60.
 * Arguments name the tests to run; without any, all run.
 */
#ifndef GT_TEST_H
#define GT_TEST_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include <linux/gt.h>

#include <gt/gt.h>

#include <kselftest_harness.h>

#if defined(__SANITIZE_THREAD__)
#define TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN 1
#endif
#endif
#ifndef TEST_TSAN
#define TEST_TSAN 0
#endif
#ifndef TEST_ASAN
#define TEST_ASAN 0
#endif

/* For functions whose TLS or errno accesses must not move across a call. */
#define NOINLINE __attribute__((__noinline__, __noclone__))
#ifdef __clang__
#undef NOINLINE
#define NOINLINE __attribute__((__noinline__))
#endif

/* A death by SIGSEGV stays one, and sanitizers leave the exit status alone. */
__attribute__((__unused__)) static bool test_leaks_count;

#if TEST_TSAN || TEST_ASAN
const char *__asan_default_options(void);
const char *__tsan_default_options(void);
const char *__asan_default_options(void)
{
	return "handle_segv=0:allow_user_segv_handler=1:detect_stack_use_after_return=0";
}
const char *__tsan_default_options(void)
{
	return "handle_segv=0:allow_user_segv_handler=1:halt_on_error=1";
}
#endif

/* The end of a test or of its children is no leak check: tasks may be left then. */
#if TEST_ASAN
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return !test_leaks_count;
}
#endif

static struct __test_metadata *test_now;
static const char *_Atomic test_waits_at;
static int test_procs;

/* ------------------------------------------------------------- failing ---- */

__attribute__((__unused__, __noreturn__, __format__(__printf__, 3, 4)))
static void test_fail(const char *file, int line, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	dprintf(STDERR_FILENO, "# %s:%d:%s: %s (errno %d, %d processors)\n", file, line,
		test_now ? test_now->name : "?", text, errno, test_procs);
	_exit(1);
}

#define CHECK(condition) do { \
	if (!(condition)) \
		test_fail(__FILE__, __LINE__, "not true: %s", #condition); \
} while (0)

#define CHECK_EQ(seen, expected) do { \
	long long seen_ = (long long)(seen), expected_ = (long long)(expected); \
	if (seen_ != expected_) \
		test_fail(__FILE__, __LINE__, "%s is %lld, not %s (%lld)", #seen, \
			  seen_, #expected, expected_); \
} while (0)

/* End the test as skipped, from any stack. */
__attribute__((__unused__, __noreturn__, __format__(__printf__, 1, 2)))
static void test_skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(test_now->results->reason, sizeof(test_now->results->reason), format, ap);
	va_end(ap);
	_exit(255);
}

/* ------------------------------------------------------------- waiting ---- */

#define TEST_STR_(x) #x
#define TEST_STR(x) TEST_STR_(x)

#define AWAIT(condition) do { \
	atomic_store_explicit(&test_waits_at, __FILE__ ":" TEST_STR(__LINE__) ": " #condition, \
			      memory_order_relaxed); \
	while (!(condition)) \
		gt_yield(); \
} while (0)

/* The state letter of a thread of this process, 0 if it is gone. */
__attribute__((__unused__))
static char thread_state(pid_t tid)
{
	char path[64], text[256], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	end = strrchr(text, ')');
	return end ? end[2] : 0;
}

/* Otherwise each thread reserves 64 MiB of addresses for its malloc(). */
#define ONE_MALLOC_ARENA() mallopt(M_ARENA_MAX, 1)

/* Entries of a directory such as /proc/self/task, without . and .. */
__attribute__((__unused__))
static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

#define count_threads() count_entries("/proc/self/task")
/* ThreadSanitizer keeps up to two of its own: since the fork, and since there were more. */
#define AWAIT_ONE_THREAD() AWAIT(count_threads() <= (TEST_TSAN ? 3 : 1))
/* The one that lists is not counted. */
#define count_fds() (count_entries("/proc/self/fd") - 1)

/* A line of /proc/self/status in KiB, such as "VmRSS:". */
__attribute__((__unused__))
static long status_kib(const char *key)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			kib = atol(line + strlen(key));
	fclose(file);
	CHECK(kib >= 0);
	return kib;
}

/* --------------------------------------------------------------- sizes ---- */

static inline double test_scale(void)
{
	const char *text = getenv("GT_TEST_SCALE");
	double scale = text ? atof(text) : 1;

	return scale > 0 ? scale : 1;
}

/* How often to do something: fewer times on slow machines and under sanitizers. */
__attribute__((__unused__))
static long scaled(long n)
{
	n = n * test_scale() / (TEST_TSAN ? 10 : TEST_ASAN ? 3 : 1);
	return n > 2 ? n : 2;
}

/* How many tasks may live at once: ThreadSanitizer knows 8128 at most. */
__attribute__((__unused__))
static long crowd(long n)
{
	long most = TEST_TSAN ? 2000 : TEST_ASAN ? 20000 : n;

	n *= test_scale();
	n = n < most ? n : most;
	return n > 8 ? n : 8;
}

/* A repeatable sequence, one state a task. */
__attribute__((__unused__))
static uint32_t test_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* The task may change threads in between: errno's address must not stay. */
__attribute__((__unused__))
NOINLINE static int errno_get(void)
{
	__asm__ volatile("" ::: "memory");
	return errno;
}

__attribute__((__unused__))
NOINLINE static void errno_set(int value)
{
	errno = value;
	__asm__ volatile("" ::: "memory");
}

__attribute__((__unused__))
static struct gt_stats stats_now(void)
{
	struct gt_stats stats;

	CHECK_EQ(gt_stats_read(&stats, sizeof(stats)), 0);
	return stats;
}

/* Under AddressSanitizer: nothing that malloc() gave is out of reach now. */
__attribute__((__unused__))
static void check_leaks(void)
{
#if TEST_ASAN
	test_leaks_count = true;
	CHECK(!__lsan_do_recoverable_leak_check());
	test_leaks_count = false;
#endif
}

/* ------------------------------------------------------------- running ---- */

static void test_alarm(int sig)
{
	static const char text[] = "# hangs; the last AWAIT() was at ";
	const char *where = atomic_load(&test_waits_at);

	(void)sig;
	if (!where)
		where = "(none)";
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ||
	    write(STDERR_FILENO, where, strlen(where)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
		_exit(1);
	_exit(1);
}

static void test_begin(struct __test_metadata *metadata)
{
	static const struct rlimit no_core;

	test_now = metadata;
	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGINT, SIG_DFL);	/* ignored in what a shell runs in the background */
	signal(SIGALRM, test_alarm);
	alarm(metadata->timeout > 4 ? metadata->timeout - 2 : metadata->timeout);
}

static void test_call(void *arg)
{
	void (**body)(void) = arg;

	(*body)();
}

/* Run a body as the main task; 0 processors means the default. */
__attribute__((__unused__))
static void test_run(int procs, void (*body)(void))
{
	test_procs = procs;
	if (procs)
		CHECK(gt_gomaxprocs(procs) > 0);
	CHECK_EQ(gt_run(test_call, &body), 0);
}

static void *test_on_a_thread(void *arg)
{
	void (*body)(void) = arg;

	body();
	return NULL;
}

/* Run a body on a plain thread, and wait for it. */
__attribute__((__unused__))
static void run_on_a_thread(void (*body)(void))
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, test_on_a_thread, body), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

struct test_user {
	pthread_t thread;
	void (*fn)(void *arg);
	long i;
};

static void *test_user_calls(void *arg)
{
	struct test_user *user = arg;

	user->fn((void *)user->i);
	return NULL;
}

/* From a task: run fn on plain threads and tasks, the i-th with i, and wait for all. */
__attribute__((__unused__))
static void run_on_each(void (*fn)(void *arg), long tasks, long threads)
{
	static struct test_user users[4];
	static struct gt_wg wg;
	long i;

	CHECK(threads <= (long)ARRAY_SIZE(users));
	for (i = 0; i < threads; i++) {
		users[i].fn = fn;
		users[i].i = i;
		CHECK_EQ(pthread_create(&users[i].thread, NULL, test_user_calls, &users[i]), 0);
	}
	for (i = 0; i < tasks; i++)
		CHECK_EQ(gt_wg_go(&wg, fn, (void *)(threads + i)), 0);
	gt_wg_wait(&wg);
	for (i = 0; i < threads; i++)
		CHECK_EQ(pthread_join(users[i].thread, NULL), 0);
}

static atomic_int test_inside, test_most_inside;

/* Notes in test_most_inside how many do this at the same time. */
__attribute__((__unused__))
static void test_is_inside(void *arg)
{
	int now, most, round, i;

	(void)arg;
	for (round = 0; round < 50; round++) {
		now = atomic_fetch_add(&test_inside, 1) + 1;
		most = atomic_load(&test_most_inside);
		while (most < now &&
		       !atomic_compare_exchange_weak(&test_most_inside, &most, now))
			;
		for (i = 0; i < 2000; i++)
			atomic_signal_fence(memory_order_seq_cst);
		atomic_fetch_sub(&test_inside, 1);
		gt_yield();
	}
}

/* Add to GTDEBUG, which may have migrate=1 already. */
__attribute__((__unused__))
static void test_debug(const char *text)
{
	const char *old = getenv("GTDEBUG");
	char both[256];

	snprintf(both, sizeof(both), "%s%s%s", old ? old : "", old ? "," : "", text);
	setenv("GTDEBUG", both, 1);
}

/* A TEST on the plain thread that the harness forked. */
#define PLAIN_TEST(name) \
	static void name##_plain(void); \
	TEST(name) \
	{ \
		test_begin(_metadata); \
		name##_plain(); \
	} \
	static void name##_plain(void)

#define TEST_ON(name, body, procs) \
	TEST(name) \
	{ \
		test_begin(_metadata); \
		test_run(procs, body); \
	}

/* The body is the main task, with the default number of processors, */
#define GT_TEST(name) \
	static void name##_task(void); \
	TEST_ON(name, name##_task, 0) \
	static void name##_task(void)

/* with one, two and eight of them, as three tests, */
#define GT_TEST_PROCS(name) \
	static void name##_task(void); \
	TEST_ON(name##_p1, name##_task, 1) \
	TEST_ON(name##_p2, name##_task, 2) \
	TEST_ON(name##_p8, name##_task, 8) \
	static void name##_task(void)

/*
 * and with one, no hand-off, preemption or forced migration: what a task does until it
 * suspends is atomic to all others, so that the order of events is known.
 */
#define GT_TEST_ORDER(name) \
	static void name##_task(void); \
	TEST(name) \
	{ \
		test_begin(_metadata); \
		setenv("GTHANDOFF", "off", 1); \
		setenv("GTDEBUG", "preempt=off", 1); \
		test_run(1, name##_task); \
	} \
	static void name##_task(void)

/* The test is of what the module does, of these GT_FEATURE_*s, and runs with it. */
__attribute__((__unused__))
static void needs_module(uint64_t features)
{
	struct gt_info info = { .size = sizeof(info) };
	int fd = open("/dev/gt", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		test_skip("no /dev/gt here");
	CHECK_EQ(ioctl(fd, GT_IOC_INFO, &info), 0);
	CHECK_EQ(info.features & features, features);
	close(fd);
	setenv("GTBACKEND", "kmod", 1);
}

/* -------------------------------------------------- expecting the worst ---- */

struct outcome {
	int status;		/* as waitpid() gives it */
	char text[32768];	/* what was written to stdout and stderr */
};

/*
 * Run a function in a forked child and catch its end and its output. Only from a
 * process with one thread. The child exits with 0 if the function returns.
 */
__attribute__((__unused__))
static void in_child(struct outcome *outcome, void (*fn)(void))
{
	size_t length = 0;
	int fds[2];
	ssize_t n;
	pid_t pid;

	CHECK_EQ(pipe(fds), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		fn();
		fflush(stdout);
		_exit(0);
	}
	close(fds[1]);
	while (length < sizeof(outcome->text) - 1 &&
	       (n = read(fds[0], outcome->text + length, sizeof(outcome->text) - 1 - length)) > 0)
		length += n;
	outcome->text[length] = 0;
	close(fds[0]);
	CHECK_EQ(waitpid(pid, &outcome->status, 0), pid);
}

__attribute__((__unused__))
static void expect_signal(const struct outcome *outcome, int sig, const char *text)
{
	if (!WIFSIGNALED(outcome->status) || WTERMSIG(outcome->status) != sig ||
	    (text && !strstr(outcome->text, text)))
		test_fail(__FILE__, __LINE__,
			  "expected signal %d and \"%s\", but wait status %#x and this: %.300s",
			  sig, text ? text : "", outcome->status, outcome->text);
}

__attribute__((__unused__))
static void expect_exit(const struct outcome *outcome, int code)
{
	if (!WIFEXITED(outcome->status) || WEXITSTATUS(outcome->status) != code)
		test_fail(__FILE__, __LINE__, "expected exit %d, but wait status %#x and this: %.300s",
			  code, outcome->status, outcome->text);
}

static int test_expect_procs;
static void (*test_expect_body)(void);

__attribute__((__unused__))
static void test_expect_run(void)
{
	test_run(test_expect_procs, test_expect_body);
}

/* The body, as the main task, must end the process with a panic that says so. */
__attribute__((__unused__))
static void expect_panic(void (*body)(void), const char *text)
{
	static struct outcome outcome;
	char line[128];

	snprintf(line, sizeof(line), "panic: %s", text);
	test_expect_procs = 1;
	test_expect_body = body;
	in_child(&outcome, test_expect_run);
	expect_signal(&outcome, SIGABRT, line);
}

/* ---------------------------------------------------------------- main ---- */

/* Keep the tests that are named, with a timeout that the environment may set. */
__attribute__((__unused__))
static int test_main(int argc, char **argv)
{
	const char *text = getenv("GT_TEST_TIMEOUT");
	int timeout = text && atoi(text) > 0 ? atoi(text) : 60;
	struct __test_metadata *test, *next, *last = NULL, *first = NULL;
	int i;

	for (test = _fixture_global.tests; test; test = next) {
		next = test->next;
		test->timeout = timeout;
		for (i = 1; i < argc && strcmp(argv[i], test->name); i++)
			;
		if (argc > 1 && i == argc)
			continue;
		if (last)
			last->next = test;
		else
			first = test;
		test->next = NULL;
		last = test;
	}
	if (!first) {
		fprintf(stderr, "%s: no test has that name\n", argv[0]);
		return 2;
	}
	_fixture_global.tests = first;
	return test_harness_run(argc, argv);
}

#define TEST_MAIN TEST_MAIN_IF(true, "")

/* If not, all tests of the program are skipped. */
#define TEST_MAIN_IF(condition, reason) \
	static void __attribute__((constructor)) __constructor_order_last(void) \
	{ \
		if (!__constructor_order) \
			__constructor_order = _CONSTRUCTOR_ORDER_BACKWARD; \
	} \
	int main(int argc, char **argv) \
	{ \
		if (condition) \
			return test_main(argc, argv); \
		puts("TAP version 13\n1..0 # SKIP " reason); \
		return 0; \
	}

#endif /* GT_TEST_H */
