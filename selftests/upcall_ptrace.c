// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger at a worker that takes upcalls. At each stop it finds the registers of the
 * interrupted code or those of the upcall, never some of each; what it changes in them
 * lasts; a system call that it looks into keeps its number and its result; and when it
 * lets go all goes on.
 */
#include "gt_upcall.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

#define PAGE	4096

/* What tracer and tracee share. */
static struct {
	uint64_t sp;			/* in the loop; not 0: it has begun */
	uint64_t base;			/* of the values of the registers there */
	uint32_t leave;
	uint32_t ppid;
	volatile uint64_t stack;	/* the upcall's */
	volatile uint32_t requests, upcalls;
	volatile uint32_t quiet;	/* no requests, please */
	volatile uint32_t hold, held;	/* an upcall is to wait; it does */
	char rest[PAGE - 52];
} shared __attribute__((__aligned__(PAGE), __used__));

_Static_assert(sizeof(shared) == PAGE, "a page of its own");

/*
 * gt_loop(): all registers but rsp have values of their own, from shared.base on, and keep
 * them until it leaves. Returns 0 if they are right then. gt_call_loop() calls getppid()
 * for ever instead, with three registers that no call changes; it counts wrong results.
 */
__asm__(
"	.pushsection .text\n"
"	.globl gt_loop, gt_loop_begin, gt_loop_end, gt_call_loop, gt_call_done\n"
"gt_loop:\n"
"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
"	mov shared+8(%rip), %rax\n"
"	.set number, 0\n"
"	.irp register, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
"	.set number, number + 1\n"
"	lea number(%rax), %\\register\n"
"	.endr\n"
"	mov %rsp, shared(%rip)\n"
"gt_loop_begin:\n"
"	cmpl $0, shared+16(%rip)\n"
"	je gt_loop_begin\n"
"gt_loop_end:\n"
"	.set number, 0\n"
"	.irp register, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
"	.set number, number + 1\n"
"	sub $number, %\\register\n"
"	xor %rax, %\\register\n"
"	.endr\n"
"	xor shared+8(%rip), %rax\n"
"	.irp register, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
"	or %\\register, %rax\n"
"	.endr\n"
"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
"	ret\n"
"gt_call_loop:\n"
"	push %rbx; push %rbp; push %r12; push %r13\n"
"	xor %r13d, %r13d\n"
"	mov shared+8(%rip), %rbx\n"
"	lea 1(%rbx), %rbp\n"
"	lea 2(%rbx), %r12\n"
"	mov %rsp, shared(%rip)\n"
"1:	mov $110, %eax\n"
"	syscall\n"
"gt_call_done:\n"
"	cmpl $0, shared+16(%rip)\n"
"	jne 2f\n"
"	cmp %eax, shared+20(%rip)\n"
"	je 1b\n"
"	inc %r13\n"
"	jmp 1b\n"
"2:	mov %r13, %rax\n"
"	pop %r13; pop %r12; pop %rbp; pop %rbx\n"
"	ret\n"
"	.popsection\n");

_Static_assert(offsetof(typeof(shared), base) == 8 && offsetof(typeof(shared), leave) == 16 &&
	       offsetof(typeof(shared), ppid) == 20, "as the code above has it");

long gt_loop(void), gt_call_loop(void);
extern char gt_loop_begin[], gt_loop_end[], gt_call_done[];

static void linger(struct gt_upcall_frame *frame)
{
	shared.upcalls++;
	while (shared.hold)
		shared.held = 1;
	shared.held = 0;
}

static struct gt_test_group tracee_group;

static void *pester_for_ever(void *arg)
{
	for (;;) {
		if (!shared.quiet) {
			gt_preempt(tracee_group.fd, *(int *)arg, 0);
			shared.requests++;
		}
		usleep(100);
	}
	return NULL;
}

/* getppid() stops for the tracer, and fails if there is none. */
static int filter_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#define NO_SECCOMP 77

