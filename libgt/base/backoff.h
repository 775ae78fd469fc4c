/* SPDX-License-Identifier: MIT */
/*
 * Stepping back from a lock that another core is at.
 *
 * Two cores that take a lock in turns pay at each turn for the way of its line, and of
 * the lines that it guards: some 100 ns each, several times what they do there. So who
 * finds a lock taken that is taken often stays away from its line for a while: the other
 * takes it many times meanwhile, at full speed, and then it is the other way round. How
 * long that is stands with the lock, and doubles as long as it proves right; a lock that
 * is rarely found taken has cost little by then.
 *
 * Channels and mutexes do this. The scheduler's own locks, and those of tables, do not:
 * two that meet there have rarely come for the same thing again and again.
 *
 * Rejected: queue locks (MCS), which are fair, so that the line travels at every turn:
 * what they save is the crowd, and there are as many Ps as cores. Delegation (flat
 * combining): an operation that may park its caller cannot be done by another.
 *
 * Source: Anderson, "The Performance of Spin Lock Alternatives"; Dice and Kogan,
 * "Avoiding Scalability Collapse by Restricting Concurrency".
 */
#ifndef GT_BASE_BACKOFF_H
#define GT_BASE_BACKOFF_H

#include <stdatomic.h>
#include <stdint.h>

#define GT_BACKOFF_MIN 200	/* nanoseconds */
#define GT_BACKOFF_MAX 3200

/*
 * Stay away for as long as *backoff says, 0 being the least; then look, for as long again,
 * until *held has none of bits, and correct *backoff by whether that came about. It is a
 * guess, in which writes may get lost.
 */
void gt_backoff(_Atomic uint16_t *backoff, _Atomic uint32_t *held, uint32_t bits);

#endif /* GT_BASE_BACKOFF_H */
