// SPDX-License-Identifier: GPL-2.0
/*
 * Upcalls do not nest, and none is lost for that: a request that comes while one is under
 * way waits until it is over, to its last instruction. On the alternate signal stack
 * there is none, but the fallback signal.
 */
#include "gt_upcall.h"
#include "gt_userfault.h"

FIXTURE(upcall_nested) {
	struct gt_test_group group;
	struct gt_test_worker worker;
};

FIXTURE_SETUP(upcall_nested)
{
	memset(&self->worker, 0, sizeof(self->worker));
	gt_on_upcall = NULL;
	gt_upcalls = 0;
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
}

FIXTURE_TEARDOWN(upcall_nested)
{
}

static struct gt_test_worker *tested;
static volatile unsigned int depth, deepest, done;

static void request_again(struct gt_upcall_frame *frame)
{
	unsigned int mine = gt_upcalls, i;

	if (++depth > deepest)
		deepest = depth;
	/* It would come at the return from this, and for a while after. */
	if (mine == 1)
		for (i = 0; i < 10; i++) {
			gt_preempt(tested->group->fd, tested->slot, 0);
			usleep(1000);
		}
	done++;
	depth--;
}

static void run_spin(struct gt_test_worker *self)
{
	self->result = gt_upcall_enable(self->group->fd);
	if (!self->result)
		gt_run_spin(self);
}

GT_TEST(upcall_nested, waits)
{
	gt_on_upcall = request_again;
	tested = &self->worker;
	depth = 0;
	deepest = 0;
	done = 0;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_spin));
	ASSERT_TRUE(gt_until(({
		if (!gt_upcalls)
			gt_preempt(self->group.fd, self->worker.slot, 0);
		done >= 2;
	})));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
	EXPECT_EQ(1, deepest);
	/* Ten requests and one upcall: the first and, for all the others, the second. */
	EXPECT_EQ(2, gt_upcalls);
	EXPECT_EQ(0, self->group.user[self->worker.slot].missed);
}

/* Requests so dense that many meet the entry's own instructions, before and after C. */
GT_TEST(upcall_nested, at_the_entry)
{
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_spin));
	ASSERT_TRUE(gt_until(({
		gt_preempt(self->group.fd, self->worker.slot, 0);
		gt_upcalls > 500 * gt_test_scale();
	})));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
	EXPECT_EQ(0, self->group.worker[self->worker.slot].nr_missed);
}

/* An entry with a loop that the worker runs of its own accord, on its own stack. */
__asm__(
"	.pushsection .text\n"
"	.globl nested_entry, nested_spin, nested_end\n"
"nested_entry:\n"
"	jmp gt_entry\n"
"nested_spin:\n"
"	movb $1, (%rdi)\n"
"1:	pause\n"
"	cmpb $0, (%rsi)\n"
"	je 1b\n"
"	ret\n"
"nested_end:\n"
"	.popsection\n");

extern char nested_entry[], nested_end[];
void nested_spin(volatile bool *begun, volatile bool *end);

static volatile bool in_entry, leave_entry;

static void run_in_entry(struct gt_test_worker *self)
{
	struct gt_worker_upcall arg = gt_upcall_arg();

	arg.entry = (uintptr_t)nested_entry;
	arg.entry_size = nested_end - nested_entry;
	self->result = gt_ioctl(self->group->fd, GT_IOC_WORKER_UPCALL, &arg);
	nested_spin(&in_entry, &leave_entry);
	gt_run_spin(self);
}

/* As long as the next instruction is the entry's, whatever the stack. */
GT_TEST(upcall_nested, by_instruction)
{
	int i;

	in_entry = false;
	leave_entry = false;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_in_entry));
	ASSERT_TRUE(gt_until(in_entry));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 0));
		usleep(1000);
	}
	EXPECT_EQ(0, gt_upcalls);
	leave_entry = true;
	EXPECT_TRUE(gt_until(gt_upcalls));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
	/* All the requests were one. */
	EXPECT_EQ(1, gt_upcalls);
	EXPECT_EQ(0, self->group.user[self->worker.slot].missed);
}

