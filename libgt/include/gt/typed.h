/* SPDX-License-Identifier: MIT */
/*
 * Channels whose element type and direction the compiler checks.
 *
 *	GT_CHAN(struct job) jobs = GT_CHAN_MAKE(struct job, 16);
 *
 *	static void produce(GT_SENDER(struct job) out)
 *	{
 *		struct job job = { 1 };
 *
 *		GT_CHAN_SEND(out, &job);
 *		GT_CHAN_CLOSE(out);
 *	}
 *
 *	produce(GT_SENDER_OF(jobs));
 *
 * Each macro is the function of that name in small letters, see <gt/chan.h> and
 * <gt/select.h>, for a channel with a type. Its arguments are evaluated once, and
 * nothing is left of the types when it runs. What does not compile:
 *
 * - a value that is not a pointer to the element type, const for one to be sent; NULL
 *   will do, where the function takes it;
 * - a send or a close by a receiver, a receive by a sender;
 * - an untyped channel in place of a typed one, or the other way round;
 * - in C++, elements that must not be copied as bytes.
 *
 * A channel, or a view, of the wrong type that is assigned or passed to a function is
 * an incompatible pointer: an error in C++ and of newer C compilers, a warning of
 * others (-Werror=incompatible-pointer-types).
 *
 * Such a channel is a pointer to the untyped one that claims to point to an array of
 * pointers to its elements. The length of the array tells what one may do with it.
 */
#ifndef GT_TYPED_H
#define GT_TYPED_H

#include <stddef.h>

#include <gt/chan.h>
#include <gt/select.h>
#include <gt/version.h>

/* private: lengths that no other array of pointers is likely to have. */
#define GT_MAY_LITTLE_ 0x100
#define GT_MAY_SEND_ 0x101
#define GT_MAY_RECV_ 0x102
#define GT_MAY_BOTH_ 0x103
#define GT_TYPED_(may, ...) __typeof__(__typeof__(__VA_ARGS__) *(*)[may])
/* public: */

/**
 * GT_CHAN - the type of a channel
 * @...: the type of its elements.
 */
#define GT_CHAN(...) GT_TYPED_(GT_MAY_BOTH_, __VA_ARGS__)

/**
 * GT_SENDER - the type of a channel that may be sent on and closed
 * @...: the type of its elements.
 */
#define GT_SENDER(...) GT_TYPED_(GT_MAY_SEND_, __VA_ARGS__)

/**
 * GT_RECEIVER - the type of a channel that may be received from
 * @...: the type of its elements.
 */
#define GT_RECEIVER(...) GT_TYPED_(GT_MAY_RECV_, __VA_ARGS__)

/* private: what differs between the languages. */
#ifdef __cplusplus

template <class C> struct gt_typed {
	static_assert(sizeof(C) == 0, "this is no channel with a type");
};
template <class C> struct gt_typed<C &> : gt_typed<C> {};
template <class C> struct gt_typed<C &&> : gt_typed<C> {};
template <class C> struct gt_typed<const C> : gt_typed<C> {};
template <class T, size_t may> struct gt_typed<T *(*)[may]> {
	typedef T *(*type)[may];
	typedef T *(*sender)[GT_MAY_SEND_];
	typedef T *(*receiver)[GT_MAY_RECV_];

	template <size_t want> static struct gt_chan *as(type chan)
	{
		static_assert(may & GT_MAY_LITTLE_, "this is no channel with a type");
		static_assert(!(want & ~may & 1), "a receiver may not send or close");
		static_assert(!(want & ~may & 2), "a sender may not receive");
		return reinterpret_cast<struct gt_chan *>(chan);
	}
	static void *to(T *value) { return value; }
	static const void *from(const T *value) { return value; }
};
template <class T> static inline T *(*gt_typed_made(struct gt_chan *chan))[GT_MAY_BOTH_]
{
	static_assert(__is_trivially_copyable(T), "elements are copied as bytes");
	static_assert(sizeof(T) <= 65536, "elements are 64 KiB at most");
	return reinterpret_cast<T *(*)[GT_MAY_BOTH_]>(chan);
}

