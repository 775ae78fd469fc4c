// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: what the module has done so far, and what its groups are doing now.
 *
 *   gt/counters	events since the module was loaded, of all groups that were
 *   gt/groups		a line for each group that is, with its own counters
 *   gt/workers		a line for each worker
 *
 * For root, for people, and no ABI. Where there is no debugfs the files are not
 * there, and nothing else changes.
 *
 * Counters are per group and per CPU: an increment, two instructions, shares no
 * cache line with anybody and is right in every context. A sum is taken only when
 * somebody reads it, and is exact only while nothing happens. The counts of a group
 * that goes are added to gt_counts_gone.
 *
 * LOCKING. gt_groups_lock keeps the groups that a reader walks over, and RCU their
 * workers. A group goes without waiting for readers for longer than a file takes to
 * print.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"

#include <linux/debugfs.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "gt.h"

static const char *const gt_count_names[] = {
	[GT_COUNT_ATTACH] = "attach",
	[GT_COUNT_DETACH] = "detach",
	[GT_COUNT_BLOCK] = "block",
	[GT_COUNT_UNCOVERED] = "uncovered",
	[GT_COUNT_QUIET] = "quiet",
	[GT_COUNT_PARK] = "park",
	[GT_COUNT_STANDBY] = "standby",
	[GT_COUNT_STANDBY_WOKEN] = "standby_woken",
	[GT_COUNT_WAKE] = "wake",
};

static const char *const gt_state_names[] = {
	[GT_STATE_FREE] = "free",
	[GT_STATE_RUNNING] = "running",
	[GT_STATE_BLOCKED] = "blocked",
	[GT_STATE_PARKED] = "parked",
	[GT_STATE_STANDBY] = "standby",
};

/* Of groups that are no more. Under gt_groups_lock. */
static u64 gt_counts_gone[GT_COUNTS];

static struct dentry *gt_debug_dir;

static u64 gt_debug_count(const struct gt_group *group, enum gt_count which)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(group->counts, cpu)->n[which]);
	return sum;
}

/**
 * gt_debug_keep_counts_locked - a group is about to go
 * @group: whom nobody uses any more
 */
void gt_debug_keep_counts_locked(const struct gt_group *group)
{
	enum gt_count which;

	lockdep_assert_held(&gt_groups_lock);
	for (which = 0; which < GT_COUNTS; which++)
		gt_counts_gone[which] += gt_debug_count(group, which);
}

static int gt_debug_counters_show(struct seq_file *seq, void *unused)
{
	struct gt_group *group;
	enum gt_count which;

	mutex_lock(&gt_groups_lock);
	for (which = 0; which < GT_COUNTS; which++) {
		u64 sum = gt_counts_gone[which];

		list_for_each_entry(group, &gt_groups, link)
			sum += gt_debug_count(group, which);
		seq_printf(seq, "%s %llu\n", gt_count_names[which], sum);
	}
	mutex_unlock(&gt_groups_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(gt_debug_counters);

static int gt_debug_groups_show(struct seq_file *seq, void *unused)
{
	struct gt_group *group;
	enum gt_count which;

	mutex_lock(&gt_groups_lock);
	list_for_each_entry(group, &gt_groups, link) {
		seq_printf(seq, "group=%u pid=%d slots=%u used=%u grace_ns=%u uncovered=%d degraded=%d",
			   group->id, group->pid, group->workers,
			   bitmap_weight(group->slots_used, group->workers),
			   group->grace_ns, READ_ONCE(group->uncovered),
			   READ_ONCE(group->degraded));
		for (which = 0; which < GT_COUNTS; which++)
			seq_printf(seq, " %s=%llu", gt_count_names[which],
				   gt_debug_count(group, which));
		seq_putc(seq, '\n');
	}
	mutex_unlock(&gt_groups_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(gt_debug_groups);

static void gt_debug_worker_show(struct seq_file *seq, const struct gt_worker *worker)
{
	u64 word = READ_ONCE(worker->status->word);
	unsigned int state = GT_WORD_STATE(word);

	seq_printf(seq, "group=%u slot=%u tid=%d state=%s block=%llu events=%#x blocked=%llu uncovered=%llu\n",
		   worker->group->id, worker->slot, worker->task->pid,
		   state < ARRAY_SIZE(gt_state_names) ? gt_state_names[state] : "?",
		   GT_WORD_SEQ(word), atomic_read(&worker->events),
		   READ_ONCE(worker->status->nr_blocked),
		   READ_ONCE(worker->status->nr_uncovered));
}

static int gt_debug_workers_show(struct seq_file *seq, void *unused)
{
	struct gt_group *group;
	unsigned int slot;

	mutex_lock(&gt_groups_lock);
	list_for_each_entry(group, &gt_groups, link) {
		for_each_set_bit(slot, group->slots_used, group->workers) {
			const struct gt_worker *worker;

			rcu_read_lock();
			worker = rcu_dereference(group->slots[slot]);
			if (worker)
				gt_debug_worker_show(seq, worker);
			rcu_read_unlock();
		}
	}
	mutex_unlock(&gt_groups_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(gt_debug_workers);

void gt_debug_module_init(void)
{
	BUILD_BUG_ON(ARRAY_SIZE(gt_count_names) != GT_COUNTS);

	gt_debug_dir = debugfs_create_dir("gt", NULL);
	debugfs_create_file("counters", 0400, gt_debug_dir, NULL, &gt_debug_counters_fops);
	debugfs_create_file("groups", 0400, gt_debug_dir, NULL, &gt_debug_groups_fops);
	debugfs_create_file("workers", 0400, gt_debug_dir, NULL, &gt_debug_workers_fops);
}

/* Waits for readers. */
void gt_debug_module_exit(void)
{
	debugfs_remove(gt_debug_dir);
}
