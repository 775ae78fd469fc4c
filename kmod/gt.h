/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The objects of the gt module and who may touch them.
 *
 * References. They all end in the file, and the file ends in the module:
 *
 *	descriptor, mapping	hold the file (the VFS does that)
 *	worker			holds the file and its task's task_struct
 *	queued task work	holds the file and the worker; see upcall.c
 *	file			holds the group, and the module through .owner
 *	group			holds the mm_struct (not the address space), the
 *				pages of its areas, and its share of its user's
 *				limits
 *
 * So a group has no count of its own: release() of the file is its end, and no
 * worker and no mapping is left by then. What can outlast the file is the tail
 * of a dead worker's work item and the RCU callback that frees a worker; module
 * exit waits for both.
 *
 * Locks, outermost first, and what they nest with:
 *
 *	limit.c's mutex		alone
 *	gt_groups_lock		before group.lock, in the watchdog
 *	gt_group.lock		raw, taken with interrupts off, also in hard
 *				interrupts; a leaf: nobody is woken under it.
 *				Never taken in sched_out, which has a run queue
 *				locked that a wakeup may need.
 *	gt_slice.lock		raw, the same; taken in sched_out
 *	RCU			protects a worker found by its slot
 */
#ifndef _GT_H
#define _GT_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

#include <linux/gt.h>

struct file;
struct vm_area_struct;

/* The most workers of one group: bounds each loop over the slots. */
#define GT_WORKERS_MAX		4096

/**
 * struct gt_area - pages that the kernel and user space share
 * @address:	where the kernel sees them.
 * @pages:	one by one.
 * @nr_pages:	how many.
 *
 * Everything is constant while the group exists.
 */
struct gt_area {
	void *address;
	struct page **pages;
	unsigned int nr_pages;
};

struct gt_arena;
struct gt_user;

/* What is counted; debug.c has the names. */
enum gt_count {
	GT_COUNT_ATTACH,
	GT_COUNT_DETACH,
	GT_COUNT_BLOCK,
	GT_COUNT_UNCOVERED,
	GT_COUNT_QUIET,
	GT_COUNT_PARK,
	GT_COUNT_STANDBY,
	GT_COUNT_STANDBY_WOKEN,
	GT_COUNT_WAKE,
	GT_COUNTS
};

/* What the watchdog may find; bit numbers of the parameter faults. */
enum gt_fault {
	GT_FAULT_NONE,
	GT_FAULT_REPORT,
	GT_FAULT_EVENT,
	GT_FAULT_WAKEUP,
	GT_FAULT_EXIT,
};

struct gt_counts {
	unsigned long n[GT_COUNTS];
};

/**
 * struct gt_group - one open file, after GT_IOC_GROUP_SETUP
 * @mm:		the only address space that commands may come from. Constant; used
 *		as an identity alone, the count on it keeps it from being reused.
 * @workers:	number of slots. Constant.
 * @grace_ns:	Constant.
 * @user:	whom @workers are charged to. Constant.
 * @status_area: struct gt_status, struct gt_worker_status[]. Who writes a word of
 *		it is said at the head of block.c.
 * @user_area:	struct gt_worker_user[]; written by user space at any time.
 * @arena:	NULL, until GT_IOC_ARENA_SETUP; then constant.
 * @lock:	see each of:
 * @slots:	[@workers] who is where. Written under @lock, read under RCU.
 * @slots_used:	[@workers] bits. A bit is set before its entry in @slots is, and
 *		cleared with it. Under @lock.
 * @standby:	workers in GT_IOC_WORKER_STANDBY, the latest first. Under @lock.
 * @uncovered:	an event was raised while @standby was empty. Under @lock; the
 *		copy in the status area is for user space to look at.
 * @degraded:	see watchdog.c. Under @lock; never cleared.
 * @watched:	what the watchdog found at its latest look.
 * @watched_key: and the key of that.
 * @link:	in gt_groups. Under gt_groups_lock.
 * @id:		by which debugfs and tracepoints call it. Constant.
 * @pid:	the process that set it up, for people to read. Constant.
 * @counts:	events so far, see gt_count().
 */
struct gt_group {
	struct mm_struct *mm;
	unsigned int workers;
	unsigned int grace_ns;
	struct gt_user *user;
	struct gt_area status_area;
	struct gt_area user_area;
	struct gt_arena *arena;

	raw_spinlock_t lock;
	struct gt_worker __rcu **slots;
	unsigned long *slots_used;
	struct list_head standby;
	bool uncovered;
	bool degraded;

	enum gt_fault watched;
	u64 watched_key;

	struct list_head link;
	unsigned int id;
	pid_t pid;
	struct gt_counts __percpu *counts;
};

/**
 * struct gt_upcall - how a worker is called, and the requests for it; see upcall.c
 * @work:	the task work. Queued while @pending says so.
 * @pending:	GT_UPCALL_* bits requested, and whether @work is queued. Anybody's.
 * @seq:	what the latest GT_IOC_WORKER_PREEMPT was meant for. Anybody's.
 * @retry_timer: repeats a request that came at a moment's wrong time.
 * @set:	there is a way to call it. Written by the task, read by anybody.
 * @entry, @entry_size, @stack, @stack_size, @signal, @ranges, @ranges_count: as given
 *		to GT_IOC_WORKER_UPCALL. The task's alone.
 */
