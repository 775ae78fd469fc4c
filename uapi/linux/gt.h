/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/gt: exact scheduler activations for user-space task runtimes.
 *
 * A runtime multiplexes many tasks on a few worker threads, at most a fixed
 * number of which should run user code at a time. When a worker blocks in the
 * kernel (a read() deep inside a library, a page fault, a contended futex) the
 * right to run that it holds is idle until somebody notices. This device
 * notices: it reports the block from the context switch itself and wakes a
 * standby worker of the same group to take over.
 *
 * OBJECTS
 *
 * Group   One open file of /dev/gt, bound by GT_IOC_GROUP_SETUP to the address
 *         space of its caller. Groups never see or touch each other. A dup()ed
 *         or inherited descriptor names the same group, but every command from
 *         another address space (a fork child, an image started by exec) fails
 *         with EPERM. A group lives until its last descriptor is closed, its
 *         last mapping is gone and its last worker has exited.
 * Worker  A thread that attached itself. It is named by its slot, an index
 *         from 0 to workers - 1 that is its own until it detaches or exits;
 *         a thread that exits attached is detached by the kernel, a moment
 *         after others can see that it has gone (pthread_join() does not wait
 *         for it). One that calls exec is detached when the descriptor is
 *         closed, by exec itself if it is O_CLOEXEC, or when the new image
 *         attaches to a group of its own; it reports nothing in between.
 *
 * SHARED MEMORY
 *
 * mmap() of the file gives two areas (and stacks: see struct gt_arena_setup). Their sizes are returned by
 * GT_IOC_GROUP_SETUP, a shorter mapping is allowed, mappings are not inherited
 * over fork() and cannot be grown. mmap() fails with EACCES for a protection and
 * with EINVAL for an offset, a length or a MAP_PRIVATE that an area does not have.
 *
 *   GT_MMAP_STATUS  struct gt_status, then struct gt_worker_status[workers].
 *                   Written by the kernel alone; PROT_READ | MAP_SHARED only.
 *   GT_MMAP_USER    struct gt_worker_user[workers], then struct gt_group_user.
 *                   Written by user space, read by the kernel as advice: no value
 *                   in it can harm anybody but its own group.
 *
 * Words in these areas are naturally aligned and are read and written whole.
 *
 * EVENTS
 *
 * A worker is "uncovered" once it has been blocked for the group's grace_ns
 * without a break while gt_worker_user.cover was non-zero at the moment it
 * blocked. Unless it is quiet (see below) that raises the group's
 * GT_EVENT_UNCOVERED and wakes one worker that sleeps in
 * GT_IOC_WORKER_STANDBY. The event is level-triggered: raised while nobody
 * stands by, it is delivered to the next worker that does. Events coalesce: on
 * GT_EVENT_UNCOVERED read the status of every worker of interest.
 *
 * ONLY IF THERE IS WORK
 *
 * To wake somebody for a worker that held nothing but the right to run is a waste, while
 * there is such a right to spare. So a worker that becomes uncovered raises no event, it is
 * "quiet", if at that moment gt_group_user.spare and gt_group_user.attended are both
 * non-zero, and its own queue was empty when it blocked (gt_worker_user.queue). All else is
 * as it was: it is uncovered in its status, and what it holds may be taken.
 *
 * Who takes the last spare right has to look after the quiet ones, or what comes to be done
 * from then on finds nobody. Nothing is lost if he does this:
 *
 *	clear spare
 *	full memory barrier
 *	if gt_status.quiet is not what it was at his latest such look, look at all workers:
 *	take what a quiet one holds, and there is something to spare again
 *
 * A worker that becomes uncovered at the same time either finds spare clear, and raises the
 * event, or is seen to be uncovered by that look.
 *
 * UPCALLS
 *
 * A worker that has named an entry by GT_IOC_WORKER_UPCALL can be made to call it,
 * wherever it is in user code: the next time that it returns to user space, it goes
 * on at the entry, on a stack of its own, with a struct gt_upcall_frame at the stack
 * pointer. All other registers are what they were, but for the flags DF, NT, AC and
 * TF, which are clear. On x86-64 an entry that saves all it changes, vector registers
 * included, and with the stack pointer at the frame again ends in
 *
 *	popfq; pop %rsp; ret $128
 *
 * goes on exactly where the worker was interrupted. For this the kernel has put the
 * address of that instruction below the red zone of the interrupted stack, the 128 bytes
 * under the stack pointer, and nothing else is changed there.
 *
 * An upcall is no signal: nothing is masked, no system call is interrupted. A worker
 * that sleeps in one gets its upcall when that is over, before it is back in user code.
 * A restartable sequence (rseq) is aborted, as by a signal.
 *
 * Upcalls do not nest. While the stack pointer is on the upcall stack or the next
 * instruction is one of the entry's, requests wait; so they do for the moment that a
 * probe, a system call about to be restarted, or a signal raised by the instruction itself
 * takes, and while a debugger steps the worker instruction by instruction. Other requests
 * that come at a wrong time are not carried out but noted, as a bit in
 * gt_worker_user.missed:
 *
 *   - while gt_worker_user.no_preempt is non-zero;
 *   - while the worker steps itself instruction by instruction;
 *   - outside the registered text ranges, if there are any;
 *   - on the alternate signal stack, which the next signal would begin anew if the
 *     stack pointer pointed elsewhere; in 32-bit code; with a user shadow stack; and
 *     if one of the two stacks has no room.
 *
 * In the last case the worker is sent its fallback signal instead, if it has named one,
 * as it returns to user space. So no system call is interrupted by it either.
 *
 * THE RETURN FROM A BLOCK
 *
 * A worker whose gt_worker_user.word became TAKEN while it was blocked comes back without
 * what it held. If it has named an entry it gets an upcall for GT_UPCALL_RETURN, before it
 * is back in user code, and once for that block: so it can ask for something in place of
 * what was taken, or wait for it, before it runs on. No signal stands in for that one; where
 * it cannot be it is noted as missed.
 *
 * DEGRADED
 *
 * A watchdog in the kernel looks for groups that it has failed: a block that was not
 * reported long after the grace, an event that was not delivered, a wakeup that got
 * lost, a dead worker that stays. It looks every few seconds and is sure before it
 * acts: a slow or busy machine is no reason. Such a group is degraded, and stays so:
 *
 *   - GT_STATUS_DEGRADED is set in gt_status.flags;
 *   - GT_EVENT_DEGRADED is pending for each worker for good, so park, standby and
 *     swap return at once, and those that slept return now;
 *   - GT_IOC_WORKER_ATTACH fails with ESHUTDOWN.
 *
 * All else goes on as before, but nothing may be relied on: a runtime does from then on
 * what it does without this device. The flag is set before any worker has the event. So
 * who wakes a worker, and does not find the flag set after that, has woken it: the wake
 * came before the event, and the worker that gets the event gets both. A worker shall
 * sleep by other means only when it has got it.
 *
 * COMMON TO ALL COMMANDS
 *
 * The argument points to a structure whose first member is its size in bytes,
 * set by the caller to sizeof() of the structure it was compiled with. A larger
 * structure than the kernel knows is accepted if the unknown tail is zero, else
 * the command fails with E2BIG, as it does for more than a page; a size smaller
 * than the first version's fails with EINVAL. Unknown flags and non-zero reserved
 * members fail with EINVAL, unreadable or unwritable memory with EFAULT, unknown
 * commands with ENOTTY.
 * A failed command has changed nothing, save where its text says otherwise.
 *
 * No command needs a privilege.
 *
 * COMPATIBILITY
 *
 * What is written here for a version stays true for as long as the kernel says that
 * version. Additions do not change it:
 *
 *   - a command, an area, a flag or a word in a reserved place is announced by a bit
 *     of gt_info.features. A runtime looks for the bits of all that it uses, and gets
 *     ENOTTY or EINVAL if it did not look;
 *   - an argument grows at its end. Zeroes there mean what their absence did. Where
 *     the kernel answers, it fills in no more than the caller's size;
 *   - struct gt_status, gt_worker_status and gt_worker_user do not grow: the entries
 *     of the areas are 64 bytes long. Reserved words of the status area read zero; in
 *     the user area they are ignored, and shall be left zero.
 *
 * GT_ABI_VERSION rises if something that exists has to mean something else, and then a
 * runtime that was not compiled with the new number must not use the device. That is
 * asked by GT_IOC_INFO, whose number and first sixteen bytes no version changes.
 */
