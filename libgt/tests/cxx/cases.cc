// SPDX-License-Identifier: GPL-2.0
/* Panics, exits and deferred calls among destructors, handlers and exceptions. */
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

#include <cxxabi.h>

#include "cases.h"

#define CHECK(condition) cxx_check(condition, __LINE__)
#define NOINLINE __attribute__((__noinline__))

namespace {

struct Traced {
	const char *text;

	explicit Traced(const char *to_trace) : text(to_trace) { }
	~Traced() { cxx_trace(text); }
};

extern "C" void says(void *arg)
{
	cxx_trace(static_cast<const char *>(arg));
}

extern "C" void recovers(void *)
{
	const struct gt_panic_info *info = gt_recover();

	cxx_trace("[");
	cxx_trace(info ? info->message : "nil");
	cxx_trace("]");
}

void *text(const char *constant)
{
	return const_cast<char *>(constant);
}

NOINLINE void innermost(bool exits)
{
	Traced a("~a");
	GT_DEFER(says, text("a"));

	if (exits)
		gt_exit();
	gt_panic("P");
}

/* A handler for everything has to throw on. What it catches is a null reference. */
__attribute__((__no_sanitize__("null"))) NOINLINE void middle(bool exits)
{
	Traced b("~b");

	try {
		Traced c("~c");

		GT_DEFER(says, text("c"));
		innermost(exits);
	} catch (abi::__forced_unwind &) {
		cxx_trace("f");
		throw;
	} catch (...) {
		cxx_trace("!");
	}
	cxx_trace("!");
}

NOINLINE void outermost(bool exits)
{
	Traced d("~d");
	GT_DEFER(says, text("d"));
	GT_DEFER(recovers, nullptr);
	Traced e("~e");

	middle(exits);
	cxx_trace("!");
}

} // namespace

/* The deferred calls on the stack that stands, then what unwinding finds. */
void cxx_recovers(void *)
{
	outermost(false);
	cxx_trace(".");
	CHECK(!std::current_exception());
}

/* Function by function. */
void cxx_exits(void *)
{
	Traced z("~z");

	outermost(true);
	cxx_trace("!");
}

/* ----------------------------------------------------------- exceptions ---- */

namespace {

NOINLINE void throws(int number)
{
	Traced a("~a");
	GT_DEFER(says, text("a"));
	GT_DEFER(recovers, nullptr);
	GT_DEFER_SCOPE;

	CHECK(!gt_defer(says, text("s")));
	throw number;
}

NOINLINE void panics_in_handler()
{
	GT_DEFER(recovers, nullptr);
	try {
		throws(1);
	} catch (int) {
		CHECK(bool(std::current_exception()));
		gt_panic("Q");
	}
	cxx_trace("!");
}

} // namespace

void cxx_defers_past_exceptions(void *)
{
	try {
		throws(7);
		cxx_trace("!");
	} catch (int number) {
		CHECK(number == 7);
		cxx_trace("c");
	}
}

void cxx_panics_in_a_handler(void *)
{
	panics_in_handler();
	CHECK(!std::current_exception());
	cxx_trace(".");
}

void cxx_exits_in_a_handler(void *)
{
	Traced z("~z");

	try {
		throws(2);
	} catch (int) {
		gt_exit();
	}
}

namespace {

int returns_int(bool panics)
{
	GT_DEFER_RETURN(recovers, nullptr, -22);
	std::string string("long enough to be allocated on the heap");

	if (panics)
		gt_panic("I");
	return static_cast<int>(string.size());
}

const char *returns_text(bool panics)
{
	GT_DEFER_RETURN(recovers, nullptr, "recovered");
	if (panics)
		gt_panic("T");
	return "returned";
}

struct Object {
	Object() { GT_DEFER(recovers, nullptr); gt_panic("N"); }
	void method() { GT_DEFER(recovers, nullptr); gt_panic("M"); }
	template <class T> T tmpl(T value) { GT_DEFER_RETURN(recovers, nullptr, T(3)); gt_panic("G"); return value; }
};

void tried(void *arg)
{
	Traced t("~t");

	gt_panic_value(arg, "V");
}

} // namespace

void cxx_returns_results(void *)
{
	struct gt_panic_info info;

	CHECK(returns_int(false) == 39);
	CHECK(returns_int(true) == -22);
	CHECK(std::string(returns_text(false)) == "returned");
	CHECK(std::string(returns_text(true)) == "recovered");
	Object object;
	object.method();
	CHECK(object.tmpl(5L) == 3);
	auto lambda = [](bool panics) -> long {
		GT_DEFER_RETURN(recovers, nullptr, 11);
		if (panics)
			gt_panic("L");
		return 12;
	};
	CHECK(lambda(false) == 12);
	CHECK(lambda(true) == 11);
	CHECK(gt_try(tried, &info, &info) == GT_PANICKED);
	CHECK(info.value == &info);
	CHECK(gt_try([](void *) { gt_exit(); }, nullptr, nullptr) == GT_EXITED);
}

/*
 * The exceptions that a task handles are its own, though it changes threads and others
 * handle theirs there.
 */
namespace {

struct Yields {
	int expected;

	~Yields()
	{
		gt_yield();
		CHECK(std::uncaught_exception() == (expected != 0));
		gt_yield();
	}
};

NOINLINE void throws_through(long number)
{
	Yields yields = { 1 };

	gt_yield();
	throw std::runtime_error(std::to_string(number));
}

NOINLINE void handles(long number, int depth)
{
	try {
		throws_through(number);
	} catch (const std::runtime_error &error) {
		gt_yield();
		CHECK(error.what() == std::to_string(number));
		if (depth)
			handles(number + 1, depth - 1);
		gt_yield();
		CHECK(error.what() == std::to_string(number));
		try {
			gt_yield();
			throw;
		} catch (const std::exception &again) {
			Yields yields = { 0 };

			gt_yield();
			CHECK(&again == &error);
		}
	}
}

} // namespace

void cxx_suspends_in_handlers(void *arg)
{
	long number = static_cast<long>(reinterpret_cast<intptr_t>(arg));

	for (int i = 0; i < 10; i++) {
		handles(number, 3);
		CHECK(!std::current_exception());
		CHECK(!std::uncaught_exception());
	}
}

/* ----------------------------------------------------------------- fatal ---- */

void cxx_swallows_a_panic(void *)
{
	GT_DEFER(recovers, nullptr);
	try {
		gt_panic("P");
	} catch (...) {
	}
}

namespace {

NOINLINE void in_the_way() noexcept
{
	innermost(false);
}

} // namespace

void cxx_is_noexcept(void *)
{
	GT_DEFER(recovers, nullptr);
	in_the_way();
}

void cxx_throws_out_of_the_task(void *)
{
	throw std::runtime_error("out of the task");
}
