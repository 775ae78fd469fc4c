/* SPDX-License-Identifier: GPL-2.0 */
/* The cases in C++, and what they use of the tests' C. */
#ifndef GT_TEST_CXX_CASES_H
#define GT_TEST_CXX_CASES_H

#include <gt/gt.h>

GT_BEGIN_DECLS

/* cxx.c: add to the trace; the test fails unless ok. */
void cxx_trace(const char *text);
void cxx_check(bool ok, int line);

/* cases.cc: each a task's function. */
void cxx_recovers(void *arg);
void cxx_exits(void *arg);
void cxx_defers_past_exceptions(void *arg);
void cxx_panics_in_a_handler(void *arg);
void cxx_exits_in_a_handler(void *arg);
void cxx_returns_results(void *arg);
void cxx_suspends_in_handlers(void *arg);

/* Each ends the process. */
void cxx_swallows_a_panic(void *arg);
void cxx_is_noexcept(void *arg);
void cxx_throws_out_of_the_task(void *arg);

GT_END_DECLS

#endif /* GT_TEST_CXX_CASES_H */