#ifndef _UAPI_LINUX_GT_H
#define _UAPI_LINUX_GT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GT_DEVICE_NAME		"gt"

#define GT_ABI_VERSION		1

#define GT_IOC_TYPE		0xD7

#define GT_IOC_INFO		_IO(GT_IOC_TYPE, 0x00)
#define GT_IOC_GROUP_SETUP	_IO(GT_IOC_TYPE, 0x01)
#define GT_IOC_WORKER_ATTACH	_IO(GT_IOC_TYPE, 0x10)
#define GT_IOC_WORKER_DETACH	_IO(GT_IOC_TYPE, 0x11)
#define GT_IOC_WORKER_PARK	_IO(GT_IOC_TYPE, 0x12)
#define GT_IOC_WORKER_WAKE	_IO(GT_IOC_TYPE, 0x13)
#define GT_IOC_WORKER_STANDBY	_IO(GT_IOC_TYPE, 0x14)
#define GT_IOC_WORKER_SWAP	_IO(GT_IOC_TYPE, 0x15)
#define GT_IOC_WORKER_UPCALL	_IO(GT_IOC_TYPE, 0x16)
#define GT_IOC_WORKER_PREEMPT	_IO(GT_IOC_TYPE, 0x17)
#define GT_IOC_WORKER_SLICE	_IO(GT_IOC_TYPE, 0x18)
#define GT_IOC_GROUP_LIMIT	_IO(GT_IOC_TYPE, 0x20)
#define GT_IOC_ARENA_SETUP	_IO(GT_IOC_TYPE, 0x30)

