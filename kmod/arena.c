// SPDX-License-Identifier: GPL-2.0
/*
 * The arena: stacks with guards, any number of them in one mapping.
 *
 * mprotect() makes a mapping of each guard, and a process may have 65,530. Here guards
 * are a matter of arithmetic: a mapping begins with a slot, a slot with its guard, so
 * the fault handler knows by the page's number alone whether the page is of a guard,
 * and then its answer is SIGSEGV, or EFAULT to a system call. No guard is ever in a
 * page table.
 *
 * All other pages are the core's, not ours. The mapping is private, and its "file" is
 * all zeroes:
 *
 *	write	The handler hands out a page of zeroes, which the core copies, as it
 *		does for any private mapping of a file. The copy is anonymous memory:
 *		charged to the memory cgroup, swapped, copied on write after fork(),
 *		zero again after MADV_DONTNEED, gone with its process.
 *	read	The kernel's own page of zeroes is mapped, as for anonymous memory. It is
 *		not counted, so no number of reads can overflow a count.
 *
 * The pages of zeroes that are copied are one for each CPU, since the core locks a page
 * for as long as it copies it. It drops its reference before the fault ends, and there
 * is none left when the module goes: a mapping holds the file.
 *
 * The mapping stays as it is made. It cannot be split (may_split), moved (mremap),
 * grown (VM_DONTEXPAND, which also keeps it from merging and from being locked) or get
 * another protection (mprotect), so that guards are where they were. fork() copies it
 * as it is, and the child's stacks are guarded by the same handler, though commands of
 * the group are not the child's to use.
 *
 * What is limited is address space: the bytes that a group set its arena up for are
 * charged to its user, and gt_arena.mapped bounds what its own address space maps of
 * them. Copies in fork children are not counted, just as the children's other memory
 * is not.
 *
 * Locking: none. An arena is constant once group->arena names it, but for mapped.
 *
 * Not taken: a shared mapping with pages of our own (vm_insert_page), which is as fast
 * as anonymous memory, but can neither be swapped nor copied by fork(); the kernel's
 * page of zeroes as the one to copy from, whose lock all CPUs would meet at.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pfn_t.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "gt.h"
#include "compat/compat.h"

/* More than an address space has room for, and no overflow on the way. */
#define GT_ARENA_MAX		(1ULL << 46)

/**
 * struct gt_arena - the address space that a group set up for stacks
 * @mm:		the group's.
 * @slot_pages:	of a slot, its guard included.
 * @guard_pages: of the guard, the lowest of its slot.
 * @size:	bytes of all slots.
 * @mapped:	bytes that are mapped in @mm; at most @size.
 *
 * Constant, but for @mapped.
 */
struct gt_arena {
	struct mm_struct *mm;
	unsigned int slot_pages;
	unsigned int guard_pages;
	u64 size;
	atomic64_t mapped;
};

static DEFINE_PER_CPU(struct page *, gt_arena_zeroes);

static vm_fault_t gt_arena_fault(struct vm_fault *vmf)
{
	const struct gt_arena *arena = vmf->vma->vm_private_data;
	unsigned long index = vmf->pgoff - (GT_MMAP_ARENA >> PAGE_SHIFT);

	if (index % arena->slot_pages < arena->guard_pages)
		return VM_FAULT_SIGSEGV;
	if (vmf->flags & FAULT_FLAG_WRITE) {
		vmf->page = raw_cpu_read(gt_arena_zeroes);
		get_page(vmf->page);
		return 0;
	}
	/* A core dump looks at every page: where there is none, it shall find a hole. */
	if (current->flags & PF_DUMPCORE)
		return VM_FAULT_SIGBUS;
	return vmf_insert_mixed(vmf->vma, vmf->address, pfn_to_pfn_t(my_zero_pfn(vmf->address)));
}

/*
 * Nothing to map besides the page that is asked for. That there is such a function lets
 * the core, where it can, take faults without the lock of the address space.
 */
static vm_fault_t gt_arena_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end)
{
	return 0;
}

/* A copy of the mapping, by fork(), or by mremap() before it asks us. */
static void gt_arena_open(struct vm_area_struct *vma)
{
	struct gt_arena *arena = vma->vm_private_data;

	if (vma->vm_mm == arena->mm)
		atomic64_add(vma->vm_end - vma->vm_start, &arena->mapped);
}

