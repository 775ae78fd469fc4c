/* SPDX-License-Identifier: GPL-2.0 */
/* What a task does, in words; for tests of an order. One task writes at a time. */
#ifndef GT_TEST_TRACE_H
#define GT_TEST_TRACE_H

#include "test.h"

static char trace_text[1024];
static size_t trace_size;

__attribute__((__unused__))
static void trace(const char *text)
{
	size_t size = strlen(text);

	CHECK(trace_size + size < sizeof(trace_text));
	memcpy(trace_text + trace_size, text, size + 1);
	trace_size += size;
}

/* That was all; the next begins. */
#define EXPECT_TRACE(expected) do { \
	trace_text[trace_size] = 0; \
	if (strcmp(trace_text, expected)) \
		test_fail(__FILE__, __LINE__, "trace is \"%s\", not \"%s\"", trace_text, expected); \
	trace_size = 0; \
} while (0)

/* Deferred: a word. */
__attribute__((__unused__))
static void says(void *arg)
{
	trace(arg);
}

/* Deferred: what is recovered, in brackets. */
__attribute__((__unused__))
static void recovers(void *arg)
{
	const struct gt_panic_info *info = gt_recover();

	(void)arg;
	trace("[");
	trace(info ? info->message : "nil");
	trace("]");
}

/* Deferred: panics, one way or the other. */
__attribute__((__unused__))
static void panics_with(void *arg)
{
	gt_panic("%s", (char *)arg);
}

__attribute__((__unused__))
static void traces_then_panics(void *arg)
{
	trace("p");
	panics_with(arg);
}

/* recovers() would be too deep a call for that. */
__attribute__((__unused__))
static void takes_then_panics(void *arg)
{
	const struct gt_panic_info *info = gt_recover();

	CHECK(info);
	trace(info->message);
	panics_with(arg);
}

/* Deferred: a panic that stays its own. */
__attribute__((__unused__))
static void panics_and_recovers(void)
{
	GT_DEFER(recovers, NULL);
	gt_panic("B");
}

__attribute__((__unused__))
static void has_its_own_panic(void *arg)
{
	panics_and_recovers();
	trace(arg);
}

/* Leaves "1p3[B]4". */
__attribute__((__unused__))
static void panic_in_a_defer_inner(void)
{
	GT_DEFER(says, "3");
	GT_DEFER(traces_then_panics, "B");
	GT_DEFER(says, "1");
	gt_panic("A");
}

__attribute__((__unused__))
static void panic_in_a_defer(void)
{
	GT_DEFER(says, "4");
	GT_DEFER(recovers, NULL);
	panic_in_a_defer_inner();
	trace("!");
}

#endif /* GT_TEST_TRACE_H */