/* Offsets for mmap(). */
#define GT_MMAP_STATUS		0x00000000ULL
#define GT_MMAP_USER		0x40000000ULL
#define GT_MMAP_ARENA		0x100000000ULL

/* A deadline that never comes. */
#define GT_DEADLINE_NONE	(~0ULL)

/* The longest grace period, in nanoseconds. */
#define GT_GRACE_MAX_NS		1000000000U

/* Bits of gt_info.features. */
#define GT_FEATURE_BLOCK	(1ULL << 0)	/* reports blocked workers */
#define GT_FEATURE_PARK		(1ULL << 1)	/* park, wake and standby */
#define GT_FEATURE_SWAP		(1ULL << 2)	/* swap */
#define GT_FEATURE_UPCALL	(1ULL << 3)	/* upcalls, and preempt */
#define GT_FEATURE_SLICE	(1ULL << 4)	/* time slices, and gt_worker_user.waiting */
#define GT_FEATURE_RETURN	(1ULL << 5)	/* the upcall for the return from a block */
#define GT_FEATURE_CPU_LIMIT	(1ULL << 6)	/* GT_IOC_GROUP_LIMIT */
#define GT_FEATURE_ARENA	(1ULL << 7)	/* GT_IOC_ARENA_SETUP, GT_MMAP_ARENA */
#define GT_FEATURE_WORD		(1ULL << 8)	/* gt_worker_user.word */
#define GT_FEATURE_WORK		(1ULL << 9)	/* see ONLY IF THERE IS WORK */

/**
 * struct gt_info - argument of GT_IOC_INFO: what this device can do
 * @size:	in: sizeof(struct gt_info); out: the size that the kernel knows.
 * @abi_version: out: GT_ABI_VERSION of the kernel's header.
 * @features:	out: GT_FEATURE_* bits.
 * @workers_max: out: the most workers that a group may be set up for.
 * @reserved:	in: zero; out: zero.
 *
 * May be called before GT_IOC_GROUP_SETUP and from any address space.
 * A kernel that knows a larger structure fills in only @size bytes.
 */
struct gt_info {
	__u32	size;
	__u32	abi_version;
	__u64	features;
	__u32	workers_max;
	__u32	reserved[3];
};

/**
 * struct gt_group_setup - argument of GT_IOC_GROUP_SETUP: make a group of a file
 * @size:	in: sizeof(struct gt_group_setup).
 * @flags:	in: zero.
 * @workers:	in: the number of slots, 1 to gt_info.workers_max.
 * @grace_ns:	in: how long a worker must be blocked before it counts as
 *		uncovered, 0 to GT_GRACE_MAX_NS. Zero reports at once.
 * @status_size: out: bytes of the area at GT_MMAP_STATUS, whole pages.
 * @user_size:	out: bytes of the area at GT_MMAP_USER, whole pages.
 * @reserved:	in: zero.
 *
 * Every other command but GT_IOC_INFO, and mmap(), fails with ENXIO before it.
 *
 * EBUSY: the file is set up already. EDQUOT: this user has as many groups, or
 * slots in them, as the administrator allows. ENOMEM.
 */
