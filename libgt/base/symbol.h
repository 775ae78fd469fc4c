/* SPDX-License-Identifier: MIT */
#ifndef GT_BASE_SYMBOL_H
#define GT_BASE_SYMBOL_H

#include <stddef.h>

/*
 * Where a call returns to, in words: "parse+0x1a (prog+0x14f2)", or as much of that as
 * is known. What is in brackets is for addr2line. Always terminated. Signal-safe.
 */
void gt_symbol_print(char *text, size_t size, const void *return_address);

#endif /* GT_BASE_SYMBOL_H */
