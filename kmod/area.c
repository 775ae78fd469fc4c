// SPDX-License-Identifier: GPL-2.0
/*
 * The areas: pages that the kernel and a group's user space share.
 *
 * The kernel sees them through one vmap(), because sched_out and hard interrupts
 * write them and may not fault. User space is given them page by page as it
 * touches them. They are charged to the memory cgroup of who set the group up.
 *
 * The status area can never be written from user space: its mapping is shared
 * and has no VM_MAYWRITE, so mprotect() fails, and so do forced writes, as by
 * ptrace. The user area is advice: no word of it is an index, or a pointer of the kernel's.
 *
 * A mapping holds the file and so the group; the pages themselves are counted,
 * and outlive the group if something else (direct I/O, say) still holds them.
 *
 * Not taken: remap_vmalloc_range() and vmalloc_user(), which does not charge its
 * pages; vm_insert_page() at mmap(), after which MADV_DONTNEED would leave holes
 * that raise SIGBUS.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "gt.h"
#include "compat/compat.h"

/**
 * gt_area_create - allocate zeroed pages and map them for the kernel
 * @area:	zeroed; gt_area_destroy() is due even after a failure
 * @size:	bytes, rounded up to whole pages
 */
int gt_area_create(struct gt_area *area, size_t size)
{
	unsigned int nr_pages = DIV_ROUND_UP(size, PAGE_SIZE);

	area->pages = kvcalloc(nr_pages, sizeof(*area->pages), GFP_KERNEL_ACCOUNT);
	if (!area->pages)
		return -ENOMEM;
	while (area->nr_pages < nr_pages) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

		if (!page)
			return -ENOMEM;
		area->pages[area->nr_pages++] = page;
	}
	area->address = vmap(area->pages, nr_pages, VM_MAP, PAGE_KERNEL);
	return area->address ? 0 : -ENOMEM;
}

void gt_area_destroy(struct gt_area *area)
{
	vunmap(area->address);
	while (area->nr_pages)
		__free_page(area->pages[--area->nr_pages]);
	kvfree(area->pages);
}

static vm_fault_t gt_area_fault(struct vm_fault *vmf)
{
	const struct gt_area *area = vmf->vma->vm_private_data;
	unsigned long index = vmf->pgoff;

	/* GT_MMAP_STATUS is 0 and the offsets lie further apart than any area is long. */
	if (index >= GT_MMAP_USER >> PAGE_SHIFT)
		index -= GT_MMAP_USER >> PAGE_SHIFT;
	if (index >= area->nr_pages)
		return VM_FAULT_SIGBUS;
	vmf->page = area->pages[array_index_nospec(index, area->nr_pages)];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct gt_area_vm_ops = {
	.fault = gt_area_fault,
};

/**
 * gt_area_mmap - map the area that the offset names
 * @file:	of this device
 * @vma:	the mapping to be
 *
 * VM_DONTCOPY: a fork child has no business with the group. A parent that calls
 * madvise(MADV_DOFORK) insists and harms nobody but itself.
 */
int gt_area_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct gt_group *group = gt_group_of(file);
	unsigned long clear = VM_MAYEXEC;
	struct gt_area *area;

	if (!group)
		return -ENXIO;
	if (group->mm != current->mm)
		return -EPERM;

	switch ((u64)vma->vm_pgoff << PAGE_SHIFT) {
	case GT_MMAP_ARENA:
		return gt_arena_mmap(group, vma);
	case GT_MMAP_STATUS:
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		area = &group->status_area;
		clear |= VM_MAYWRITE;
		break;
	case GT_MMAP_USER:
		area = &group->user_area;
		break;
	default:
		return -EINVAL;
	}
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_end - vma->vm_start > gt_area_size(area))
		return -EINVAL;

	gt_compat_vm_flags_mod(vma, VM_DONTCOPY | VM_DONTEXPAND, clear);
	vma->vm_private_data = area;
	vma->vm_ops = &gt_area_vm_ops;
	return 0;
}