struct gt_group_setup {
	__u32	size;
	__u32	flags;
	__u32	workers;
	__u32	grace_ns;
	__u32	status_size;
	__u32	user_size;
	__u64	reserved[2];
};

/* Units of gt_group_limit.limit: that of one CPU, and that there is no limit. */
#define GT_LIMIT_CPU		1000000U
#define GT_LIMIT_NONE		(~0ULL)

/**
 * struct gt_group_limit - argument of GT_IOC_GROUP_LIMIT: how much CPU there is
 * @size:	in: sizeof(struct gt_group_limit).
 * @flags:	in: zero.
 * @limit:	out: the CPU time that the calling thread's control group may use, in
 *		millionths of a CPU, rounded up: so 1,500,000 is one CPU and a half. Or
 *		GT_LIMIT_NONE.
 * @reserved:	in: zero.
 *
 * The limit is the least of what cgroup v2's cpu.max sets for the group and for each
 * one above it, up to the root of the hierarchy: also where a cgroup namespace, closed
 * folders or the lack of a mount hide that from the caller. It is bandwidth alone: CPUs
 * that sched_setaffinity() or a cpuset excludes are not in it, nor is cgroup v1.
 *
 * Each call looks anew. A runtime that asks once a second notices a change within a
 * second. The answer is also left in gt_status.limit, for who does not ask.
 *
 * EOPNOTSUPP: this kernel has no cgroup v2 (and no GT_FEATURE_CPU_LIMIT). ENAMETOOLONG:
 * the group's path is longer than PATH_MAX. EINTR: a fatal signal. ENOMEM.
 */
struct gt_group_limit {
	__u32	size;
	__u32	flags;
	__u64	limit;
	__u64	reserved;
};

/**
 * struct gt_arena_setup - argument of GT_IOC_ARENA_SETUP: stacks with guards
 * @size:	in: sizeof(struct gt_arena_setup).
 * @flags:	in: zero.
 * @slots:	in: how many stacks may be mapped at a time, at least one.
 * @slot_size:	in: bytes of a slot, its guard included; whole pages.
 * @guard_size:	in: bytes of the guard at the low end of each slot; whole pages, at
 *		least one and less than @slot_size.
 * @reserved:	in: zero.
 *
 * Lets the group's address space mmap() stacks at the offset GT_MMAP_ARENA, with
 * PROT_READ | PROT_WRITE and MAP_PRIVATE. The length is a multiple of @slot_size and
 * says how many; there may be any number of mappings, of @slots stacks together. All
 * of a mapping's stacks are one entry of /proc/PID/maps, so vm.max_map_count is none
 * to them.
 *
 * Each access to a guard raises SIGSEGV, or makes a system call fail with EFAULT. All
 * other pages are like private anonymous memory: zero at first and after
 * madvise(MADV_DONTNEED), charged to the memory cgroup of who touches them, swapped,
 * and copied on write by fork(), in whose child guards are guards too. MAP_NORESERVE
 * has its usual meaning.
 *
 * A mapping goes as a whole: munmap() of a part, mprotect(), mremap(), and whatever
 * else would split it fail with EINVAL (mprotect() with PROT_EXEC: EACCES; mremap()
 * that grows: EFAULT). It is not locked by mlock(), and has no huge pages. It outlives
 * the descriptor.
 *
 * EINVAL: a size or a number. EBUSY: the group has an arena already. EDQUOT: this user
 * has as many bytes of arenas (@slots times @slot_size) as the administrator allows.
 * ENOMEM. From mmap() besides: ENXIO: the group has none; ENOSPC: no @slots are left.
 */
struct gt_arena_setup {
	__u32	size;
	__u32	flags;
	__u64	slots;
	__u32	slot_size;
	__u32	guard_size;
	__u64	reserved[2];
};

