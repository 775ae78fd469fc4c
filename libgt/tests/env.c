// SPDX-License-Identifier: GPL-2.0
/*
 * The environment: what the variables choose, and what is said about one that
 * cannot be understood or a device that is missing, foreign or too new.
 */
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/gt.h>

#include "test.h"

static struct outcome outcome;
static int result;
static char backend[16];
static int procs;

static void look(void *arg)
{
	snprintf(backend, sizeof(backend), "%s", gt_backend_name());
	procs = gt_gomaxprocs(0);
	(void)arg;
}

/* A child reports by its exit status: an error as errno, else the backend. */
enum { IS_FUTEX = 200, IS_KMOD = 201 };

static void runs(void)
{
	result = gt_run(look, NULL);
	if (result)
		_exit(-result);
	_exit(!strcmp(backend, "futex") ? IS_FUTEX : !strcmp(backend, "kmod") ? IS_KMOD : 1);
}

static int lines(void)
{
	const char *at;
	int n = 0;

	for (at = outcome.text; *at; at++)
		n += *at == '\n';
	return n;
}

static void expect(int code, int lines_n, const char *text)
{
	in_child(&outcome, runs);
	expect_exit(&outcome, code);
	if (lines() != lines_n || (text && !strstr(outcome.text, text)))
		test_fail(__FILE__, __LINE__, "expected %d lines with \"%s\", but: %.300s",
			  lines_n, text ? text : "", outcome.text);
}

static void clean_environment(void)
{
	static const char *const names[] = { "GTBACKEND", "GTMAXPROCS", "GTHANDOFF",
		"GTDEBUG", "GTDEVICE" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

/* ------------------------------------------------------------------ bad input ---- */

static const struct {
	const char *name, *value;
} bad[] = {
	{ "GTBACKEND", "nonsense" },
	{ "GTBACKEND", "Futex" },
	{ "GTBACKEND", "futex,kmod" },
	{ "GTMAXPROCS", "many" },
	{ "GTMAXPROCS", "2x" },
	{ "GTMAXPROCS", "-3" },
	{ "GTMAXPROCS", "0" },
	{ "GTMAXPROCS", "1.5" },
	{ "GTMAXPROCS", "99999999999999999999" },
	{ "GTHANDOFF", "maybe" },
	{ "GTHANDOFF", "2" },
	{ "GTDEBUG", "nonsense" },
	{ "GTDEBUG", "1,nonsense" },
	{ "GTDEBUG", "migrate=" },
	{ "GTDEBUG", "migrate=x" },
};

PLAIN_TEST(values_that_cannot_be_understood)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		clean_environment();
		setenv("GTBACKEND", "futex", 1);
		setenv(bad[i].name, bad[i].value, 1);
		in_child(&outcome, runs);
		if (!WIFEXITED(outcome.status) || WEXITSTATUS(outcome.status) != EINVAL ||
		    !strstr(outcome.text, bad[i].name) || !strstr(outcome.text, bad[i].value) ||
		    lines() != 1)
			test_fail(__FILE__, __LINE__, "%s=%s: wait status %#x and: %.300s",
				  bad[i].name, bad[i].value, outcome.status, outcome.text);
	}
}

PLAIN_TEST(run_works_after_a_refusal)
{
	clean_environment();
	setenv("GTBACKEND", "nonsense", 1);
	CHECK_EQ(gt_run(look, NULL), -EINVAL);
	CHECK_EQ(gt_go(look, NULL), -ESRCH);
	setenv("GTBACKEND", "futex", 1);
	CHECK_EQ(gt_run(look, NULL), 0);
	CHECK(!strcmp(backend, "futex"));
}

PLAIN_TEST(good_values)
{
	static const char *const debug[] = { "0", "migrate=1", "" };
	size_t i;

	clean_environment();
	setenv("GTBACKEND", "futex", 1);
	setenv("GTHANDOFF", "on", 1);
	expect(IS_FUTEX, 0, NULL);
	setenv("GTHANDOFF", "off", 1);
	expect(IS_FUTEX, 0, NULL);
	for (i = 0; i < ARRAY_SIZE(debug); i++) {
		setenv("GTDEBUG", debug[i], 1);
		expect(IS_FUTEX, 0, NULL);
	}
}

/* ----------------------------------------------------------------- GTMAXPROCS ---- */

PLAIN_TEST(maxprocs)
{
	clean_environment();
	setenv("GTBACKEND", "futex", 1);
	setenv("GTMAXPROCS", "3", 1);
	CHECK_EQ(gt_run(look, NULL), 0);
	CHECK_EQ(procs, 3);
}

PLAIN_TEST(maxprocs_default_minds_the_affinity_mask)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CHECK(cpu >= 0);
	clean_environment();
	setenv("GTBACKEND", "futex", 1);
	CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
	CHECK_EQ(gt_run(look, NULL), 0);
	/* A quota may make it less: see cgroup.c. */
	CHECK(procs >= 1 && procs <= CPU_COUNT(&set) && procs <= GT_MAXPROCS_MAX);
	CHECK(procs >= 2 || CPU_COUNT(&set) == 1);

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
	CHECK_EQ(gt_run(look, NULL), 0);
	CHECK_EQ(procs, 1);
}

/* ------------------------------------------------------------------ GTBACKEND ---- */

static const char missing[] = "/nonexistent/gt";

