/* SPDX-License-Identifier: MIT */
/*
 * Values: a pointer, with the value's own reference to what it points to.
 *
 *	reader				writer
 *	read lock
 *	load the pointer		swap the pointer
 *	get(): count a reference	retire the old one's reference
 *	read unlock			... a grace period: put()
 *
 * A reader that has loaded the old pointer counts its reference before the grace
 * period ends, while the value's own still holds; so put() cannot be the last before
 * it. That is why a swap does not give its caller the value's reference, but one more.
 *
 * Without memory to note what is retired, the writer waits for the grace period.
 *
 * Source: Go's sync/atomic/value.go for what it does.
 */
#include <stdlib.h>

#include "gt/atomic.h"
#include "gt/panic.h"
#include "prim/rcu.h"

struct retired {
	struct gt_rcu_head head;
	void (*put)(void *object);
	void *object;
};

_Static_assert(sizeof(struct gt_rcu_batch) <= sizeof(((struct gt_value *)0)->gt_retired),
	       "it stands in it");

static _Atomic(void *) *pointer_of(struct gt_value *value)
{
	return (_Atomic(void *) *)&value->gt_pointer;
}

static struct gt_rcu_batch *batch_of(struct gt_value *value)
{
	return (struct gt_rcu_batch *)value->gt_retired;
}

static void drop(struct gt_rcu_head *head)
{
	struct retired *retired = (struct retired *)head;

	retired->put(retired->object);
	free(retired);
}

static void retire(struct gt_value *value, void *object)
{
	struct retired *retired;

	if (!object || !value->put)
		return;
	gt_rcu_init();
	retired = malloc(sizeof(*retired));
	if (!retired) {
		gt_rcu_wait();
		value->put(object);
		return;
	}
	retired->put = value->put;
	retired->object = object;
	gt_rcu_retire(batch_of(value), &retired->head, drop);
}

void *gt_value_load(struct gt_value *value)
{
	void *object;

	if (!value->get)
		return gt_load_acquire(pointer_of(value));
	gt_rcu_read_lock();
	object = gt_load_acquire(pointer_of(value));
	if (object)
		value->get(object);
	gt_rcu_read_unlock();
	return object;
}

static void *swap(struct gt_value *value, void *object, bool get)
{
	void *old;

	gt_rcu_read_lock();
	old = atomic_exchange_explicit(pointer_of(value), object, memory_order_acq_rel);
	if (get && old && value->get)
		value->get(old);
	gt_rcu_read_unlock();
	retire(value, old);
	return old;
}

void gt_value_store(struct gt_value *value, void *object)
{
	if (!object)
		gt_panic("sync/atomic: store of nil value into Value");
	swap(value, object, false);
}

void *gt_value_swap(struct gt_value *value, void *object)
{
	if (!object)
		gt_panic("sync/atomic: swap of nil value into Value");
	return swap(value, object, true);
}

int gt_value_compare_and_swap(struct gt_value *value, void *old, void *object)
{
	if (!object)
		gt_panic("sync/atomic: compare and swap of nil value into Value");
	if (!atomic_compare_exchange_strong_explicit(pointer_of(value), &old, object,
						     memory_order_acq_rel, memory_order_acquire))
		return 0;
	retire(value, old);
	return 1;
}

void gt_value_destroy(struct gt_value *value)
{
	void *object = gt_load_acquire(pointer_of(value));

	gt_rcu_flush(batch_of(value));
	gt_store(pointer_of(value), NULL);
	if (object && value->put)
		value->put(object);
}