/**
 * struct gt_worker_attach - argument of GT_IOC_WORKER_ATTACH
 * @size:	in: sizeof(struct gt_worker_attach).
 * @flags:	in: zero.
 * @slot:	out: the calling thread's slot. Its gt_worker_user is zeroed.
 * @reserved:	in: zero.
 *
 * The calling thread becomes a worker of the group.
 *
 * EEXIST: the thread is a worker already, of this or another group.
 * ENOSPC: all slots are taken. ESHUTDOWN: see DEGRADED. EPERM: another address space.
 * ENOMEM.
 */
struct gt_worker_attach {
	__u32	size;
	__u32	flags;
	__u32	slot;
	__u32	reserved;
};

/**
 * struct gt_worker_detach - argument of GT_IOC_WORKER_DETACH
 * @size:	in: sizeof(struct gt_worker_detach).
 * @flags:	in: zero.
 *
 * The calling thread stops being a worker; its slot is free at once.
 * ESRCH: the thread is not a worker of this group. EPERM: another address space.
 */
struct gt_worker_detach {
	__u32	size;
	__u32	flags;
};

/* Bits of gt_worker_park.events. */
#define GT_EVENT_WOKEN		(1U << 0)	/* a GT_IOC_WORKER_WAKE came */
#define GT_EVENT_UNCOVERED	(1U << 1)	/* standby only: see EVENTS */
#define GT_EVENT_DEGRADED	(1U << 4)	/* see DEGRADED */

/**
 * struct gt_worker_park - argument of GT_IOC_WORKER_PARK and _STANDBY
 * @size:	in: sizeof(struct gt_worker_park).
 * @flags:	in: zero.
 * @deadline_ns: in: absolute CLOCK_MONOTONIC time at which to give up, or
 *		GT_DEADLINE_NONE. One in the past makes the call a poll.
 * @events:	out: GT_EVENT_* bits, at least one on success.
 * @reserved:	in: zero.
 *
 * Sleep until a wake for the calling worker comes, or has come since its last
 * park or standby returned one: wakes are remembered, and many count as one.
 * Standby sleeps until the group's uncovered event besides; of several workers
 * that stand by, the one that began last is woken, as its caches are warmest.
 * While it sleeps so, a worker is not blocked in the sense of EVENTS.
 *
 * ETIMEDOUT: the deadline came first. EINTR: a signal handler ran that was set
 * without SA_RESTART; with it, or with no handler, the call goes on, its deadline
 * unchanged. ESRCH: not a worker of this group. EPERM: another address space.
 * On EFAULT while @events is written, the wake or event is not lost: it stays
 * pending.
 */
struct gt_worker_park {
	__u32	size;
	__u32	flags;
	__u64	deadline_ns;
	__u32	events;
	__u32	reserved;
};

/**
 * struct gt_worker_wake - argument of GT_IOC_WORKER_WAKE
 * @size:	in: sizeof(struct gt_worker_wake).
 * @count:	in: how many slots, 1 to the group's workers.
 * @slots:	in: address of __u32[count], the slots to wake.
 * @flags:	in: zero.
 * @reserved:	in: zero.
 *
 * Wake each of the workers, or let its next park or standby return at once.
 * Any thread of the group's address space may call it, worker or not.
 *
 * EINVAL: a slot out of range, or a count. ESRCH: a slot that no worker has.
 * On both, and on EFAULT, the slots before it have been woken.
 */
struct gt_worker_wake {
	__u32	size;
	__u32	count;
	__u64	slots;
	__u32	flags;
	__u32	reserved;
};

/* In gt_worker_swap.slot: nobody is to be woken. */
#define GT_SLOT_NONE		(~0U)

/**
 * struct gt_worker_swap - argument of GT_IOC_WORKER_SWAP
 * @size:	in: sizeof(struct gt_worker_swap).
 * @flags:	in: zero.
 * @deadline_ns: in: as in struct gt_worker_park.
 * @slot:	in: the slot to wake, or GT_SLOT_NONE. out: GT_SLOT_NONE once that has
 *		been done, if the command ends for a signal.
 * @events:	out: as in struct gt_worker_park.
 *
 * GT_IOC_WORKER_WAKE of one slot, then GT_IOC_WORKER_PARK, in one entry to the kernel.
 * If the caller is about to sleep, the woken worker is put on its CPU, where the kernel
 * can do that: so the CPU goes from one to the other. A swap with one's own slot returns
 * at once.
 *
 * EINVAL: the slot is out of range. ESRCH: no worker has it, or the caller is none. On
 * these nobody has been woken. ETIMEDOUT, EINTR, EFAULT: as of GT_IOC_WORKER_PARK; the
 * slot has been woken. Whether the kernel restarts the command after a signal or the
 * caller does with the same argument, the slot is not woken again.
 */
