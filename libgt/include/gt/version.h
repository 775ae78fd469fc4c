/* SPDX-License-Identifier: MIT */
/* The library's version. The build fails if libgt.map disagrees with it. */
#ifndef GT_VERSION_H
#define GT_VERSION_H

#define GT_VERSION_MAJOR 0
#define GT_VERSION_MINOR 1
#define GT_VERSION_PATCH 0

/* Around all declarations: C linkage, and exported from the shared library. */
#ifdef __cplusplus
#define GT_BEGIN_DECLS extern "C" { _Pragma("GCC visibility push(default)")
#define GT_END_DECLS _Pragma("GCC visibility pop") }
#else
#define GT_BEGIN_DECLS _Pragma("GCC visibility push(default)")
#define GT_END_DECLS _Pragma("GCC visibility pop")
#endif

#endif /* GT_VERSION_H */