struct gt_upcall {
	struct callback_head work;
	atomic_t pending;
	u64 seq;
	struct hrtimer retry_timer;
	bool set;

	unsigned long entry;
	unsigned long entry_size;
	unsigned long stack;
	unsigned long stack_size;
	int signal;
	unsigned int ranges_count;
	struct gt_text_range *ranges;
};

/**
 * struct gt_slice - the time slice of a worker; see slice.c
 * @lock:	the fields below, but @timer. Nests in a run queue's; a leaf but for what
 *		starting a timer takes.
 * @timer:	looks, while the worker is on a CPU.
 * @ticking:	it is still to come.
 * @on_cpu:	so is the worker.
 * @length:	of a slice, in ns; 0 for none. Written by the task.
 * @since:	when the worker came on its CPU.
 * @spent:	its CPU time before that.
 * @seq:	what it ran at the last look.
 * @begun:	its CPU time when that was first seen.
 */
struct gt_slice {
	raw_spinlock_t lock;
	struct hrtimer timer;
	bool ticking;
	bool on_cpu;
	u64 length;
	u64 since;
	u64 spent;
	u64 seq;
	u64 begun;
};

/**
 * struct gt_worker - a thread that attached itself to a group
 * @notifier:	links it to its task, from attach to detach or death. The list that
 *		it is on belongs to the task: nobody else walks or changes it.
 * @users:	the group's slot, and task work that is queued.
 * @group:	Constant.
 * @file:	the group's file, which the worker holds. Constant.
 * @task:	the thread, held. Constant.
 * @slot:	Constant.
 * @status:	its entry in the status area.
 * @user:	its entry in the user area.
 * @events:	pending GT_EVENT_* bits. Set by anybody, with a wakeup after it; taken
 *		by the task alone.
 * @standby:	on group->standby, or empty. Under group->lock.
 * @offered:	@user->word was BLOCKED in this block. The task's.
 * @workless:	its queue was empty as it blocked. Written in sched_out.
 * @armed:	the word of the last block that was to be reported. Written in
 *		sched_out.
 * @raised:	the word of the last block that was reported. Under group->lock.
 * @answered:	the word at which the last grace was over. Under group->lock.
 * @dead:	its task has run for the last time.
 * @watched:	what the watchdog found at its latest look.
 * @watched_key: and the key of that.
 * @grace_timer: reports the block when the grace is over. Armed in sched_out,
 *		cancelled in sched_in.
 * @report_work: reports the block at once, if there is no grace.
 * @upcall:	see there.
 * @slice:	see there.
 * @death_work:	leads from the last sched_out to @exit_work.
 * @exit_work:	takes the worker of a dead task apart.
 * @rcu:	frees it when no reader of group->slots is left.
 */
struct gt_worker {
	struct preempt_notifier notifier;
	refcount_t users;
	struct gt_group *group;
	struct file *file;
	struct task_struct *task;
	unsigned int slot;
	struct gt_worker_status *status;
	struct gt_worker_user *user;

	atomic_t events;
	struct list_head standby;

	bool offered;
	bool workless;
	u64 armed;
	u64 raised;
	u64 answered;
	bool dead;
	enum gt_fault watched;
	u64 watched_key;
	struct hrtimer grace_timer;
	struct irq_work report_work;

	struct gt_upcall upcall;
	struct gt_slice slice;

	struct irq_work death_work;
	struct work_struct exit_work;
	struct rcu_head rcu;
};

/* group.c */
extern struct mutex gt_groups_lock;
extern struct list_head gt_groups;
int gt_group_setup(struct file *file, struct gt_group_setup *arg,
		   struct gt_group_setup __user *user_arg);
void gt_group_release(struct file *file);
int gt_group_slot_reserve(struct gt_group *group);
void gt_group_slot_publish(struct gt_group *group, struct gt_worker *worker);
void gt_group_slot_release(struct gt_group *group, unsigned int slot);

/**
 * gt_group_of - the group of a file, or NULL before it is set up
 * @file: of this device
 */
static inline struct gt_group *gt_group_of(struct file *file)
{
	/* Pairs with the cmpxchg() in gt_group_setup(). */
	return smp_load_acquire(&file->private_data);
}

static inline struct gt_status *gt_group_status(const struct gt_group *group)
{
	return group->status_area.address;
}

static inline const struct gt_group_user *gt_group_user(const struct gt_group *group)
{
	return (const struct gt_group_user *)
		((const struct gt_worker_user *)group->user_area.address + group->workers);
}

/* debug.c */
void gt_debug_keep_counts_locked(const struct gt_group *group);
void gt_debug_module_init(void);
void gt_debug_module_exit(void);

/**
 * gt_count - count an event, in any context
 * @group: of whom
 * @which: event
 */
