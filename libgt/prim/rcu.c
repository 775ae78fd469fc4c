/* SPDX-License-Identifier: MIT */
/*
 * Grace periods, and who waits for them.
 *
 * liburcu's "bulletproof" flavour: a thread is registered as it first reads, plain
 * ones too, which use gt's structures as tasks do; and forgotten as it ends. A task
 * reads inside the runtime, where it neither parks nor is preempted, and calls
 * nothing that does: so what belongs to the thread, liburcu's reader, is never seen
 * half-way by another task, and a grace period waits for instructions, not for tasks.
 *
 * What is retired collects in a batch of its structure. Who makes the batch full
 * takes all of it, waits for a grace period and frees: 60 us then, some 60 ns for
 * each. At most GT_RCU_BATCH wait at any time in a structure that nobody uses.
 *
 * Waiting is a declared system call: the processor serves others meanwhile, and the
 * task, holding liburcu's locks, is not preempted.
 *
 * Rejected: call_rcu(), whose thread would be a sign of life to deadlock.c, and would
 * call users' functions where they expect nobody; the memb flavour, whose threads
 * have to register; qsbr, whose threads have to report from every loop.
 */
#include <pthread.h>

#include "gt/syscall.h"
#include "prim/rcu.h"

#define GT_RCU_BATCH 1024

char gt_rcu_periods;

void gt_rcu_wait(void)
{
	gt_entersyscall();
	urcu_bp_synchronize_rcu();
	gt_exitsyscall();
#ifdef GT_TSAN
	__tsan_acquire(&gt_rcu_periods);
#endif
}

void gt_rcu_flush(struct gt_rcu_batch *batch)
{
	struct gt_rcu_head *head, *next;

	gt_store(&batch->count, 0);
	head = atomic_exchange_explicit(&batch->head, NULL, memory_order_acquire);
	if (!head)
		return;
	gt_rcu_wait();
	for (; head; head = next) {
		next = head->next;
		head->free(head);
	}
}

void gt_rcu_retire(struct gt_rcu_batch *batch, struct gt_rcu_head *head,
		   void (*free)(struct gt_rcu_head *head))
{
	struct gt_rcu_head *first = gt_load(&batch->head);

	head->free = free;
	do
		head->next = first;
	while (!atomic_compare_exchange_weak_explicit(&batch->head, &first, head,
						      memory_order_release,
						      memory_order_relaxed));
	if (atomic_fetch_add_explicit(&batch->count, 1, memory_order_relaxed) + 1 == GT_RCU_BATCH)
		gt_rcu_flush(batch);
}

/* A child has one thread, and must not wait for the others' reading. */
static void at_fork(void)
{
	pthread_atfork(urcu_bp_before_fork, urcu_bp_after_fork_parent,
		       urcu_bp_after_fork_child);
}

void gt_rcu_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, at_fork);
}
