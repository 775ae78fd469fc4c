// SPDX-License-Identifier: GPL-2.0
/*
 * A restartable sequence that an upcall interrupts is aborted: it never runs on to its
 * end with the upcall in its middle.
 */
#include "gt_upcall.h"

#include <linux/rseq.h>
#include <stddef.h>

#define SIGNATURE	0x53053053

#ifndef RSEQ_FLAG_UNREGISTER
#define RSEQ_FLAG_UNREGISTER 1
#endif

FIXTURE(upcall_rseq) {
	struct gt_test_group group;
	struct gt_test_worker worker;
};

FIXTURE_SETUP(upcall_rseq)
{
	memset(&self->worker, 0, sizeof(self->worker));
	gt_on_upcall = NULL;
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
}

FIXTURE_TEARDOWN(upcall_rseq)
{
}

/* glibc's registration, where it has made one; weak, as an older one has not. */
extern const ptrdiff_t __rseq_offset __attribute__((__weak__));
extern const unsigned int __rseq_size __attribute__((__weak__));

static __thread struct rseq own __attribute__((__aligned__(32)));

static struct rseq *area(void)
{
	if (&__rseq_size && __rseq_size)
		return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	return syscall(SYS_rseq, &own, sizeof(own), 0, SIGNATURE) ? NULL : &own;
}

static volatile unsigned int hit;
static volatile unsigned long aborted, lost;

static void note(struct gt_upcall_frame *frame)
{
	hit = 1;
}

/*
 * The sequence clears hit first and looks at it last. That it is set there means that an
 * upcall came in between and the sequence went on.
 */
static void run(struct gt_test_worker *self)
{
	struct rseq *rseq = area();

	self->result = rseq ? gt_upcall_enable(self->group->fd) : -errno;
	while (!self->stop && !self->result)
		__asm__ volatile(
			".pushsection __rseq_cs, \"aw\"\n"
			".balign 32\n"
			"9: .long 0, 0\n"
			".quad 1f, 2f - 1f, 4f\n"
			".popsection\n"
			"lea 9b(%%rip), %%rax\n"
			"mov %%rax, %[cs]\n"
			"1: movl $0, %[hit]\n"
			"mov $2000, %%ecx\n"
			"3: dec %%ecx; jnz 3b\n"
			"cmpl $0, %[hit]\n"
			"2: je 5f\n"
			"incq %[lost]\n"
			"jmp 5f\n"
			".byte 0x0f, 0xb9, 0x3d\n"
			".long 0x53053053\n"
			"4: incq %[aborted]\n"
			"5: movq $0, %[cs]\n"
			: [cs] "+m"(rseq->rseq_cs), [hit] "+m"(hit), [lost] "+m"(lost),
			  [aborted] "+m"(aborted)
			:: "rax", "rcx", "cc", "memory");
}

GT_TEST(upcall_rseq, aborted)
{
	gt_on_upcall = note;
	aborted = 0;
	lost = 0;
	ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run));
	if (self->worker.result == -ENOSYS)
		SKIP(return, "no rseq()");
	EXPECT_TRUE(gt_pester(&self->worker, 200 * gt_test_scale()));
	self->worker.stop = true;
	gt_worker_join(&self->worker);
	EXPECT_EQ(0, self->worker.result);
	EXPECT_LT(0, aborted);
	EXPECT_EQ(0, lost);
}

TEST_HARNESS_MAIN
