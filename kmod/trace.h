/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: what the module sees and does, one event each, under events/gt in
 * tracefs. They are a debugging aid and no ABI: names and fields may change.
 *
 * Every event names the worker that it is about, by group (as debugfs numbers
 * them), slot and thread. That worker is the task that the trace shows for it, but
 * for a wake, a report and what comes of it, which happen in a waker's context or
 * in an interrupt. All may be called from sched_out and from hard interrupts: no
 * event does more than copy numbers.
 *
 * An event that is off costs a nop. Most sites count as well: see gt_count().
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM gt

#if !defined(_GT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _GT_TRACE_H

#include <linux/tracepoint.h>

#include "gt.h"

DECLARE_EVENT_CLASS(gt_worker,
	TP_PROTO(const struct gt_worker *worker),
	TP_ARGS(worker),
	TP_STRUCT__entry(
		__field(unsigned int, group)
		__field(unsigned int, slot)
		__field(pid_t, tid)
	),
	TP_fast_assign(
		__entry->group = worker->group->id;
		__entry->slot = worker->slot;
		__entry->tid = worker->task->pid;
	),
	TP_printk("group=%u slot=%u tid=%d", __entry->group, __entry->slot, __entry->tid)
);

/* The thread is a worker. */
DEFINE_EVENT(gt_worker, gt_attach,
	TP_PROTO(const struct gt_worker *worker), TP_ARGS(worker));

/* It is one no more: by command, by exec, or, from a kernel thread, by its death. */
DEFINE_EVENT(gt_worker, gt_detach,
	TP_PROTO(const struct gt_worker *worker), TP_ARGS(worker));

/* It is about to sleep in GT_IOC_WORKER_PARK: a park that finds a wake is none. */
DEFINE_EVENT(gt_worker, gt_park,
	TP_PROTO(const struct gt_worker *worker), TP_ARGS(worker));

/* It is about to sleep in GT_IOC_WORKER_STANDBY. */
DEFINE_EVENT(gt_worker, gt_standby,
	TP_PROTO(const struct gt_worker *worker), TP_ARGS(worker));

/* It is given the group's uncovered event as it stands by, and is woken. */
DEFINE_EVENT(gt_worker, gt_standby_woken,
	TP_PROTO(const struct gt_worker *worker), TP_ARGS(worker));

/* It is woken by GT_IOC_WORKER_WAKE, asleep or not. */
DEFINE_EVENT(gt_worker, gt_wake,
	TP_PROTO(const struct gt_worker *worker), TP_ARGS(worker));

DECLARE_EVENT_CLASS(gt_worker_block,
	TP_PROTO(const struct gt_worker *worker, u64 word),
	TP_ARGS(worker, word),
	TP_STRUCT__entry(
		__field(unsigned int, group)
		__field(unsigned int, slot)
		__field(pid_t, tid)
		__field(u64, block)
		__field(bool, covered)
	),
	TP_fast_assign(
		__entry->group = worker->group->id;
		__entry->slot = worker->slot;
		__entry->tid = worker->task->pid;
		__entry->block = GT_WORD_SEQ(word);
		__entry->covered = READ_ONCE(worker->armed) == word;
	),
	TP_printk("group=%u slot=%u tid=%d block=%llu covered=%d", __entry->group,
		  __entry->slot, __entry->tid, __entry->block, __entry->covered)
);

/* It goes to sleep in the kernel, but not by a command. In sched_out. */
DEFINE_EVENT(gt_worker_block, gt_block,
	TP_PROTO(const struct gt_worker *worker, u64 word), TP_ARGS(worker, word));

/* It has been blocked for the whole grace; if it is not quiet the event is raised. */
DEFINE_EVENT(gt_worker_block, gt_uncovered,
	TP_PROTO(const struct gt_worker *worker, u64 word), TP_ARGS(worker, word));

/* The watchdog gives the group up: GT_FAULT_*. */
TRACE_EVENT(gt_degrade,
	TP_PROTO(const struct gt_group *group, unsigned int fault),
	TP_ARGS(group, fault),
	TP_STRUCT__entry(
		__field(unsigned int, group)
		__field(unsigned int, fault)
	),
	TP_fast_assign(
		__entry->group = group->id;
		__entry->fault = fault;
	),
	TP_printk("group=%u fault=%u", __entry->group, __entry->fault)
);

#endif /* _GT_TRACE_H */

/* Found by -I, which names this folder. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
