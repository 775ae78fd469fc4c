// SPDX-License-Identifier: GPL-2.0
/*
 * The entry object, with which a program defines gt_main() in place of main(). It
 * is linked here under the name entry_main().
 */
#include "test.h"

int entry_main(int argc, char **argv);

static char *arguments[] = { "program", "one", "two", NULL };
static struct outcome outcome;

static void count_for_ever(void *arg)
{
	for (;;)
		gt_yield();
	(void)arg;
}

int gt_main(int argc, char **argv)
{
	CHECK_EQ(argc, 3);
	CHECK(argv == arguments && !argv[3]);
	CHECK_EQ(gt_task_id(), 1);
	CHECK_EQ(gt_go(count_for_ever, NULL), 0);
	gt_yield();
	if (getenv("GT_TEST_MAIN_EXITS"))
		exit(18);
	return 17;
}

static void enters(void)
{
	exit(entry_main(3, arguments));
}

PLAIN_TEST(status_is_what_gt_main_returns)
{
	in_child(&outcome, enters);
	expect_exit(&outcome, 17);
	CHECK(!outcome.text[0]);
}

PLAIN_TEST(gt_main_may_exit)
{
	setenv("GT_TEST_MAIN_EXITS", "1", 1);
	in_child(&outcome, enters);
	expect_exit(&outcome, 18);
}

/* A runtime that cannot start is a failure of the program, with a reason. */
PLAIN_TEST(bad_environment)
{
	setenv("GTBACKEND", "nonsense", 1);
	in_child(&outcome, enters);
	CHECK(WIFEXITED(outcome.status));
	CHECK(WEXITSTATUS(outcome.status) && WEXITSTATUS(outcome.status) != 17);
	CHECK(strstr(outcome.text, "GTBACKEND"));
}

TEST_MAIN
