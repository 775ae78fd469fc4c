/* SPDX-License-Identifier: MIT */
/*
 * gt: goroutines for C on Linux. Includes the whole public interface.
 *
 * Conventions of all calls, unless a call's text says otherwise:
 *
 * - A call returns 0, or a count, or a negative errno value. errno itself is
 *   never part of a result: it is kept for each task, across suspensions.
 * - Times are nanoseconds, deadlines are absolute CLOCK_MONOTONIC times as
 *   gt_now() gives them.
 * - Misuse on which Go panics is a gt_panic() here.
 * - The "Context:" line of a call says four things. Suspends: whether the calling
 *   task may be parked meanwhile, so that others run on its thread. Migrates:
 *   whether the task may go on on another thread, with other thread-local
 *   variables; not at all, where nothing is said of it. Pthread: what happens on a
 *   thread that runs no task. Signal-safe: whether a signal handler may call it.
 * - Objects of zero bytes ("= {0}" or static) are ready to use, where a type is
 *   given in full.
 */
#ifndef GT_GT_H
#define GT_GT_H

#include <gt/atomic.h>
#include <gt/bubble.h>
#include <gt/chan.h>
#include <gt/context.h>
#include <gt/errgroup.h>
#include <gt/limiter.h>
#include <gt/lockfree.h>
#include <gt/map.h>
#include <gt/net.h>
#include <gt/panic.h>
#include <gt/pool.h>
#include <gt/select.h>
#include <gt/semaphore.h>
#include <gt/sharded.h>
#include <gt/signal.h>
#include <gt/singleflight.h>
#include <gt/stats.h>
#include <gt/supervisor.h>
#include <gt/sync.h>
#include <gt/syscall.h>
#include <gt/task.h>
#include <gt/thread.h>
#include <gt/time.h>
#include <gt/typed.h>
#include <gt/version.h>
#include <gt/workers.h>

#endif /* GT_GT_H */