#define GT_AS_(want, ch) (gt_typed<decltype(ch)>::as<(want)>(ch))
#define GT_TO_(ch, value) (gt_typed<decltype(ch)>::to(value))
#define GT_FROM_(ch, value) (gt_typed<decltype(ch)>::from(value))
#define GT_SAME_(ch, chan) (reinterpret_cast<gt_typed<decltype(ch)>::type>(chan))
#define GT_VIEW_(view, ch, chan) (reinterpret_cast<gt_typed<decltype(ch)>::view>(chan))
#define GT_MADE_(T, chan) (gt_typed_made<T>(chan))

#else

#if __STDC_VERSION__ >= 201112L
#define GT_CHECK_(is, text) ((void)sizeof(struct { _Static_assert(is, text); int gt_; }))
#else
#define GT_CHECK_(is, text) ((void)sizeof(char[(is) ? 1 : -1]))
#endif
#define GT_MAY_(want, ch) \
	(((want) & (sizeof(*(ch)) / sizeof(**(ch)))) == (want) && sizeof(***(ch)) <= 65536)
#define GT_IS_(value, ...) __builtin_types_compatible_p(__typeof__(value), __VA_ARGS__)
/* A null pointer constant gives way to the other pointer's type, a void * does not. */
#define GT_IS_NULL_(ch, value) \
	(GT_IS_(value, void *) && GT_IS_(1 ? (value) : **(ch), __typeof__(**(ch))))

#define GT_AS_(want, ch) \
	(GT_CHECK_(GT_MAY_(want, ch), "this channel may not be used so"), \
	 (struct gt_chan *)(void *)(ch))
#define GT_TO_(ch, value) \
	(GT_CHECK_(GT_IS_(value, __typeof__(**(ch))) || GT_IS_NULL_(ch, value), \
		   "this is no pointer to an element of the channel"), (void *)(value))
#define GT_FROM_(ch, value) \
	(GT_CHECK_(GT_IS_(value, __typeof__(**(ch))) || GT_IS_NULL_(ch, value) || \
		   GT_IS_(value, const __typeof__(***(ch)) *), \
		   "this is no pointer to an element of the channel"), (const void *)(value))
