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

#endif /* GT_TEST_TRACE_H */