static int be_traced(bool calls)
{
	pthread_t thread;
	static int slot;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	gt_on_upcall = linger;
	if (gt_group_open(&tracee_group, 1, 0))
		return 1;
	slot = gt_attach(tracee_group.fd);
	if (slot < 0 || gt_upcall_enable(tracee_group.fd))
		return 2;
	shared.stack = (uintptr_t)gt_upcall_stack;
	if (pthread_create(&thread, NULL, pester_for_ever, &slot))
		return 3;
	if (!calls)
		return gt_loop() ? 4 : 0;
	if (filter_calls())
		return NO_SECCOMP;
	return gt_call_loop() ? 5 : 0;
}

FIXTURE(upcall_ptrace) {
	pid_t pid;
	int status;
};

FIXTURE_SETUP(upcall_ptrace)
{
	ASSERT_EQ((void *)&shared, mmap(&shared, PAGE, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	shared.base = 0x1111111100000000;
	shared.ppid = getpid();
}

FIXTURE_TEARDOWN(upcall_ptrace)
{
	if (self->pid > 0)
		kill(self->pid, SIGKILL);
}

static pid_t start(bool calls)
{
	pid_t pid = fork();

	if (!pid)
		_exit(be_traced(calls));
	return pid;
}

/* The tracee has stopped; how. */
static int stop_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) ? status >> 8 : -1;
}

/* Requests have come meanwhile, while it was stopped or ran. */
static bool requested(void)
{
	uint32_t before = shared.requests;

	return gt_until(shared.requests - before > 2);
}

#define STOPPED		(SIGTRAP | PTRACE_EVENT_STOP << 8)

static bool on_upcall_stack(uint64_t sp)
{
	return sp - shared.stack - 1 < GT_UPCALL_STACK;
}

static bool values_are_right(const struct user_regs_struct *regs)
{
	const uint64_t values[] = {
		regs->rax, regs->rbx, regs->rcx, regs->rdx, regs->rsi, regs->rdi, regs->rbp,
		regs->r8, regs->r9, regs->r10, regs->r11, regs->r12, regs->r13, regs->r14,
		regs->r15,
	};
	unsigned int i;

	for (i = 0; i < 15; i++)
		if (values[i] != shared.base + i)
			return false;
	return true;
}

static void values_set(struct user_regs_struct *regs)
{
	regs->rax = shared.base;
	regs->rbx = shared.base + 1;
	regs->rcx = shared.base + 2;
	regs->rdx = shared.base + 3;
	regs->rsi = shared.base + 4;
	regs->rdi = shared.base + 5;
	regs->rbp = shared.base + 6;
	regs->r8 = shared.base + 7;
	regs->r9 = shared.base + 8;
	regs->r10 = shared.base + 9;
	regs->r11 = shared.base + 10;
	regs->r12 = shared.base + 11;
	regs->r13 = shared.base + 12;
	regs->r14 = shared.base + 13;
	regs->r15 = shared.base + 14;
}

enum where { IN_LOOP, IN_UPCALL, MIXED };

static enum where where(const struct user_regs_struct *regs)
{
	if (regs->rip >= (uintptr_t)gt_loop_begin && regs->rip < (uintptr_t)gt_loop_end)
		return regs->rsp == shared.sp && values_are_right(regs) ? IN_LOOP : MIXED;
	/* The first instruction, and the last: it leaves this stack just before. */
	if (regs->rip == (uintptr_t)gt_entry)
		return on_upcall_stack(regs->rsp) && values_are_right(regs) ? IN_UPCALL : MIXED;
	if (regs->rip == (uintptr_t)gt_entry_end - 3)
		return regs->rsp == shared.sp - 136 && values_are_right(regs) ? IN_UPCALL : MIXED;
	return on_upcall_stack(regs->rsp) ? IN_UPCALL : MIXED;
}