static void gt_arena_close(struct vm_area_struct *vma)
{
	struct gt_arena *arena = vma->vm_private_data;

	if (vma->vm_mm == arena->mm)
		atomic64_sub(vma->vm_end - vma->vm_start, &arena->mapped);
}

static int gt_arena_may_split(struct vm_area_struct *vma, unsigned long address)
{
	return -EINVAL;
}

static int gt_arena_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

static int gt_arena_mprotect(struct vm_area_struct *vma, unsigned long start,
			     unsigned long end, unsigned long flags)
{
	return -EINVAL;
}

static const struct vm_operations_struct gt_arena_vm_ops = {
	.open		= gt_arena_open,
	.close		= gt_arena_close,
	.may_split	= gt_arena_may_split,
	.mremap		= gt_arena_mremap,
	.mprotect	= gt_arena_mprotect,
	.fault		= gt_arena_fault,
	.map_pages	= gt_arena_map_pages,
};

/**
 * gt_arena_mmap - map stacks
 * @group:	of current's address space
 * @vma:	the mapping to be, at the offset GT_MMAP_ARENA
 */
int gt_arena_mmap(struct gt_group *group, struct vm_area_struct *vma)
{
	/* Pairs with the cmpxchg() in gt_arena_setup(). */
	struct gt_arena *arena = smp_load_acquire(&group->arena);
	u64 size = vma->vm_end - vma->vm_start;

	if (!arena)
		return -ENXIO;
	if ((vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC)) != (VM_READ | VM_WRITE))
		return -EACCES;
	if (vma->vm_flags & (VM_SHARED | VM_MAYSHARE))
		return -EINVAL;
	if ((size >> PAGE_SHIFT) % arena->slot_pages)
		return -EINVAL;
	if (atomic64_add_return(size, &arena->mapped) > arena->size) {
		atomic64_sub(size, &arena->mapped);
		return -ENOSPC;
	}

	gt_compat_vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYEXEC);
	vma->vm_private_data = arena;
	vma->vm_ops = &gt_arena_vm_ops;
	return 0;
}

/**
 * gt_arena_setup - GT_IOC_ARENA_SETUP
 * @group:	of current's address space
 * @arg:	the kernel's copy of the argument
 */
int gt_arena_setup(struct gt_group *group, const struct gt_arena_setup *arg)
{
	struct gt_arena *arena;
	int err;

	if (arg->flags || memchr_inv(arg->reserved, 0, sizeof(arg->reserved)))
		return -EINVAL;
	if (!arg->guard_size || !PAGE_ALIGNED(arg->guard_size) ||
	    !PAGE_ALIGNED(arg->slot_size) || arg->slot_size <= arg->guard_size ||
	    !arg->slots || arg->slots > GT_ARENA_MAX / arg->slot_size)
		return -EINVAL;
	if (READ_ONCE(group->arena))
		return -EBUSY;

	arena = kzalloc(sizeof(*arena), GFP_KERNEL_ACCOUNT);
	if (!arena)
		return -ENOMEM;
	arena->mm = group->mm;
	arena->slot_pages = arg->slot_size >> PAGE_SHIFT;
	arena->guard_pages = arg->guard_size >> PAGE_SHIFT;
	arena->size = arg->slots * arg->slot_size;

	err = gt_limit_charge_arena(group->user, arena->size);
	if (err)
		goto free;
	if (!cmpxchg(&group->arena, NULL, arena))
		return 0;

	err = -EBUSY;
	gt_limit_uncharge_arena(group->user, arena->size);
free:
	kfree(arena);
	return err;
}

/**
 * gt_arena_destroy - undo gt_arena_setup(), if it was called
 * @group: without a mapping
 */
void gt_arena_destroy(struct gt_group *group)
{
	if (!group->arena)
		return;
	gt_limit_uncharge_arena(group->user, group->arena->size);
	kfree(group->arena);
}

void gt_arena_module_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (per_cpu(gt_arena_zeroes, cpu))
			__free_page(per_cpu(gt_arena_zeroes, cpu));
	}
}

int gt_arena_module_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct page *page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);

		if (!page) {
			gt_arena_module_exit();
			return -ENOMEM;
		}
		per_cpu(gt_arena_zeroes, cpu) = page;
	}
	return 0;
}
