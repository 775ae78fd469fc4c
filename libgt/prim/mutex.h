/* SPDX-License-Identifier: MIT */
/* Mutexes as other primitives see them. */
#ifndef GT_PRIM_MUTEX_H
#define GT_PRIM_MUTEX_H

#include <stdbool.h>

#include "gt/sync.h"

/* Has anybody locked it? */
bool gt_mutex_locked(struct gt_mutex *mutex);

#endif /* GT_PRIM_MUTEX_H */