static const unsigned char nested_return[] = {
	0x9d,			/* popfq */
	0x5c,			/* pop %rsp */
	0xc2, 0x80, 0x00,	/* ret $128 */
};
static struct gt_userfault nested_last;
static struct gt_upcall_frame *nested_frame;

static void run_with_entry_of_two_pages(struct gt_test_worker *self)
{
	struct gt_worker_upcall arg = gt_upcall_arg();

	memcpy(nested_last.page - 2, nested_return, 2);
	arg.entry = (uintptr_t)nested_last.page - 2;
	arg.entry_size = sizeof(nested_return);
	nested_frame = (void *)(arg.stack + arg.stack_size - sizeof(*nested_frame));
	self->result = gt_ioctl(self->group->fd, GT_IOC_WORKER_UPCALL, &arg);
	self->events = 1;
	gt_run_spin(self);
}

/*
 * The last instruction has left the upcall stack already. Its page is held back, so that
 * a request comes exactly there; it has its upcall a moment later.
 */
GT_TEST(upcall_nested, at_the_last_instruction)
{
	volatile struct gt_worker_status *status;
	int err = gt_userfault_open(&nested_last, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);

	if (err)
		SKIP(return, "userfaultfd: %s", strerror(-err));
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_with_entry_of_two_pages));
	ASSERT_TRUE(gt_until(self->worker.events));
	ASSERT_EQ(0, self->worker.result);
	status = &self->group.worker[self->worker.slot];
	ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 0));
	ASSERT_TRUE(gt_userfault_wait(&nested_last));
	EXPECT_EQ(1, status->nr_upcalls);
	ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 0));
	ASSERT_EQ(0, gt_userfault_fill(&nested_last, nested_return + 2, 3));
	ASSERT_TRUE(gt_until(status->nr_upcalls == 2));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_LE(sizeof(nested_return),
		  nested_frame->ip - ((uintptr_t)nested_last.page - 2));
	EXPECT_EQ(0, self->group.user[self->worker.slot].missed);
}

static volatile bool on_stack, leave;
static volatile unsigned int fallbacks;
static volatile unsigned long spoilt;

static void on_fallback(int signal)
{
	fallbacks++;
}

/* Stands on the alternate stack, whose top another handler would overwrite. */
static void on_first(int signal)
{
	volatile unsigned long here[64];
	int i;

	for (i = 0; i < 64; i++)
		here[i] = i;
	on_stack = true;
	while (!leave)
		;
	for (i = 0; i < 64; i++)
		if (here[i] != i)
			spoilt++;
}

static void raise_second(struct gt_upcall_frame *frame)
{
	raise(SIGUSR2);
}

static void run_on_stack(struct gt_test_worker *self)
{
	stack_t stack = { .ss_size = 64 << 10, .ss_sp = malloc(64 << 10) };
	struct gt_worker_upcall arg = gt_upcall_arg();

	arg.signal = SIGUSR2;
	self->result = sigaltstack(&stack, NULL) ? -errno :
		       gt_ioctl(self->group->fd, GT_IOC_WORKER_UPCALL, &arg);
	raise(SIGUSR1);
}

GT_TEST(upcall_nested, signal_stack)
{
	struct sigaction first = { .sa_handler = on_first, .sa_flags = SA_ONSTACK };
	struct sigaction second = { .sa_handler = on_fallback, .sa_flags = SA_ONSTACK };

	ASSERT_EQ(0, sigaction(SIGUSR1, &first, NULL));
	ASSERT_EQ(0, sigaction(SIGUSR2, &second, NULL));
	gt_on_upcall = raise_second;
	on_stack = false;
	leave = false;
	fallbacks = 0;
	spoilt = 0;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_on_stack));
	ASSERT_TRUE(gt_until(on_stack));
	ASSERT_EQ(0, gt_preempt(self->group.fd, self->worker.slot, 0));
	EXPECT_TRUE(gt_until(fallbacks));
	leave = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
	EXPECT_EQ(0, gt_upcalls);
	EXPECT_EQ(1, fallbacks);
	EXPECT_EQ(0, spoilt);
}

TEST_HARNESS_MAIN