/* Not traced any more, it is called as before, and ends well. */
#define EXPECT_GOES_ON() do {							\
		uint32_t before = shared.upcalls;				\
										\
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->pid, 0, 0));		\
		EXPECT_TRUE(gt_until(shared.upcalls > before + 10));		\
		shared.leave = 1;						\
		ASSERT_EQ(self->pid, waitpid(self->pid, &self->status, 0));	\
		self->pid = 0;							\
		EXPECT_TRUE(WIFEXITED(self->status));				\
		EXPECT_EQ(0, WEXITSTATUS(self->status));			\
	} while (0)

#define ASSERT_GETREGS(regs) do {						\
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, 0, regs));	\
		ASSERT_NE(MIXED, where(regs)) {					\
			TH_LOG("rip %llx rsp %llx rax %llx of %llx", (regs)->rip, \
			       (regs)->rsp, (regs)->rax, (regs)->orig_rax);	\
		}								\
	} while (0)

/* Wherever it is. */
#define ASSERT_INTERRUPT(regs) do {						\
		ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->pid, 0, 0));	\
		ASSERT_EQ(STOPPED, stop_of(self->pid));				\
		ASSERT_GETREGS(regs);						\
	} while (0)

/* Without requests it is soon back in the loop; an upcall that is held stays. */
#define ASSERT_INTERRUPT_IN(place, regs) do {					\
		shared.quiet = (place) == IN_LOOP;				\
		shared.hold = (place) == IN_UPCALL;				\
		ASSERT_TRUE(gt_until(shared.held == shared.hold));		\
		ASSERT_TRUE(gt_until(({						\
			ASSERT_INTERRUPT(regs);					\
			if (where(regs) != (place))				\
				ptrace(PTRACE_CONT, self->pid, 0, 0);		\
			where(regs) == (place);					\
		})));								\
		shared.quiet = 0;						\
		shared.hold = 0;						\
	} while (0)

/* It is called, and so are others. */
#define ASSERT_CONT() do {							\
		uint32_t before = shared.upcalls;				\
										\
		ASSERT_EQ(0, ptrace(PTRACE_CONT, self->pid, 0, 0));		\
		ASSERT_TRUE(gt_until(shared.upcalls > before));			\
	} while (0)

#define ASSERT_START() do {							\
		self->pid = start(false);					\
		ASSERT_LT(0, self->pid);					\
		ASSERT_TRUE(gt_until(shared.sp && shared.upcalls));		\
		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->pid, 0, 0));		\
	} while (0)

/* Stopped anywhere, again and again. */
GT_TEST(upcall_ptrace, stopped)
{
	struct user_regs_struct regs;
	unsigned int round;

	ASSERT_START();
	for (round = 0; round < 100; round++) {
		ASSERT_INTERRUPT(&regs);
		ASSERT_CONT();
	}
	ASSERT_INTERRUPT(&regs);
	EXPECT_GOES_ON();
}

/* The loop's registers are given other values, while requests come. */
GT_TEST(upcall_ptrace, changed)
{
	struct user_regs_struct regs;
	unsigned int round;

	ASSERT_START();
	for (round = 0; round < 30; round++) {
		ASSERT_INTERRUPT_IN(IN_LOOP, &regs);
		ASSERT_TRUE(requested());
		shared.base += 0x1000;
		values_set(&regs);
		ASSERT_EQ(0, ptrace(PTRACE_SETREGS, self->pid, 0, &regs));
		ASSERT_CONT();
	}
	ASSERT_INTERRUPT(&regs);
	EXPECT_GOES_ON();
}

#define ASSERT_STEP(regs) do {							\
		ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->pid, 0, 0));	\
		ASSERT_EQ(SIGTRAP, stop_of(self->pid));				\
		ASSERT_GETREGS(regs);						\
	} while (0)

