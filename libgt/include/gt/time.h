/* SPDX-License-Identifier: MIT */
/* Time: reading the clock, and sleeping. */
#ifndef GT_TIME_H
#define GT_TIME_H

#include <stdint.h>

#include <gt/version.h>

GT_BEGIN_DECLS

#define GT_MICROSECOND INT64_C(1000)
#define GT_MILLISECOND INT64_C(1000000)
#define GT_SECOND INT64_C(1000000000)

/** GT_NO_DEADLINE - the deadline of a call that waits as long as it takes. */
#define GT_NO_DEADLINE INT64_MAX

/**
 * gt_now - the time on the clock that deadlines use
 *
 * Context: Suspends: no. Pthread: works. Signal-safe: yes.
 * Return: nanoseconds of CLOCK_MONOTONIC.
 */
int64_t gt_now(void);

/**
 * gt_sleep - wait for a while
 * @ns: how long at least; zero or less only yields.
 *
 * Context: Suspends: yes. Migrates: yes. Pthread: blocks the thread.
 * Signal-safe: no.
 */
void gt_sleep(int64_t ns);

/**
 * gt_sleep_until - wait until a time has come
 * @deadline: absolute, as gt_now() gives it; one in the past only yields.
 *
 * Context: as gt_sleep().
 */
void gt_sleep_until(int64_t deadline);

GT_END_DECLS

#endif /* GT_TIME_H */
