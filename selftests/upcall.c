// SPDX-License-Identifier: GPL-2.0
/*
 * An upcall may come between any two instructions, and the code that it interrupts
 * cannot tell: general registers, flags, stack pointer and red zone are as before. Where
 * the stack has no room there is none.
 */
#include "gt_upcall.h"

FIXTURE(upcall) {
	struct gt_test_group group;
	struct gt_test_worker worker;
};

FIXTURE_SETUP(upcall)
{
	memset(&self->worker, 0, sizeof(self->worker));
	gt_on_upcall = NULL;
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
}

FIXTURE_TEARDOWN(upcall)
{
}

/* How many make it likely that each of a loop's instructions was hit. */
static unsigned int many(void)
{
	return 300 * gt_test_scale();
}

static void run(struct gt_test_worker *self, bool (*loop)(struct gt_test_worker *self))
{
	self->result = gt_upcall_enable(self->group->fd);
	if (!self->result && !loop(self))
		self->result = -EILSEQ;
}

/* The function of a worker that runs a loop which says whether all is well. */
#define GT_RUN(loop) \
	static void loop##_run(struct gt_test_worker *self) \
	{ \
		run(self, loop); \
	}

#define GT_TEST_LOOP(loop) \
	GT_RUN(loop) \
	GT_TEST(upcall, loop) \
	{ \
		ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, loop##_run)); \
		EXPECT_TRUE(gt_pester(&self->worker, many())); \
		self->worker.stop = true; \
		gt_worker_join(&self->worker); \
		EXPECT_EQ(0, self->worker.result); \
	}

/* A handler may be called with anything in the registers: have it leave all changed. */
static void scramble(struct gt_upcall_frame *frame)
{
	__asm__ volatile("mov $-1, %%rax; mov %%rax, %%rcx; mov %%rax, %%rdx; mov %%rax, %%rsi\n"
			 "mov %%rax, %%rdi; mov %%rax, %%r8; mov %%rax, %%r9; mov %%rax, %%r10\n"
			 "mov %%rax, %%r11; mov %%rax, %%r12; mov %%rax, %%r13; mov %%rax, %%r14\n"
			 "mov %%rax, %%r15; mov %%rax, %%rbx; add $1, %%rax\n"
			 ::: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
			 "r12", "r13", "r14", "r15", "cc", "memory");
}

/* Fourteen registers count together; at the end of a round they must agree. */
static bool registers(struct gt_test_worker *self)
{
	unsigned long bad = 0;

	gt_on_upcall = scramble;
	while (!self->stop && !bad)
		__asm__ volatile(
			"push %%rbp; push %%rbx\n"
			"mov $1000, %%ecx\n"
			"xor %%eax, %%eax; xor %%ebx, %%ebx; xor %%edx, %%edx; xor %%esi, %%esi\n"
			"xor %%edi, %%edi; xor %%ebp, %%ebp; xor %%r8d, %%r8d; xor %%r9d, %%r9d\n"
			"xor %%r10d, %%r10d; xor %%r11d, %%r11d; xor %%r12d, %%r12d\n"
			"xor %%r13d, %%r13d; xor %%r14d, %%r14d; xor %%r15d, %%r15d\n"
			"1: inc %%rax; inc %%rbx; inc %%rdx; inc %%rsi; inc %%rdi; inc %%rbp\n"
			"inc %%r8; inc %%r9; inc %%r10; inc %%r11; inc %%r12; inc %%r13\n"
			"inc %%r14; inc %%r15\n"
			"dec %%ecx; jnz 1b\n"
			"mov %%rax, %%rcx\n"
			"xor %%rcx, %%rbx; xor %%rcx, %%rdx; xor %%rcx, %%rsi; xor %%rcx, %%rdi\n"
			"xor %%rcx, %%rbp; xor %%rcx, %%r8; xor %%rcx, %%r9; xor %%rcx, %%r10\n"
			"xor %%rcx, %%r11; xor %%rcx, %%r12; xor %%rcx, %%r13; xor %%rcx, %%r14\n"
			"xor %%rcx, %%r15; sub $1000, %%rax\n"
			"or %%rbx, %%rax; or %%rdx, %%rax; or %%rsi, %%rax; or %%rdi, %%rax\n"
			"or %%rbp, %%rax; or %%r8, %%rax; or %%r9, %%rax; or %%r10, %%rax\n"
			"or %%r11, %%rax; or %%r12, %%rax; or %%r13, %%rax; or %%r14, %%rax\n"
			"or %%r15, %%rax\n"
			"pop %%rbx; pop %%rbp\n"
			: "=a"(bad)
			:: "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
			"r15", "cc", "memory");
	return !bad;
}

GT_TEST_LOOP(registers)