struct gt_worker_swap {
	__u32	size;
	__u32	flags;
	__u64	deadline_ns;
	__u32	slot;
	__u32	events;
};

/* Reasons of an upcall: gt_upcall_frame.reasons, gt_worker_user.missed. */
#define GT_UPCALL_PREEMPT	(1U << 0)	/* GT_IOC_WORKER_PREEMPT */
#define GT_UPCALL_SLICE		(1U << 1)	/* the end of a time slice */
#define GT_UPCALL_RETURN	(1U << 2)	/* see THE RETURN FROM A BLOCK */

/**
 * struct gt_upcall_frame - what an upcall finds at its stack pointer
 * @flags:	of the interrupted code, for popfq.
 * @resume:	the stack pointer for the ret that resumes it.
 * @ip:		where it was interrupted; for information.
 * @sp:		its stack pointer; for information.
 * @reasons:	GT_UPCALL_* bits, at least one.
 * @reserved:	zero.
 *
 * Its address is a multiple of 64.
 */
struct gt_upcall_frame {
	__u64	flags;
	__u64	resume;
	__u64	ip;
	__u64	sp;
	__u32	reasons;
	__u32	reserved[7];
};

/**
 * struct gt_text_range - a piece of user text
 * @start:	its first address.
 * @end:	the address after its last.
 */
struct gt_text_range {
	__u64	start;
	__u64	end;
};

/* The most text ranges of a worker, and the smallest upcall stack in bytes. */
#define GT_TEXT_RANGES_MAX	16
#define GT_UPCALL_STACK_MIN	4096

/**
 * struct gt_worker_upcall - argument of GT_IOC_WORKER_UPCALL
 * @size:	in: sizeof(struct gt_worker_upcall).
 * @flags:	in: zero.
 * @entry:	in: address of the entry; 0 for none, or none any more.
 * @entry_size:	in: its length in bytes; 0 if there is none.
 * @stack:	in: lowest address of the upcall stack, a multiple of 64; 0 if none.
 * @stack_size:	in: its length in bytes, a multiple of 64, GT_UPCALL_STACK_MIN or
 *		more; 0 if there is none.
 * @ranges:	in: address of struct gt_text_range[count], outside of which no
 *		upcall happens.
 * @ranges_count: in: how many, 0 to GT_TEXT_RANGES_MAX; with 0 it may be anywhere.
 * @signal:	in: the fallback signal, or 0. An entry without it is allowed, and so
 *		is the signal without an entry: then it stands in for each upcall but that
 *		for GT_UPCALL_RETURN.
 * @reserved:	in: zero.
 *
 * Set how upcalls reach the calling thread, in place of what was set before. Requests
 * that were under way are for the new setting. A worker begins with none.
 *
 * EINVAL: addresses that are not the user's, or are empty or misaligned; a signal
 * that does not exist or cannot be caught. EOPNOTSUPP: an entry, for a thread that has a
 * user shadow stack; a signal alone is possible. ESRCH: not a worker of this group. EPERM:
 * another address space. ENOMEM.
 */
struct gt_worker_upcall {
	__u32	size;
	__u32	flags;
	__u64	entry;
	__u64	entry_size;
	__u64	stack;
	__u64	stack_size;
	__u64	ranges;
	__u32	ranges_count;
	__u32	signal;
	__u64	reserved[2];
};

/**
 * struct gt_worker_preempt - argument of GT_IOC_WORKER_PREEMPT
 * @size:	in: sizeof(struct gt_worker_preempt).
 * @slot:	in: the worker.
 * @seq:	in: what gt_worker_user.seq must still be when the upcall happens, or
 *		else it does not: so a late request does not hit the next task.
 * @flags:	in: zero.
 * @reserved:	in: zero.
 *
 * Request an upcall of a worker, for GT_UPCALL_PREEMPT. Of many requests before it
 * happens the last counts. Any thread of the group's address space may call it.
 *
 * EINVAL: a slot out of range. ESRCH: no worker has it, or that is dying. ENOENT: it
 * has set neither entry nor signal.
 */
