// SPDX-License-Identifier: GPL-2.0
/*
 * Panics: what they run, in which order, who may recover them, and where it goes on
 * then. The orders are those that a Go program of the same shape prints.
 */
#include "test.h"

/* What happens is a letter each. */
static char trace[256];
static atomic_int traced;

static void note(char letter)
{
	trace[atomic_fetch_add(&traced, 1)] = letter;
}

static void check_trace(const char *expected)
{
	trace[traced] = 0;
	if (strcmp(trace, expected))
		test_fail(__FILE__, __LINE__, "trace is %s, not %s", trace, expected);
	atomic_store(&traced, 0);
}

static void notes(void *arg)
{
	note(*(const char *)arg);
}

static void recovers(void *arg)
{
	const struct gt_panic_info *info = gt_recover();

	CHECK(info);
	CHECK(!strcmp(info->message, arg));
	CHECK(!gt_recover());
	note('R');
}

/* --------------------------------------------------------------- recovery ---- */

NOINLINE static void panics(const char *text)
{
	GT_DEFER(notes, "1");
	note('P');
	gt_panic("%s", text);
}

static void recovered(void)
{
	GT_DEFER(notes, "4");
	GT_DEFER(recovers, "boom");
	GT_DEFER(notes, "2");
	panics("boom");
	note('!');
}

GT_TEST_PROCS(function_returns_to_its_caller)
{
	for (int i = 0; i < 20; i++) {
		note('0');
		recovered();
		note('5');
		check_trace("0P12R45");
	}
	atomic_store(&traced, 0);
}

TEST_MAIN
