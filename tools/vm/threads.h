/* SPDX-License-Identifier: MIT */
#ifndef GT_VM_THREADS_H
#define GT_VM_THREADS_H

/* Tell the host, on stderr, where every thread of user space is. */
void threads_print(void);

#endif /* GT_VM_THREADS_H */