struct gt_worker_preempt {
	__u32	size;
	__u32	slot;
	__u64	seq;
	__u32	flags;
	__u32	reserved;
};

/* The shortest and the longest time slice, in nanoseconds. */
#define GT_SLICE_MIN_NS		100000ULL
#define GT_SLICE_MAX_NS		10000000000ULL

/**
 * struct gt_worker_slice - argument of GT_IOC_WORKER_SLICE
 * @size:	in: sizeof(struct gt_worker_slice).
 * @flags:	in: zero.
 * @slice_ns:	in: CPU time that the worker may spend on one thing while others wait,
 *		GT_SLICE_MIN_NS to GT_SLICE_MAX_NS; 0: as much as it likes.
 * @reserved:	in: zero.
 *
 * Set the time slice of the calling thread. When gt_worker_user.seq has not changed for
 * that much CPU time of the worker, and gt_worker_user.waiting is non-zero, it gets an
 * upcall for GT_UPCALL_SLICE; and another one a slice later. The word is looked at four
 * times a slice, so a slice begins up to a quarter late. Time that the worker sleeps, or
 * waits for a CPU, does not count.
 *
 * EINVAL: out of range. ESRCH: not a worker of this group. EPERM: another address space.
 */
struct gt_worker_slice {
	__u32	size;
	__u32	flags;
	__u64	slice_ns;
	__u64	reserved;
};

/* Bits of gt_status.flags. */
#define GT_STATUS_DEGRADED	(1U << 0)	/* see DEGRADED */

/**
 * struct gt_status - head of the area at GT_MMAP_STATUS
 * @abi_version: GT_ABI_VERSION.
 * @workers:	slots of the group, as set up.
 * @grace_ns:	as set up.
 * @uncovered:	1 while an uncovered event waits to be delivered, else 0.
 * @delivered:	uncovered events delivered to a standby so far.
 * @flags:	GT_STATUS_* bits.
 * @reserved:	zero.
 * @limit:	gt_group_limit.limit of the latest GT_IOC_GROUP_LIMIT; 0 before the first.
 * @quiet:	how often a worker was quiet, or nearly: see ONLY IF THERE IS WORK.
 * @reserved2:	zero.
 */
struct gt_status {
	__u32	abi_version;
	__u32	workers;
	__u32	grace_ns;
	__u32	uncovered;
	__u64	delivered;
	__u32	flags;
	__u32	reserved;
	__u64	limit;
	__u64	quiet;
	__u64	reserved2[2];
};

/*
 * gt_worker_status.word: the worker's state in the low eight bits, above them a
 * number that is one more for each block. Equal words mean: the same block.
 *
 * Between the end of a block in this word and the worker's return to user space
 * there is a full memory barrier. So who stores something, executes a full barrier
 * and then reads that a worker is still in its block knows that the worker will see
 * the store when it runs again: no membarrier() is needed.
 */
#define GT_WORD_STATE(word)	((__u32)((word) & 0xff))
#define GT_WORD_SEQ(word)	((__u64)(word) >> 8)

#define GT_STATE_FREE		0	/* the slot has no worker */
#define GT_STATE_RUNNING	1	/* on a CPU, or waiting only for one */
#define GT_STATE_BLOCKED	2	/* asleep in the kernel, not by a command */
#define GT_STATE_PARKED		3	/* in GT_IOC_WORKER_PARK */
#define GT_STATE_STANDBY	4	/* in GT_IOC_WORKER_STANDBY */

/**
 * struct gt_worker_status - what the kernel knows of one slot
 * @word:	state and block number, see GT_WORD_STATE() and GT_WORD_SEQ().
 * @blocked_ns:	CLOCK_MONOTONIC time of the latest block.
 * @nr_blocked:	times that this worker blocked.
 * @nr_uncovered: times that it became uncovered.
 * @resumed_ns:	CLOCK_MONOTONIC time at which it first ran again after the latest
 *		block; older than @blocked_ns while it is blocked.
 * @reported:	@word of its latest block in which it became uncovered: while @word
 *		equals it, the worker is uncovered.
 * @tid:	thread id, as the worker's own pid namespace has it.
 * @nr_upcalls:	upcalls that happened.
 * @nr_missed:	requests for one that were noted as missed, or became a signal.
 * @reserved:	zero.
 */