/* A carry that lives over many instructions, and a direction that is down. */
static bool flags(struct gt_test_worker *self)
{
	unsigned long bad = 0;

	while (!self->stop && !bad)
		__asm__ volatile(
			"mov $1000, %%rcx\n"
			"xor %%eax, %%eax\n"
			"std\n"
			"stc\n"
			"1: mov %%rcx, %%rdx\n"
			"lea -1(%%rcx), %%rcx\n"
			"jnc 2f\n"
			"jrcxz 3f\n"
			"jmp 1b\n"
			"2: mov $1, %%eax\n"
			"3: pushfq; pop %%rdx; cld\n"
			"not %%rdx; and $0x400, %%rdx; or %%rdx, %%rax\n"
			: "=a"(bad) :: "rcx", "rdx", "cc", "memory");
	return !bad;
}

static volatile bool direction_was_down;

static void look_at_direction(struct gt_upcall_frame *frame)
{
	unsigned long now;

	__asm__ volatile("pushfq; pop %0" : "=r"(now));
	if (now & 0x400)
		direction_was_down = true;
}

GT_RUN(flags)

GT_TEST(upcall, flags)
{
	gt_on_upcall = look_at_direction;
	direction_was_down = false;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, flags_run));
	EXPECT_TRUE(gt_pester(&self->worker, many()));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
	EXPECT_FALSE(direction_was_down);
}

/*
 * The 128 bytes below the stack pointer belong to a function that calls nobody. An emulator
 * takes interrupts at jumps alone.
 */
static bool red_zone(struct gt_test_worker *self)
{
	unsigned long bad = 0;

	while (!self->stop && !bad)
		__asm__ volatile(
			"mov $1000, %%ecx\n"
			"1: mov %%rcx, -8(%%rsp); mov %%rcx, -16(%%rsp); mov %%rcx, -64(%%rsp)\n"
			"mov %%rcx, -120(%%rsp); mov %%rcx, -128(%%rsp)\n"
			"jmp 3f; 3:\n"
			"mov -8(%%rsp), %%rax; xor %%rcx, %%rax\n"
			"mov -16(%%rsp), %%rdx; xor %%rcx, %%rdx; or %%rdx, %%rax\n"
			"mov -64(%%rsp), %%rdx; xor %%rcx, %%rdx; or %%rdx, %%rax\n"
			"mov -120(%%rsp), %%rdx; xor %%rcx, %%rdx; or %%rdx, %%rax\n"
			"mov -128(%%rsp), %%rdx; xor %%rcx, %%rdx; or %%rdx, %%rax\n"
			"jnz 2f\n"
			"dec %%ecx; jnz 1b\n"
			"2:\n"
			: "=a"(bad) :: "rcx", "rdx", "cc", "memory");
	return !bad;
}

GT_TEST_LOOP(red_zone)

/* A stack pointer that points to nothing: no upcall, and no harm. */
static bool no_stack(struct gt_test_worker *self)
{
	unsigned long bad = 0;

	while (!self->stop && !bad)
		__asm__ volatile(
			"mov %%rsp, %%rdx\n"
			"mov $1, %%esp\n"
			"mov $1000, %%ecx\n"
			"1: dec %%ecx; jnz 1b\n"
			"mov %%rsp, %%rax\n"
			"mov %%rdx, %%rsp\n"
			"dec %%rax\n"
			: "=a"(bad) :: "rcx", "rdx", "cc", "memory");
	return !bad;
}

GT_RUN(no_stack)

GT_TEST(upcall, no_stack)
{
	volatile struct gt_worker_status *status;

	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, no_stack_run));
	status = &self->group.worker[self->worker.slot];
	EXPECT_TRUE(gt_until(({
		gt_preempt(self->group.fd, self->worker.slot, 0);
		status->nr_missed >= 100;
	})));
	EXPECT_EQ(GT_UPCALL_PREEMPT, self->group.user[self->worker.slot].missed);
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
}

/* What an upcall is told. */
static volatile struct gt_upcall_frame seen;
static volatile uintptr_t seen_at;

static void look_at_frame(struct gt_upcall_frame *frame)
{
	seen = *frame;
	seen_at = (uintptr_t)frame;
}

static uintptr_t loop_start, loop_end;

static bool frame(struct gt_test_worker *self)
{
	while (!self->stop)
		__asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0\n"
				 "lea 2f(%%rip), %%rax; mov %%rax, %1\n"
				 "mov $100000, %%ecx\n"
				 "1: dec %%ecx\n"
				 "jnz 1b\n"
				 "2:\n"
				 : "=m"(loop_start), "=m"(loop_end) :: "rax", "rcx", "cc");
	return true;
}

GT_RUN(frame)

GT_TEST(upcall, frame)
{
	gt_on_upcall = look_at_frame;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, frame_run));
	EXPECT_TRUE(gt_until(({
		gt_pester(&self->worker, 1);
		loop_start && seen.ip >= loop_start && seen.ip < loop_end;
	})));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(GT_UPCALL_PREEMPT, seen.reasons);
	EXPECT_EQ(0, seen_at % 64);
	EXPECT_EQ(0, seen.reserved[0]);
	EXPECT_EQ(0, self->group.worker[self->worker.slot].nr_missed);
	EXPECT_LT(0, self->group.worker[self->worker.slot].nr_upcalls);
}

TEST_HARNESS_MAIN
