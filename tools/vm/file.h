/* SPDX-License-Identifier: MIT */
/* Files that are read whole. What is returned is never freed: process 1 ends soon. */
#ifndef GT_VM_FILE_H
#define GT_VM_FILE_H

/* The text of a file; NULL, with errno, if it cannot be read. */
char *file_text(const char *path);

/* A file of strings, each ended by a zero byte, as a vector ended by NULL. */
char **file_strings(const char *path);

#endif /* GT_VM_FILE_H */