static inline void gt_count(const struct gt_group *group, enum gt_count which)
{
	this_cpu_inc(group->counts->n[which]);
}

/* area.c */
int gt_area_create(struct gt_area *area, size_t size);
void gt_area_destroy(struct gt_area *area);
int gt_area_mmap(struct file *file, struct vm_area_struct *vma);

static inline size_t gt_area_size(const struct gt_area *area)
{
	return (size_t)area->nr_pages << PAGE_SHIFT;
}

/* arena.c */
int gt_arena_setup(struct gt_group *group, const struct gt_arena_setup *arg);
int gt_arena_mmap(struct gt_group *group, struct vm_area_struct *vma);
void gt_arena_destroy(struct gt_group *group);
int gt_arena_module_init(void);
void gt_arena_module_exit(void);

/* quota.c */
#ifdef CONFIG_CGROUPS
int gt_quota_limit(struct gt_group *group, const struct gt_group_limit *arg,
		   struct gt_group_limit __user *user_arg);
bool gt_quota_available(void);
int gt_quota_module_init(void);
void gt_quota_module_exit(void);
#else
static inline int gt_quota_limit(struct gt_group *group, const struct gt_group_limit *arg,
				 struct gt_group_limit __user *user_arg)
{
	return -EOPNOTSUPP;
}

static inline bool gt_quota_available(void)
{
	return false;
}

static inline int gt_quota_module_init(void)
{
	return 0;
}

static inline void gt_quota_module_exit(void)
{
}
#endif

/* worker.c */
int gt_worker_attach(struct file *file, struct gt_group *group,
		     struct gt_worker_attach __user *user_arg);
int gt_worker_detach(struct gt_group *group);
struct gt_worker *gt_worker_current(const struct gt_group *group);
void gt_worker_put(struct gt_worker *worker);
void gt_worker_flush(struct file *file);
int gt_worker_module_init(void);
void gt_worker_module_exit(void);

/**
 * gt_worker_dead - the worker's task is being switched away from for ever
 * @worker: of current
 *
 * Called from sched_out; the way on is told in worker.c.
 */
static inline void gt_worker_dead(struct gt_worker *worker)
{
	WRITE_ONCE(worker->dead, true);
	irq_work_queue(&worker->death_work);
}

/**
 * gt_worker_get - keep a worker that was found under RCU
 * @worker: the worker
 *
 * Return: false if it is about to be freed.
 */
static inline bool gt_worker_get(struct gt_worker *worker)
{
	return refcount_inc_not_zero(&worker->users);
}

/* block.c */
void gt_block_init(struct gt_worker *worker);
void gt_block_stop(struct gt_worker *worker);
void gt_block_word_set(struct gt_worker *worker, unsigned int state);
struct gt_worker *gt_block_raise_locked(struct gt_group *group);
extern struct preempt_ops gt_block_preempt_ops;

/* word.c */
void gt_word_block(struct gt_worker *worker, u64 number);
bool gt_word_return(struct gt_worker *worker, u64 number);

/* park.c */
int gt_park(struct gt_worker *worker, const struct gt_worker_park *arg,
	    struct gt_worker_park __user *user_arg);
int gt_park_standby(struct gt_worker *worker, const struct gt_worker_park *arg,
		    struct gt_worker_park __user *user_arg);
int gt_park_wake(struct gt_group *group, const struct gt_worker_wake *arg);
int gt_park_swap(struct gt_worker *worker, const struct gt_worker_swap *arg,
		 struct gt_worker_swap __user *user_arg);

/* watchdog.c */
void gt_watchdog_start_locked(void);
void gt_watchdog_hold(enum gt_fault fault);
void gt_watchdog_module_exit(void);
extern unsigned int gt_faults;

/**
 * gt_fault - shall the module lose this?
 * @fault: GT_FAULT_*
 */
static inline bool gt_fault(enum gt_fault fault)
{
	return unlikely(READ_ONCE(gt_faults) & 1U << fault);
}

/* upcall.c */
void gt_upcall_init(struct gt_worker *worker);
void gt_upcall_stop(struct gt_worker *worker);
void gt_upcall_free(struct gt_worker *worker);
int gt_upcall_set(struct gt_worker *worker, const struct gt_worker_upcall *arg);
int gt_upcall_preempt(struct gt_group *group, const struct gt_worker_preempt *arg);
bool gt_upcall_request(struct gt_worker *worker, unsigned int reasons);

/* slice.c */
void gt_slice_init(struct gt_worker *worker);
void gt_slice_stop(struct gt_worker *worker);
void gt_slice_in(struct gt_worker *worker);
void gt_slice_out(struct gt_worker *worker);
int gt_slice_set(struct gt_worker *worker, const struct gt_worker_slice *arg);

/* limit.c */
struct gt_user *gt_limit_charge(kuid_t uid, unsigned int workers);
void gt_limit_uncharge(struct gt_user *user, unsigned int workers);
int gt_limit_charge_arena(struct gt_user *user, u64 size);
void gt_limit_uncharge_arena(struct gt_user *user, u64 size);

#endif /* _GT_H */
