/* SPDX-License-Identifier: MIT */
/* The heavy half of the asymmetric barrier. See barrier.h. */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/barrier.h"

bool gt_barrier_strict;

/* Plain threads may use channels before there is a runtime, so this is early. */
__attribute__((__constructor__)) static void barrier_init(void)
{
	gt_barrier_strict =
		syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0;
}

void gt_barrier_heavy(void)
{
	atomic_thread_fence(memory_order_seq_cst);
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	atomic_thread_fence(memory_order_seq_cst);
}
