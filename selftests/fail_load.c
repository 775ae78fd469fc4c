// SPDX-License-Identifier: GPL-2.0
/*
 * The module is loaded when there is no memory for some part of it: either it is not there
 * then, and nothing of it, and can be loaded afterwards; or it is, and can do all it could.
 * See gt_fail.h.
 *
 * It is loaded by force, which taints the kernel and switches lockdep off: such a module has
 * no trace events, and the kernel warns when it has no memory for those.
 */
#include "gt_fail.h"

#include <linux/module.h>

FIXTURE(fail_load) {
	struct gt_fail before;
};

FIXTURE_SETUP(fail_load)
{
	ASSERT_TRUE(gt_fail_begin(&self->before));
}

FIXTURE_TEARDOWN(fail_load)
{
	EXPECT_TRUE(gt_fail_end(&self->before));
}

static uint64_t features;

static uint64_t features_now(void)
{
	struct gt_info info = { .size = sizeof(info) };
	int fd = gt_open();

	gt_ioctl(fd, GT_IOC_INFO, &info);
	close(fd);
	return info.features;
}

static int call_load(void)
{
	return gt_module_load(MODULE_INIT_IGNORE_VERMAGIC);
}

static bool is_there(void)
{
	return !access(GT_TEST_MODULE, F_OK) || !access(GT_TEST_DEVICE, F_OK) ||
	       !access(DEBUGFS "gt", F_OK);
}

static int undo_load(void)
{
	if (!gt_until(!access(GT_TEST_DEVICE, R_OK | W_OK)))
		return -ENOENT;
	return features_now() == features ? 0 : -EPROTO;
}

static const struct step load_steps[] = {
	{ "load", call_load, gt_module_unload_soon, is_there, undo_load, .least = 8 },
};

GT_TEST(fail_load, module)
{
	int err;

	if (access(gt_module_file(), R_OK))
		SKIP(return, GT_TEST_NO_MODULE_FILE, gt_module_file());
	features = features_now();
	ASSERT_NE(0, features);
	ASSERT_EQ(0, gt_module_unload_soon());
	err = call_load();
	if (err == -ENOEXEC) {
		ASSERT_EQ(0, gt_module_load(0));
		ASSERT_EQ(NULL, getenv("GT_TEST_FAULTS"));
		SKIP(return, "the kernel has no MODULE_FORCE_LOAD");
	}
	ASSERT_EQ(0, err);
	EXPECT_SWEEP(load_steps);
}

TEST_HARNESS_MAIN
