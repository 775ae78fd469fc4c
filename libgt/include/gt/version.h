/* SPDX-License-Identifier: MIT */
/* The library's version. The build fails if libgt.map disagrees with it. */
#ifndef GT_VERSION_H
#define GT_VERSION_H

#define GT_VERSION_MAJOR 0
#define GT_VERSION_MINOR 1
#define GT_VERSION_PATCH 0

#ifdef __cplusplus
#define GT_BEGIN_DECLS extern "C" {
#define GT_END_DECLS }
#else
#define GT_BEGIN_DECLS
#define GT_END_DECLS
#endif

#endif /* GT_VERSION_H */
