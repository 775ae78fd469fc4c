// SPDX-License-Identifier: GPL-2.0
/*
 * Who steps through a worker instruction by instruction does not meet an upcall, and
 * neither does the kernel, when it steps over an instruction that has a probe.
 */
#include "gt_upcall.h"

#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/user.h>

FIXTURE(upcall_step) {
	struct gt_test_group group;
	struct gt_test_worker worker;
};

FIXTURE_SETUP(upcall_step)
{
	memset(&self->worker, 0, sizeof(self->worker));
	gt_on_upcall = NULL;
	gt_upcalls = 0;
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
}

FIXTURE_TEARDOWN(upcall_step)
{
}

static volatile unsigned int traps, inside;

static void on_trap(int signal, siginfo_t *info, void *context)
{
	ucontext_t *user = context;
	uintptr_t ip = user->uc_mcontext.gregs[REG_RIP];

	traps++;
	if (ip >= (uintptr_t)gt_entry && ip < (uintptr_t)gt_entry_end)
		inside++;
}

/* It steps through itself, by the flag. */
static void run_stepped(struct gt_test_worker *self)
{
	self->result = gt_upcall_enable(self->group->fd);
	__asm__ volatile("sub $128, %%rsp; pushfq; orl $0x100, (%%rsp); popfq; add $128, %%rsp"
			 ::: "cc", "memory");
	while (!self->stop)
		;
	__asm__ volatile("sub $128, %%rsp; pushfq; andl $~0x100, (%%rsp); popfq; add $128, %%rsp"
			 ::: "cc", "memory");
}

GT_TEST(upcall_step, by_itself)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	volatile struct gt_worker_status *status;
	unsigned int first;

	ASSERT_EQ(0, sigaction(SIGTRAP, &action, NULL));
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_stepped));
	status = &self->group.worker[self->worker.slot];
	ASSERT_TRUE(gt_until(traps > 10));
	first = traps;
	/* Its handler is not stepped through: there upcalls happen. */
	EXPECT_TRUE(gt_until(({
		gt_preempt(self->group.fd, self->worker.slot, 0);
		status->nr_missed >= 20;
	})));
	EXPECT_LT(first, traps);
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
	EXPECT_EQ(0, inside);
}

/* The child asks for an upcall of itself again and again, and counts. */
static void be_traced(void)
{
	struct gt_test_group group;
	int slot;

	if (gt_group_open(&group, 1, 0))
		_exit(10);
	slot = gt_attach(group.fd);
	if (slot < 0 || gt_upcall_enable(group.fd))
		_exit(11);
	gt_upcalls = 0;
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	gt_preempt(group.fd, slot, 0);
	gt_preempt(group.fd, slot, 0);
	if (gt_upcalls)
		_exit(12);
	raise(SIGSTOP);
	/* Not stepped through any more: what was asked for comes. */
	if (!gt_until(gt_upcalls))
		_exit(13);
	_exit(gt_upcalls == 1 && !group.user[slot].missed ? 0 : 14);
}

GT_TEST(upcall_step, by_a_debugger)
{
	struct user_regs_struct regs;
	int status, stops = 0;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		be_traced();
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	do {
		ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, pid, 0, 0));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSTOPPED(status));
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, 0, &regs));
		ASSERT_FALSE(regs.rip >= (uintptr_t)gt_entry &&
			     regs.rip < (uintptr_t)gt_entry_end);
	} while (WSTOPSIG(status) != SIGSTOP && ++stops < 1000000);
	ASSERT_EQ(SIGSTOP, WSTOPSIG(status));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, 0, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* Of this instruction a probe makes a copy, and steps over that; a push it would emulate. */
__asm__(".pushsection .text\n"
	".globl gt_probed\n"
	"gt_probed: lea (%rdi), %rax; ret\n"
	".popsection\n");
long gt_probed(long value);

static volatile unsigned long rounds, wrong;

static void run_probed(struct gt_test_worker *self)
{
	self->result = gt_upcall_enable(self->group->fd);
	while (!self->stop) {
		if (gt_probed(rounds) != rounds)
			wrong++;
		rounds++;
	}
}

/* Where gt_probed is in the file of this program. */
static long file_offset(void)
{
	unsigned long start, end, offset, address = (unsigned long)gt_probed;
	FILE *maps = fopen("/proc/self/maps", "r");
	long found = -1;
	char line[512];

	while (maps && found < 0 && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
		    address >= start && address < end)
			found = address - start + offset;
	if (maps)
		fclose(maps);
	return found;
}

GT_TEST(upcall_step, by_a_probe)
{
	static const char events[] = "/sys/kernel/tracing/uprobe_events";
	static const char enable[] = "/sys/kernel/tracing/events/uprobes/gt_probed/enable";
	char program[256] = "", text[512];

	if (access(events, W_OK))
		SKIP(return, "no %s that can be written", events);
	ASSERT_LT(0, readlink("/proc/self/exe", program, sizeof(program) - 1));
	snprintf(text, sizeof(text), "p:uprobes/gt_probed %s:0x%lx\n", program, file_offset());
	ASSERT_EQ(0, gt_file_write(events, text));
	ASSERT_EQ(0, gt_file_write(enable, "1"));

	rounds = 0;
	wrong = 0;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_probed));
	EXPECT_TRUE(gt_pester(&self->worker, 200 * gt_test_scale()));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, gt_file_write(enable, "0"));
	EXPECT_EQ(0, gt_file_write(events, "-:uprobes/gt_probed\n"));
	EXPECT_EQ(0, self->worker.result);
	EXPECT_LT(0, rounds);
	EXPECT_EQ(0, wrong);
	/* Those that met the step came when it was done. */
	EXPECT_EQ(0, self->group.worker[self->worker.slot].nr_missed);
}

TEST_HARNESS_MAIN