/* Step by step out of an upcall, and on in the loop: there no other begins meanwhile. */
GT_TEST(upcall_ptrace, stepped)
{
	struct user_regs_struct regs;
	unsigned int round, step;

	ASSERT_START();
	for (round = 0; round < 3; round++) {
		ASSERT_INTERRUPT_IN(IN_UPCALL, &regs);
		for (step = 0; step < 1000 && where(&regs) == IN_UPCALL; step++)
			ASSERT_STEP(&regs);
		for (step = 0; step < 20; step++) {
			ASSERT_EQ(IN_LOOP, where(&regs));
			ASSERT_TRUE(requested());
			ASSERT_STEP(&regs);
		}
		/* The kernel, stepping over popfq, takes its own trap flag for the tracee's. */
		regs.eflags &= ~0x100ULL;
		ASSERT_EQ(0, ptrace(PTRACE_SETREGS, self->pid, 0, &regs));
		ASSERT_CONT();
	}
	ASSERT_INTERRUPT(&regs);
	EXPECT_GOES_ON();
}

static bool in_call(const struct user_regs_struct *regs, int64_t result)
{
	return regs->rip == (uintptr_t)gt_call_done && regs->rsp == shared.sp &&
	       regs->orig_rax == SYS_getppid && regs->rax == (uint64_t)result &&
	       regs->rbx == shared.base && regs->rbp == shared.base + 1 &&
	       regs->r12 == shared.base + 2;
}

/* At the end of a call an upcall may have been put in: it begins with the result. */
static bool after_call(const struct user_regs_struct *regs)
{
	return in_call(regs, getpid()) ||
	       (regs->rip == (uintptr_t)gt_entry && on_upcall_stack(regs->rsp) &&
		regs->orig_rax == (uint64_t)-1 &&
		regs->rax == getpid() && regs->rbx == shared.base &&
		regs->rbp == shared.base + 1 && regs->r12 == shared.base + 2);
}

#define ASSERT_STOP(how, right) do {						\
		ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, self->pid, 0, 0));		\
		ASSERT_EQ(how, stop_of(self->pid));				\
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, 0, &regs));	\
		ASSERT_TRUE(right) {						\
			TH_LOG("rip %llx rsp %llx rax %llx of %llx", regs.rip, regs.rsp, \
			       regs.rax, regs.orig_rax);			\
		}								\
	} while (0)

GT_TEST(upcall_ptrace, system_calls)
{
	struct user_regs_struct regs;
	unsigned int round;

	self->pid = start(true);
	ASSERT_LT(0, self->pid);
	/* A first call, not traced, may have failed: that is how it has begun. */
	ASSERT_TRUE(gt_until(shared.sp || waitpid(self->pid, &self->status, WNOHANG)));
	if (!shared.sp) {
		self->pid = 0;
		ASSERT_EQ(NO_SECCOMP, WEXITSTATUS(self->status));
		SKIP(return, "no seccomp");
	}
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->pid, 0,
			    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP));
	/* The next call stops for the filter, and then at its end. */
	ASSERT_EQ(SIGTRAP | PTRACE_EVENT_SECCOMP << 8, stop_of(self->pid));
	ASSERT_STOP(SIGTRAP | 0x80, after_call(&regs));
	for (round = 0; round < 30; round++) {
		ASSERT_STOP(SIGTRAP | 0x80, in_call(&regs, -ENOSYS));
		ASSERT_TRUE(requested());
		ASSERT_STOP(SIGTRAP | PTRACE_EVENT_SECCOMP << 8, in_call(&regs, -ENOSYS));
		ASSERT_TRUE(requested());
		ASSERT_STOP(SIGTRAP | 0x80, after_call(&regs));
	}
	EXPECT_LT(0, shared.upcalls);
	/* What it has counted is of no use: calls from before and from now on fail. */
	shared.leave = 1;
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->pid, 0, 0));
	ASSERT_EQ(self->pid, waitpid(self->pid, &self->status, 0));
	self->pid = 0;
	EXPECT_TRUE(WIFEXITED(self->status));
}

TEST_HARNESS_MAIN
