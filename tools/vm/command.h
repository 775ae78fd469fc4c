/* SPDX-License-Identifier: MIT */
#ifndef GT_VM_COMMAND_H
#define GT_VM_COMMAND_H

#include <stdint.h>

/* How long what should end at once may take on a loaded host. */
#define PATIENCE_MS	20000

/* Milliseconds since the guest began. */
int64_t now_ms(void);

/* Run the command to its end or for its time, relay its output and report its status. */
void command_run(void);

#endif /* GT_VM_COMMAND_H */