struct gt_worker_status {
	__u64	word;
	__u64	blocked_ns;
	__u64	resumed_ns;
	__u64	nr_blocked;
	__u64	nr_uncovered;
	__u64	reported;
	__u32	tid;
	__u32	nr_upcalls;
	__u32	nr_missed;
	__u32	reserved;
};

/*
 * gt_worker_user.word: who has what a covered worker holds. Kernel and user space change
 * it by compare-and-swap. The state is in the low four bits; the four above them are user
 * space's, the kernel keeps them as it changes the state; above those is a number.
 *
 *   HELD -> BLOCKED n	  kernel: the worker blocks, covered. n is the block's number,
 *			  GT_WORD_SEQ() of gt_worker_status.word.
 *   BLOCKED n -> HELD	  kernel: that block is over, and nothing was taken. The number is
 *			  zero again.
 *   BLOCKED n -> TAKEN	  user space, any thread: it has taken what the worker holds.
 *
 * So a taker is right if its compare-and-swap succeeds, and the worker is right if it finds
 * HELD: neither needs a barrier, nor anything else of the other. What the worker has
 * written before it blocked, the taker sees; what the taker has written before it took,
 * the worker sees that reads TAKEN. All other changes are user space's own business, and
 * in every other state the kernel leaves the word alone. It is GT_USER_OFF at first.
 */
#define GT_USER_STATE(word)	((__u32)((word) & 0xf))
#define GT_USER_SEQ(word)	((__u64)(word) >> 8)
#define GT_USER_FLAGS		0xf0U

#define GT_USER_OFF		0	/* the word is not used */
#define GT_USER_HELD		1
#define GT_USER_BLOCKED		2
#define GT_USER_TAKEN		3
#define GT_USER_OWN		4	/* this and those above it: as user space likes */

/**
 * struct gt_queue - what a worker alone adds to, others perhaps take from
 * @head:	where the next is taken from.
 * @tail:	where the next is added.
 * @next:	what is taken before that, or zero.
 *
 * It stands in memory of user space's own, and is laid out as suits that: two cache lines.
 * It is empty if @head equals @tail and @next is zero.
 */
struct gt_queue {
	__u32	head;
	__u32	reserved[15];
	__u32	tail;
	__u32	reserved2;
	__u64	next;
};

/**
 * struct gt_group_user - what user space tells the kernel of the whole group
 * @spare:	non-zero: what comes to be done finds another who does it. Written by
 *		anybody in user space.
 * @attended:	non-zero: somebody waits for what comes from outside. The same.
 * @reserved:	zero.
 *
 * Ignored by a kernel without GT_FEATURE_WORK.
 */
struct gt_group_user {
	__u32	spare;
	__u32	attended;
	__u64	reserved[7];
};

/**
 * struct gt_worker_user - what user space tells the kernel of one slot
 * @cover:	non-zero: this worker holds something that a standby should take
 *		over when it blocks. Read when it blocks. Written by the worker.
 * @no_preempt:	non-zero: no upcall at this worker, please. Ignored by a kernel that
 *		knows of no upcalls.
 * @word:	see GT_USER_STATE(). Ignored by a kernel without GT_FEATURE_WORD.
 * @queue:	address of its struct gt_queue, a multiple of 8, or 0: not to be quiet.
 *		Read, as is the queue, when it blocks; a queue that cannot be read just
 *		then counts as not empty. Written by the worker.
 * @reserved:	zero.
 * @waiting:	non-zero: something waits for what this worker holds, so time slices
 *		count. Written by anybody in user space.
 * @missed:	GT_UPCALL_* bits of upcalls that were due at a wrong time. Set by the
 *		kernel while the worker is in it, cleared by the worker.
 * @seq:	names what the worker runs now, by any scheme. Written by the worker.
 */
struct gt_worker_user {
	__u32	cover;
	__u32	no_preempt;
	__u64	word;
	__u64	queue;
	__u32	reserved[6];
	__u32	waiting;
	__u32	missed;
	__u64	seq;
};

#endif /* _UAPI_LINUX_GT_H */