#define GT_SAME_(ch, chan) ((__typeof__(ch))(void *)(chan))
#define GT_VIEW_(view, ch, chan) \
	((GT_TYPED_(GT_VIEW_##view##_, __typeof__(***(ch))))(void *)(chan))
#define GT_VIEW_sender_ GT_MAY_SEND_
#define GT_VIEW_receiver_ GT_MAY_RECV_
#define GT_MADE_(T, chan) \
	(GT_CHECK_(sizeof(T) <= 65536, "elements are 64 KiB at most"), (GT_CHAN(T))(void *)(chan))

#endif
/* public: */

/**
 * GT_CHAN_MAKE - gt_chan_make() with a type
 * @T: the type of the elements, up to 64 KiB.
 * @capacity: values it buffers, 0 for an unbuffered channel.
 *
 * Return: a GT_CHAN(T); NULL if there is no memory.
 */
#define GT_CHAN_MAKE(T, capacity) \
	GT_MADE_(T, gt_chan_make(sizeof(__typeof__(T)[1]), (capacity)))

/**
 * GT_SENDER_OF - a channel as one that may only be sent on and closed
 * @ch: a GT_CHAN() or GT_SENDER(), or NULL of that type. No reference is taken.
 *
 * Return: a GT_SENDER().
 */
#define GT_SENDER_OF(ch) GT_VIEW_(sender, ch, GT_AS_(GT_MAY_SEND_, ch))

/**
 * GT_RECEIVER_OF - a channel as one that may only be received from
 * @ch: a GT_CHAN() or GT_RECEIVER(), or NULL of that type. No reference is taken.
 *
 * Return: a GT_RECEIVER().
 */
#define GT_RECEIVER_OF(ch) GT_VIEW_(receiver, ch, GT_AS_(GT_MAY_RECV_, ch))

/**
 * GT_CHAN_UNTYPED - a channel without its type
 * @ch: a typed channel or view. No reference is taken.
 *
 * Return: a struct gt_chan pointer.
 */
#define GT_CHAN_UNTYPED(ch) GT_AS_(GT_MAY_LITTLE_, ch)

/**
 * GT_CHAN_GET - gt_chan_get() with a type
 * @ch: a typed channel or view.
 *
 * Return: @ch.
 */
#define GT_CHAN_GET(ch) GT_SAME_(ch, gt_chan_get(GT_AS_(GT_MAY_LITTLE_, ch)))

/**
 * GT_CHAN_PUT - gt_chan_put() with a type
 * @ch: a typed channel or view.
 */
#define GT_CHAN_PUT(ch) gt_chan_put(GT_AS_(GT_MAY_LITTLE_, ch))

/**
 * GT_CHAN_SEND - gt_chan_send() with a type
 * @ch: a GT_CHAN() or GT_SENDER().
 * @value: a pointer to an element, which may be const.
 */
#define GT_CHAN_SEND(ch, value) gt_chan_send(GT_AS_(GT_MAY_SEND_, ch), GT_FROM_(ch, value))

/**
 * GT_CHAN_SEND_UNTIL - gt_chan_send_until() with a type
 * @ch: a GT_CHAN() or GT_SENDER().
 * @value: a pointer to an element, which may be const.
 * @deadline: as the function's.
 *
 * Return: as the function's.
 */
#define GT_CHAN_SEND_UNTIL(ch, value, deadline) \
	gt_chan_send_until(GT_AS_(GT_MAY_SEND_, ch), GT_FROM_(ch, value), (deadline))

/**
 * GT_CHAN_TRY_SEND - gt_chan_try_send() with a type
 * @ch: a GT_CHAN() or GT_SENDER().
 * @value: a pointer to an element, which may be const.
 *
 * Return: as the function's.
 */
#define GT_CHAN_TRY_SEND(ch, value) \
	gt_chan_try_send(GT_AS_(GT_MAY_SEND_, ch), GT_FROM_(ch, value))

/**
 * GT_CHAN_RECV - gt_chan_recv() with a type
 * @ch: a GT_CHAN() or GT_RECEIVER().
 * @value: a pointer to an element, or NULL.
 *
 * Return: as the function's.
 */
#define GT_CHAN_RECV(ch, value) gt_chan_recv(GT_AS_(GT_MAY_RECV_, ch), GT_TO_(ch, value))

/**
 * GT_CHAN_RECV_UNTIL - gt_chan_recv_until() with a type
 * @ch: a GT_CHAN() or GT_RECEIVER().
 * @value: a pointer to an element, or NULL.
 * @deadline: as the function's.
 *
 * Return: as the function's.
 */
#define GT_CHAN_RECV_UNTIL(ch, value, deadline) \
	gt_chan_recv_until(GT_AS_(GT_MAY_RECV_, ch), GT_TO_(ch, value), (deadline))

/**
 * GT_CHAN_TRY_RECV - gt_chan_try_recv() with a type
 * @ch: a GT_CHAN() or GT_RECEIVER().
 * @value: a pointer to an element, or NULL.
 *
 * Return: as the function's.
 */
#define GT_CHAN_TRY_RECV(ch, value) \
	gt_chan_try_recv(GT_AS_(GT_MAY_RECV_, ch), GT_TO_(ch, value))

/**
 * GT_CHAN_CLOSE - gt_chan_close() with a type
 * @ch: a GT_CHAN() or GT_SENDER().
 */
#define GT_CHAN_CLOSE(ch) gt_chan_close(GT_AS_(GT_MAY_SEND_, ch))

/**
 * GT_CHAN_LEN - gt_chan_len() with a type
 * @ch: a typed channel or view.
 *
 * Return: as the function's.
 */
#define GT_CHAN_LEN(ch) gt_chan_len(GT_AS_(GT_MAY_LITTLE_, ch))

/**
 * GT_CHAN_CAP - gt_chan_cap() with a type
 * @ch: a typed channel or view.
 *
 * Return: as the function's.
 */
#define GT_CHAN_CAP(ch) gt_chan_cap(GT_AS_(GT_MAY_LITTLE_, ch))

/**
 * GT_CASE_SEND - gt_case_send() with a type
 * @ch: a GT_CHAN() or GT_SENDER().
 * @value: a pointer to an element, which may be const.
 *
 * Return: as the function's.
 */
#define GT_CASE_SEND(ch, value) gt_case_send(GT_AS_(GT_MAY_SEND_, ch), GT_FROM_(ch, value))

/**
 * GT_CASE_RECV - gt_case_recv() with a type
 * @ch: a GT_CHAN() or GT_RECEIVER().
 * @value: a pointer to an element, or NULL.
 *
 * Return: as the function's.
 */
#define GT_CASE_RECV(ch, value) gt_case_recv(GT_AS_(GT_MAY_RECV_, ch), GT_TO_(ch, value))

#endif /* GT_TYPED_H */
