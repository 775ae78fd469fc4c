/* SPDX-License-Identifier: MIT */
/*
 * A pointer that is read often and replaced seldom: Go's atomic.Value.
 *
 * A configuration, a routing table: readers take what is current, and go on with it
 * while a writer has already stored the next. C has no collector, so somebody must
 * know when the old one may go. A plain atomic pointer does not help: between its
 * load and the counting of a reference the object may be freed. gt_value_load()
 * closes that gap: it returns a counted reference.
 */
#ifndef GT_ATOMIC_H
#define GT_ATOMIC_H

#include <gt/version.h>

GT_BEGIN_DECLS

/**
 * struct gt_value - holds a pointer; zero bytes and the functions are ready to use
 * @get: counts a reference to an object. Must call nothing of gt's, nor block.
 * @put: drops one, and frees the object if it was the last. May do anything.
 * @gt_pointer: libgt's own.
 * @gt_retired: libgt's own.
 *
 * With both functions NULL nothing is counted, and objects must stay as long as any
 * reader may use them: for ever, if they are static.
 *
 * The value holds a reference of its own to what it has. That of what was replaced is
 * dropped when nobody can be between the two steps of a load, by whoever replaces the
 * 1024th after it at the latest, or by gt_value_destroy().
 */
struct gt_value {
	void (*get)(void *object);
	void (*put)(void *object);
	void *gt_pointer;
	void *gt_retired[2];
};

/**
 * gt_value_load - the current object
 * @value: the value.
 *
 * Memory model: a store happens before the return of each load that sees it.
 *
 * Context: Suspends: no. Migrates: as gt_go(). Pthread: works. Signal-safe: no.
 * Return: the object, with a reference that the caller owns and drops by the same
 * function that @put of the value is; NULL if nothing has been stored.
 */
void *gt_value_load(struct gt_value *value);

/**
 * gt_value_store - replace the object
 * @value: the value.
 * @object: the next; the value takes over the caller's reference. NULL panics.
 *
 * Context: Suspends: while waiting for readers, rarely. Migrates: then. Pthread:
 * works. Signal-safe: no.
 */
void gt_value_store(struct gt_value *value, void *object);

/**
 * gt_value_swap - replace the object, and return it
 * @value: the value.
 * @object: as in gt_value_store().
 *
 * Context: as gt_value_store().
 * Return: the object before, as from gt_value_load().
 */
void *gt_value_swap(struct gt_value *value, void *object);

/**
 * gt_value_compare_and_swap - replace a certain object
 * @value: the value.
 * @old: what it must hold; the caller has a reference, which stays the caller's. NULL:
 *	it must hold nothing.
 * @object: as in gt_value_store() if it does; else the caller keeps it.
 *
 * Context: as gt_value_store().
 * Return: 1 if it was replaced, else 0.
 */
int gt_value_compare_and_swap(struct gt_value *value, void *old, void *object);

/**
 * gt_value_destroy - drop all references that the value holds
 * @value: the value, which nobody uses any more; ready to use after it.
 *
 * Context: as gt_value_store().
 */
void gt_value_destroy(struct gt_value *value);

GT_END_DECLS

#endif /* GT_ATOMIC_H */
