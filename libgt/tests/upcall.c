// SPDX-License-Identifier: GPL-2.0
/*
 * The entry of upcalls tells unwinders the truth at each of its instructions: debuggers,
 * profilers and crash handlers see through an upcall. Here we are the kernel, and make
 * the frame that the entry finds; the processor then steps through it.
 */
#include "test.h"

#if defined(__x86_64__) && !TEST_TSAN && !TEST_ASAN

#include <linux/gt.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unwind.h>

#include "arch/x86_64/upcall.h"
#include "base/sanitize.h"

enum { STACK_SIZE = 256 << 10, RSP = 7 };

/* What interrupted() has in its registers, by DWARF's numbers of them; and in rsp. */
#define VALUE(number) (0x1122334455667700ul + (number))
static uintptr_t sp_then;

/*
 * Load all registers, go to the entry as the kernel would, and come back at resumed. The
 * trap flag, 0x100, is in the flags that the upcall begins with and those that it ends with.
 */
void interrupted(struct gt_upcall_frame *frame, uintptr_t *sp);
extern char resumed[];

__asm__(
"	.pushsection .text\n"
"	.globl interrupted, resumed\n"
"	.type interrupted, @function\n"
"interrupted:\n"
"	.cfi_startproc\n"
"	.irp register, rbx, rbp, r12, r13, r14, r15\n"
"	push %\\register\n"
"	.cfi_adjust_cfa_offset 8\n"
"	.cfi_rel_offset %\\register, 0\n"
"	.endr\n"
"	mov %rsp, (%rsi)\n"
"	lea -136(%rsp), %rax\n"
"	mov %rax, 8(%rdi)\n"		/* resume */
"	lea resumed(%rip), %rcx\n"
"	mov %rcx, (%rax)\n"
"	mov %rcx, 16(%rdi)\n"		/* ip */
"	mov %rsp, 24(%rdi)\n"		/* sp */
"	mov %rdi, %rsp\n"
"	pushfq\n"
"	orq $0x100, (%rsp)\n"
"	pop (%rdi)\n"			/* flags */
"	push (%rdi)\n"
"	mov $0x1122334455667700, %rax\n"
"	.set number, 0\n"
"	.irp register, rdx, rcx, rbx, rsi, rdi, rbp, none, r8, r9, r10, r11, r12, r13, r14, r15\n"
"	.set number, number + 1\n"
"	.ifnc \\register, none\n"
"	lea number(%rax), %\\register\n"
"	.endif\n"
"	.endr\n"
"	popfq\n"
"	jmp gt_upcall_entry\n"
"resumed:\n"
"	pushfq\n"
"	andq $~0x100, (%rsp)\n"
"	popfq\n"
"	.irp register, r15, r14, r13, r12, rbp, rbx\n"
"	pop %\\register\n"
"	.cfi_adjust_cfa_offset -8\n"
"	.cfi_restore %\\register\n"
"	.endr\n"
"	ret\n"
"	.cfi_endproc\n"
"	.size interrupted, . - interrupted\n"
"	.popsection\n");

struct walk {
	uintptr_t ip;			/* in the entry */
	bool in_entry, done;
	const char *wrong;
};

/* Frames come from the inside out; registers and CFA are what the frame finds at its ip. */
static _Unwind_Reason_Code look(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;
	int i, exact;
	uintptr_t ip = _Unwind_GetIPInfo(context, &exact);

	if (!walk->in_entry) {
		walk->in_entry = ip == walk->ip;
		return _URC_NO_REASON;
	}
	walk->done = true;
	if (ip != (uintptr_t)resumed)
		walk->wrong = "instruction pointer";
	/* It need not be behind a call. */
	if (!exact)
		walk->wrong = "kind of frame";
	for (i = 0; i < 16; i++)
		if (i != RSP && _Unwind_GetGR(context, i) != VALUE(i))
			walk->wrong = "register";
	return _URC_END_OF_STACK;
}

/* The frame behind it has its own stack pointer from ours. */
static _Unwind_Reason_Code look_at_caller(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;

	if (!walk->in_entry) {
		walk->in_entry = _Unwind_GetIP(context) == (uintptr_t)resumed;
		return _URC_NO_REASON;
	}
	walk->done = true;
	if (_Unwind_GetCFA(context) != sp_then + 7 * sizeof(uintptr_t))
		walk->wrong = "stack pointer";
	return _URC_END_OF_STACK;
}

static unsigned int steps, bad;

static void on_trap(int number, siginfo_t *info, void *context)
{
	uintptr_t ip = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	uintptr_t entry = (uintptr_t)gt_upcall_entry;
	struct walk walk = { .ip = ip }, caller = { .in_entry = false };

	if (ip < entry || ip >= (uintptr_t)gt_upcall_entry_end)
		return;
	steps++;
	_Unwind_Backtrace(look, &walk);
	_Unwind_Backtrace(look_at_caller, &caller);
	if (walk.done && caller.done && !walk.wrong && !caller.wrong)
		return;
	bad++;
	fprintf(stderr, "# at gt_upcall_entry+%#lx: %s\n", (unsigned long)(ip - entry),
		   walk.wrong ? walk.wrong : caller.wrong ? caller.wrong : "the walk ends");
	(void)number;
	(void)info;
}

PLAIN_TEST(unwinders_see_through_each_instruction)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	char *stack;

	if (gt_on_valgrind())
		test_skip("Valgrind does not step");
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stack != MAP_FAILED);
	CHECK_EQ(sigaction(SIGTRAP, &action, NULL), 0);
	gt_upcall_prepare();
	interrupted((struct gt_upcall_frame *)(stack + STACK_SIZE) - 1, &sp_then);
	/* 15 pushes, 15 pops, a call, and more. */
	CHECK(steps > 40);
	CHECK_EQ(bad, 0);
}

#else

PLAIN_TEST(unwinders_see_through_each_instruction)
{
	test_skip("x86-64's entry, without sanitizers");
}

#endif

TEST_MAIN
