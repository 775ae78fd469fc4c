// SPDX-License-Identifier: GPL-2.0
/*
 * Vector and floating point state outlive an upcall that uses both: what the kernel
 * does not save is the entry's to save, and it can. The module has no part in that, so
 * what would break it is here: the components that gt_entry in gt_upcall.h saves.
 */
#include "gt_upcall.h"

FIXTURE(upcall_vector) {
	struct gt_test_group group;
	struct gt_test_worker worker;
};

FIXTURE_SETUP(upcall_vector)
{
	memset(&self->worker, 0, sizeof(self->worker));
	gt_on_upcall = NULL;
	GT_TEST_GROUP_OPEN(&self->group, 4, 0);
}

FIXTURE_TEARDOWN(upcall_vector)
{
}

__attribute__((__target__("avx"))) static void use_avx(struct gt_upcall_frame *frame)
{
	__asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\n"
			 "vinsertf128 $1, %%xmm0, %%ymm0, %%ymm0\n"
			 "vmovaps %%ymm0, %%ymm7; vmovaps %%ymm0, %%ymm15\n"
			 ::: "xmm0", "xmm7", "xmm15");
}

static void use_sse(struct gt_upcall_frame *frame)
{
	unsigned int mxcsr = 0x7f80;

	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movaps %%xmm0, %%xmm7; movaps %%xmm0, %%xmm15\n"
			 "ldmxcsr %0" :: "m"(mxcsr) : "xmm0", "xmm7", "xmm15");
}

static void use_x87(struct gt_upcall_frame *frame)
{
	__asm__ volatile("fninit; fldz; fldz");
}

/* Three registers hold numbers that only this loop changes, alike. */
static void run_sse(struct gt_test_worker *self)
{
	long one[2] = { 1, 1 }, got[6];
	unsigned int mxcsr;
	long n = 0;

	self->result = gt_upcall_enable(self->group->fd);
	__asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15"
			 ::: "xmm0", "xmm7", "xmm15");
	while (!self->stop && !self->result) {
		__asm__ volatile("mov $1000, %%ecx\n"
				 "movdqu %3, %%xmm1\n"
				 "pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15\n"
				 "1: paddq %%xmm1, %%xmm0; paddq %%xmm1, %%xmm7\n"
				 "paddq %%xmm1, %%xmm15\n"
				 "dec %%ecx; jnz 1b\n"
				 "movdqu %%xmm0, %0; movdqu %%xmm7, %1; movdqu %%xmm15, %2\n"
				 "stmxcsr %4\n"
				 : "=m"(*(long(*)[2])got), "=m"(*(long(*)[2])(got + 2)),
				   "=m"(*(long(*)[2])(got + 4))
				 : "m"(one), "m"(mxcsr)
				 : "ecx", "xmm0", "xmm1", "xmm7", "xmm15", "cc", "memory");
		for (n = 0; n < 6; n++)
			if (got[n] != 1000)
				self->result = -EILSEQ;
		if ((mxcsr & 0x7f80) != 0x1f80)
			self->result = -EDOM;
	}
}

/* The upper halves. */
__attribute__((__target__("avx"))) static void run_avx(struct gt_test_worker *self)
{
	double got[4], one[4] = { 1, 1, 1, 1 };
	int i;

	self->result = gt_upcall_enable(self->group->fd);
	while (!self->stop && !self->result) {
		__asm__ volatile("mov $1000, %%ecx\n"
				 "vmovupd %1, %%ymm1\n"
				 "vxorpd %%ymm0, %%ymm0, %%ymm0\n"
				 "vxorpd %%ymm7, %%ymm7, %%ymm7\n"
				 "1: vaddpd %%ymm1, %%ymm0, %%ymm0\n"
				 "vaddpd %%ymm1, %%ymm7, %%ymm7\n"
				 "dec %%ecx; jnz 1b\n"
				 "vaddpd %%ymm7, %%ymm0, %%ymm0\n"
				 "vmovupd %%ymm0, %0\n"
				 : "=m"(got) : "m"(one)
				 : "ecx", "xmm0", "xmm1", "xmm7", "cc");
		for (i = 0; i < 4; i++)
			if (got[i] != 2000)
				self->result = -EILSEQ;
	}
}

/* A stack of registers, full but for one. */
static void run_x87(struct gt_test_worker *self)
{
	double got;

	self->result = gt_upcall_enable(self->group->fd);
	while (!self->stop && !self->result) {
		__asm__ volatile("fninit; fld1; fld1; fld1; fld1; fld1; fld1; fldz\n"
				 "mov $1000, %%ecx\n"
				 "1: fadd %%st(1), %%st; dec %%ecx; jnz 1b\n"
				 "faddp; faddp; faddp; faddp; faddp; faddp; fstpl %0\n"
				 : "=m"(got) :: "ecx", "cc");
		if (got != 1006)
			self->result = -EILSEQ;
	}
}

#define GT_TEST_VECTOR(name, needed) \
	GT_TEST(upcall_vector, name) \
	{ \
		if (!(needed)) \
			SKIP(return, "the processor has no " #name); \
		gt_on_upcall = use_##name; \
		ASSERT_TRUE(gt_worker_start(&self->worker, &self->group, run_##name)); \
		EXPECT_TRUE(gt_pester(&self->worker, 300 * gt_test_scale())); \
		self->worker.stop = true; \
		gt_worker_join(&self->worker); \
		EXPECT_EQ(0, self->worker.result); \
	}

GT_TEST_VECTOR(sse, true)
GT_TEST_VECTOR(avx, __builtin_cpu_supports("avx"))
GT_TEST_VECTOR(x87, true)

TEST_HARNESS_MAIN
