/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an architecture does for upcalls: it judges the registers with which current
 * is about to return to user space, and changes them. For upcall.c alone.
 */
#ifndef _GT_ARCH_UPCALL_H
#define _GT_ARCH_UPCALL_H

#include <linux/types.h>

struct pt_regs;

enum gt_upcall_verdict {
	GT_UPCALL_NOW,		/* it can be */
	GT_UPCALL_LATER,	/* in a moment it can be */
	GT_UPCALL_MISS,		/* it must not be, and who is at it wants no signal */
	GT_UPCALL_SIGNAL,	/* it cannot be; a signal can */
};

/* May current have an entry at all? A signal it may have. */
bool gt_arch_upcall_possible(void);

/* The registers alone: what upcall.c knows of stacks and text is not looked at. */
enum gt_upcall_verdict gt_arch_upcall_look(const struct pt_regs *regs);

/*
 * Where current goes on: at @entry, with a frame for it at the end of @stack. May
 * fault. False: the frame cannot be written, and nothing has changed.
 */
bool gt_arch_upcall_enter(struct pt_regs *regs, unsigned long entry, unsigned long stack_end,
			  unsigned int reasons);

#endif /* _GT_ARCH_UPCALL_H */