PLAIN_TEST(missing_device)
{
	clean_environment();
	setenv("GTDEVICE", missing, 1);
	expect(IS_FUTEX, 0, NULL);
	setenv("GTBACKEND", "auto", 1);
	expect(IS_FUTEX, 0, NULL);
	setenv("GTDEBUG", "1", 1);
	expect(IS_FUTEX, 1, missing);
	unsetenv("GTDEBUG");

	setenv("GTBACKEND", "kmod", 1);
	in_child(&outcome, runs);
	CHECK(WIFEXITED(outcome.status));
	CHECK(WEXITSTATUS(outcome.status) == ENODEV || WEXITSTATUS(outcome.status) == ENOENT);
	CHECK(strstr(outcome.text, missing));

	setenv("GTBACKEND", "futex", 1);
	expect(IS_FUTEX, 0, NULL);
}

/* A file that is no such device: an error of it under kmod, the fallback else. */
PLAIN_TEST(foreign_device)
{
	clean_environment();
	setenv("GTDEVICE", "/dev/null", 1);
	in_child(&outcome, runs);
	expect_exit(&outcome, IS_FUTEX);
	setenv("GTDEBUG", "1", 1);
	in_child(&outcome, runs);
	expect_exit(&outcome, IS_FUTEX);
	CHECK(strstr(outcome.text, "/dev/null"));
	unsetenv("GTDEBUG");
	setenv("GTBACKEND", "kmod", 1);
	in_child(&outcome, runs);
	CHECK(WIFEXITED(outcome.status));
	CHECK(WEXITSTATUS(outcome.status) && WEXITSTATUS(outcome.status) < IS_FUTEX);
	CHECK(strstr(outcome.text, "/dev/null"));
}

static char forbidden[] = "/tmp/gt-test-XXXXXX";

static void runs_without_permission(void)
{
	if (!geteuid() && setresuid(65534, 65534, 65534))
		_exit(99);
	runs();
}

PLAIN_TEST(forbidden_device)
{
	int fd = mkstemp(forbidden);

	CHECK(fd >= 0);
	CHECK_EQ(fchmod(fd, 0), 0);
	close(fd);
	clean_environment();
	setenv("GTDEVICE", forbidden, 1);
	in_child(&outcome, runs_without_permission);
	expect_exit(&outcome, IS_FUTEX);
	setenv("GTBACKEND", "kmod", 1);
	in_child(&outcome, runs_without_permission);
	unlink(forbidden);
	expect_exit(&outcome, EACCES);
	CHECK(strstr(outcome.text, forbidden));
}

/*
 * A device that speaks another version: this program's own ioctl() answers
 * GT_IOC_INFO for whatever file GTDEVICE names.
 */
static struct gt_info answer;
static bool answers;
static atomic_int other_commands;

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (!answers || _IOC_TYPE(request) != GT_IOC_TYPE)
		return syscall(SYS_ioctl, fd, request, arg);
	if (request == GT_IOC_INFO) {
		answer.size = sizeof(answer);
		*(struct gt_info *)arg = answer;
		return 0;
	}
	atomic_fetch_add(&other_commands, 1);
	errno = ENOTTY;
	return -1;
}

static void runs_with_an_answer(void)
{
	answers = true;
	result = gt_run(look, NULL);
	if (other_commands)
		_exit(100);	/* it must not use a device that it does not know */
	if (result)
		_exit(-result);
	_exit(!strcmp(backend, "futex") ? IS_FUTEX : 1);
}

PLAIN_TEST(device_of_another_version)
{
	clean_environment();
	answer = (struct gt_info){ .abi_version = GT_ABI_VERSION + 1, .workers_max = 64,
		.features = GT_FEATURE_BLOCK | GT_FEATURE_PARK };
	setenv("GTDEVICE", "/dev/null", 1);
	in_child(&outcome, runs_with_an_answer);
	expect_exit(&outcome, IS_FUTEX);
	CHECK(lines() > 0);		/* a warning, unasked */
	CHECK(strstr(outcome.text, "/dev/null"));
	CHECK(strstr(outcome.text, "version"));

	setenv("GTBACKEND", "kmod", 1);
	in_child(&outcome, runs_with_an_answer);
	expect_exit(&outcome, EPROTO);
	CHECK(strstr(outcome.text, "version"));
}

PLAIN_TEST(device_without_the_features)
{
	clean_environment();
	answer = (struct gt_info){ .abi_version = GT_ABI_VERSION, .workers_max = 64 };
	setenv("GTDEVICE", "/dev/null", 1);
	in_child(&outcome, runs_with_an_answer);
	expect_exit(&outcome, IS_FUTEX);
	setenv("GTBACKEND", "kmod", 1);
	in_child(&outcome, runs_with_an_answer);
	CHECK(WIFEXITED(outcome.status));
	CHECK(WEXITSTATUS(outcome.status) && WEXITSTATUS(outcome.status) < 100);
}

/* ------------------------------------------------------------- the real device ---- */

PLAIN_TEST(device_is_preferred)
{
	if (access("/dev/gt", R_OK | W_OK))
		test_skip("no /dev/gt here");
	clean_environment();
	expect(IS_KMOD, 0, NULL);
	setenv("GTBACKEND", "auto", 1);
	expect(IS_KMOD, 0, NULL);
	setenv("GTBACKEND", "kmod", 1);
	expect(IS_KMOD, 0, NULL);
	setenv("GTBACKEND", "futex", 1);
	expect(IS_FUTEX, 0, NULL);
}

PLAIN_TEST(device_needs_no_privilege)
{
	if (access("/dev/gt", R_OK | W_OK))
		test_skip("no /dev/gt here");
	if (geteuid())
		test_skip("the other device tests run without privilege here");
	clean_environment();
	setenv("GTBACKEND", "kmod", 1);
	in_child(&outcome, runs_without_permission);
	expect_exit(&outcome, IS_KMOD);
}

TEST_MAIN
