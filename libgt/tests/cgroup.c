// SPDX-License-Identifier: GPL-2.0
/*
 * The default of GOMAXPROCS: CPU quotas of control groups, found in made-up file trees
 * and, where one may be mounted, in the real thing; affinity masks; and that the number
 * follows them.
 */
#include <ftw.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cgroup.h"
#include "test.h"

/* -------------------------------------------------------------- made-up trees ---- */

static char tree[] = "/tmp/gt-cgroup-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void remove_tree(void)
{
	nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A file in the tree, with the folders above it. */
static void put(const char *name, const char *text)
{
	char path[4096], *slash;
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", tree, name);
	for (slash = path + strlen(tree) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		CHECK(!mkdir(path, 0700) || errno == EEXIST);
		*slash = '/';
	}
	file = fopen(path, "we");
	CHECK(file);
	CHECK(fputs(text, file) >= 0);
	CHECK_EQ(fclose(file), 0);
}

static int cpus(void)
{
	struct gt_cgroup cgroup = {0};
	int n = gt_cgroup_cpus(&cgroup, tree);

	CHECK_EQ(gt_cgroup_cpus(&cgroup, tree), n);	/* the kept folder */
	gt_cgroup_end(&cgroup);
	return n;
}

/* A test whose tree is new, and goes with it. */
#define TREE_TEST(name) \
	static void name##_in_tree(void); \
	PLAIN_TEST(name) \
	{ \
		CHECK(mkdtemp(tree)); \
		name##_in_tree(); \
		remove_tree(); \
		check_leaks(); \
	} \
	static void name##_in_tree(void)

#define V2_MOUNT(root, dir) "31 23 0:28 " root " " dir " rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT(root, dir, options) "32 31 0:29 " root " " dir " rw - cgroup cgroup rw," options "\n"
#define ROOT_MOUNT "23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"

TREE_TEST(v2_quota)
{
	static const struct {
		const char *text;
		int cpus;
	} cases[] = {
		{ "max 100000\n", 0 }, { "100000 100000\n", 1 }, { "100001 100000\n", 2 },
		{ "1 100000\n", 1 }, { "250000 100000\n", 3 }, { "300000 100000\n", 3 },
		{ "1600000 50000\n", 32 }, { "", 0 }, { "\n", 0 }, { "rubbish\n", 0 },
		{ "100000\n", 0 }, { "100000 0\n", 0 }, { "-1 100000\n", 0 },
		{ "18446744073709551615 1\n", INT32_MAX },
	};
	size_t i;

	put("/proc/self/cgroup", "0::/a\n");
	put("/proc/self/mountinfo", ROOT_MOUNT V2_MOUNT("/", "/sys/fs/cgroup"));
	CHECK_EQ(cpus(), 0);	/* there is no folder */
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		put("/sys/fs/cgroup/a/cpu.max", cases[i].text);
		if (cpus() != cases[i].cpus)
			test_fail(__FILE__, __LINE__, "%d from %s", cpus(), cases[i].text);
	}
}

TREE_TEST(v2_every_ancestor)
{
	put("/proc/self/cgroup", "0::/a/b/c\n");
	put("/proc/self/mountinfo", V2_MOUNT("/", "/sys/fs/cgroup"));
	put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
	CHECK_EQ(cpus(), 0);
	put("/sys/fs/cgroup/a/cpu.max", "600000 100000\n");
	CHECK_EQ(cpus(), 6);
	put("/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
	CHECK_EQ(cpus(), 4);
	put("/sys/fs/cgroup/a/b/c/cpu.max", "500000 100000\n");
	CHECK_EQ(cpus(), 4);
	put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
	CHECK_EQ(cpus(), 2);
	/* not what is beside, or above the mount */
	put("/sys/fs/cgroup/a/b/d/cpu.max", "100000 100000\n");
	put("/sys/fs/cpu.max", "100000 100000\n");
	CHECK_EQ(cpus(), 2);
}

TREE_TEST(v1_quota)
{
	put("/proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/a/b\n3:cpuset:/s\n0::/u\n");
	put("/proc/self/mountinfo", ROOT_MOUNT V1_MOUNT("/", "/cg/memory", "memory")
	    V1_MOUNT("/", "/cg/cpuset", "cpuset") V1_MOUNT("/", "/cg/cpu,cpuacct", "cpu,cpuacct")
	    V2_MOUNT("/", "/cg/unified"));
	put("/cg/unified/u/cpu.max", "100000 100000\n");	/* another hierarchy's */
	put("/cg/cpuset/a/b/cpu.cfs_quota_us", "100000\n");
	put("/cg/cpuset/a/b/cpu.cfs_period_us", "100000\n");
	CHECK_EQ(cpus(), 0);
	put("/cg/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
	put("/cg/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
	CHECK_EQ(cpus(), 0);
	put("/cg/cpu,cpuacct/a/b/cpu.cfs_quota_us", "450000\n");
	CHECK_EQ(cpus(), 5);
	put("/cg/cpu,cpuacct/a/cpu.cfs_quota_us", "150000\n");
	put("/cg/cpu,cpuacct/a/cpu.cfs_period_us", "50000\n");
	CHECK_EQ(cpus(), 3);
	put("/cg/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
	put("/cg/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
	CHECK_EQ(cpus(), 3);
}

/* A controller's name is a word of the list: cpuset and cpuacct are none of ours. */
TREE_TEST(v1_other_controllers_do_not_count)
{
	put("/proc/self/cgroup", "2:cpuacct:/a\n3:cpuset:/a\n1:name=cpu:/a\n0::/a\n");
	put("/proc/self/mountinfo", V1_MOUNT("/", "/cg/cpuset", "cpuset")
	    V1_MOUNT("/", "/cg/cpuacct", "cpuacct") V2_MOUNT("/", "/cg/unified"));
	put("/cg/cpuset/a/cpu.cfs_quota_us", "100000\n");
	put("/cg/cpuset/a/cpu.cfs_period_us", "100000\n");
	put("/cg/unified/a/cpu.max", "700000 100000\n");
	CHECK_EQ(cpus(), 7);
}

TREE_TEST(escaped_paths)
{
	put("/proc/self/cgroup", "0::/my group\\x\n");
	put("/proc/self/mountinfo", V2_MOUNT("/", "/a\\040dir\\134x/with\\011tab"));
	put("/a dir\\x/with\ttab/my group\\x/cpu.max", "300000 100000\n");
	CHECK_EQ(cpus(), 3);
	put("/proc/self/mountinfo", V2_MOUNT("/my\\040group\\134x", "/m"));
	put("/m/cpu.max", "200000 100000\n");
	CHECK_EQ(cpus(), 2);
}

/* A colon in a group's name is not the end of it. */
TREE_TEST(colons_in_names)
{
	put("/proc/self/cgroup", "0::/a:b/c:d\n");
	put("/proc/self/mountinfo", V2_MOUNT("/", "/cg"));
	put("/cg/a:b/c:d/cpu.max", "300000 100000\n");
	CHECK_EQ(cpus(), 3);
}

/* The mount shows a part of the hierarchy: a bind mount, or a container's. */
TREE_TEST(mount_of_a_part)
{
	put("/proc/self/cgroup", "0::/docker/abc/in\n");
	put("/proc/self/mountinfo", V2_MOUNT("/docker/abc", "/cg"));
	put("/cg/cpu.max", "400000 100000\n");
	put("/cg/in/cpu.max", "500000 100000\n");
	put("/cg/docker/abc/in/cpu.max", "100000 100000\n");
	CHECK_EQ(cpus(), 4);
	put("/proc/self/cgroup", "0::/docker/abc\n");
	CHECK_EQ(cpus(), 4);
	put("/proc/self/cgroup", "0::/docker/abcd\n");	/* not in there */
	CHECK_EQ(cpus(), 0);
	put("/proc/self/cgroup", "0::/\n");
	CHECK_EQ(cpus(), 0);
}

TREE_TEST(namespace_root)
{
	put("/proc/self/cgroup", "0::/\n");
	put("/proc/self/mountinfo", V2_MOUNT("/", "/cg"));
	put("/cg/cpu.max", "400000 100000\n");
	CHECK_EQ(cpus(), 4);
	/* outside of the namespace: seen if the mount begins further up, */
	put("/proc/self/cgroup", "0::/../beside\n");
	put("/cpu.max", "100000 100000\n");
	put("/beside/cpu.max", "100000 100000\n");
	put("/cg/beside/cpu.max", "300000 100000\n");
	CHECK_EQ(cpus(), 0);
	put("/proc/self/mountinfo", V2_MOUNT("/..", "/cg"));
	CHECK_EQ(cpus(), 3);
	/* and that a name has dots says nothing. */
	put("/proc/self/cgroup", "0::/..a/b..\n");
	put("/proc/self/mountinfo", V2_MOUNT("/", "/cg"));
	put("/cg/..a/b../cpu.max", "200000 100000\n");
	CHECK_EQ(cpus(), 2);
}

/* Of two mounts the one that shows more ancestors; one whose folder is hidden is none. */
TREE_TEST(mount_that_shows_most)
{
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/proc/self/mountinfo", V2_MOUNT("/a/b", "/part") V2_MOUNT("/", "/whole")
	    V2_MOUNT("/a", "/half"));
	put("/part/cpu.max", "500000 100000\n");
	CHECK_EQ(cpus(), 5);
	put("/half/b/cpu.max", "500000 100000\n");
	put("/half/cpu.max", "400000 100000\n");
	CHECK_EQ(cpus(), 4);
	put("/whole/a/b/cpu.max", "500000 100000\n");
	put("/whole/a/cpu.max", "400000 100000\n");
	put("/whole/cpu.max", "300000 100000\n");
	CHECK_EQ(cpus(), 3);
}

TREE_TEST(bad_files)
{
	CHECK_EQ(cpus(), 0);
	put("/proc/self/cgroup", "0::/a\n");
	CHECK_EQ(cpus(), 0);
	put("/proc/self/mountinfo", "");
	CHECK_EQ(cpus(), 0);
	put("/proc/self/mountinfo", "31 23 0:28 /\n - cgroup2\n31 - cgroup2 x y\n"
	    "1 2 3 / /cg rw - cgroup2\n1 2 3 / /cg rw - cgroup2 cgroup2\n");
	put("/cg/a/cpu.max", "200000 100000\n");
	CHECK_EQ(cpus(), 0);
	put("/proc/self/mountinfo", V2_MOUNT("/", "/cg"));
	CHECK_EQ(cpus(), 2);
	put("/proc/self/cgroup", "\n:\n0:\n0:/a\n::\nx::/a\n4:cpu\n0::a\n");
	CHECK_EQ(cpus(), 0);
}

/* Longer than any buffer. */
TREE_TEST(long_files)
{
	static char text[1 << 20];
	size_t at = 0;
	int i;

	for (i = 0; i < 8000; i++)
		at += snprintf(text + at, sizeof(text) - at,
			       "%d 1 0:%d / /mnt/overlay/%d rw - overlay overlay rw,lowerdir=/x\n",
			       i, i, i);
	snprintf(text + at, sizeof(text) - at, V2_MOUNT("/", "/cg"));
	put("/proc/self/mountinfo", text);
	put("/proc/self/cgroup", "0::/a\n");
	put("/cg/a/cpu.max", "200000 100000\n");
	CHECK_EQ(cpus(), 2);
}

/* What was found is kept, and found anew once the process is in another group. */
TREE_TEST(changes_are_seen)
{
	struct gt_cgroup cgroup = {0};

	put("/proc/self/cgroup", "0::/a\n");
	put("/proc/self/mountinfo", V2_MOUNT("/", "/cg"));
	put("/cg/a/cpu.max", "200000 100000\n");
	put("/cg/b/cpu.max", "600000 100000\n");
	CHECK_EQ(gt_cgroup_cpus(&cgroup, tree), 2);
	put("/cg/a/cpu.max", "300000 100000\n");
	CHECK_EQ(gt_cgroup_cpus(&cgroup, tree), 3);
	put("/proc/self/cgroup", "0::/b\n");
	CHECK_EQ(gt_cgroup_cpus(&cgroup, tree), 6);
	put("/cg/cpu.max", "100000 100000\n");
	CHECK_EQ(gt_cgroup_cpus(&cgroup, tree), 1);
	put("/proc/self/cgroup", "0::/c\n");
	CHECK_EQ(gt_cgroup_cpus(&cgroup, tree), 0);
	put("/proc/self/cgroup", "0::/b\n");
	CHECK_EQ(gt_cgroup_cpus(&cgroup, tree), 1);
	gt_cgroup_end(&cgroup);
}

/* ------------------------------------------------------------- the real thing ---- */

static char real[] = "/tmp/gt-cgroup2-XXXXXX";

/* Write a file of the mounted hierarchy. False: it is refused. */
static bool set(const char *name, const char *text)
{
	char path[256];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", real, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

static void folder(const char *name, bool make)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", real, name);
	CHECK_EQ(make ? mkdir(path, 0755) : rmdir(path), 0);
}

static void in_real_groups(void)
{
	struct gt_cgroup cgroup = {0};

	CHECK(set("gt-test/in/cgroup.procs", "0"));
	CHECK_EQ(gt_cgroup_cpus(&cgroup, ""), 0);
	CHECK(set("gt-test/in/cpu.max", "150000 100000"));
	CHECK_EQ(gt_cgroup_cpus(&cgroup, ""), 2);
	CHECK(set("gt-test/in/cpu.max", "700000 100000"));
	CHECK_EQ(gt_cgroup_cpus(&cgroup, ""), 7);
	CHECK(set("gt-test/cpu.max", "300000 100000"));
	CHECK_EQ(gt_cgroup_cpus(&cgroup, ""), 3);
	CHECK(set("gt-test/cpu.max", "50000 100000"));
	CHECK_EQ(gt_cgroup_cpus(&cgroup, ""), 1);
	CHECK(gt_gomaxprocs(0) <= 2);
	CHECK(set("cgroup.procs", "0"));
	CHECK_EQ(gt_cgroup_cpus(&cgroup, ""), 0);
	gt_cgroup_end(&cgroup);
}

/* Mount the hierarchy where nobody else sees it, and make gt-test/in. */
static void real_groups_make(void)
{
	unsetenv("GTMAXPROCS");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		test_skip("mounting is not allowed: %s", strerror(errno));
	CHECK(mkdtemp(real));
	if (mount("cgroup2", real, "cgroup2", 0, NULL)) {
		rmdir(real);
		test_skip("cgroup2 cannot be mounted: %s", strerror(errno));
	}
	if (!set("cgroup.subtree_control", "+cpu") && errno) {
		umount(real);
		rmdir(real);
		test_skip("cgroup2 does not have the cpu controller here");
	}
	folder("gt-test", true);
	CHECK(set("gt-test/cgroup.subtree_control", "+cpu"));
	folder("gt-test/in", true);
}

PLAIN_TEST(real_groups)
{
	real_groups_make();
	in_real_groups();
	folder("gt-test/in", false);
	folder("gt-test", false);
	CHECK_EQ(umount(real), 0);
	CHECK_EQ(rmdir(real), 0);
}

/* ----------------------------------------------------- what the module sees ---- */

static int hidden = -1;

static void follows_the_hidden_quota(void)
{
	static const char three[] = "300000 100000", half_of_three[] = "150000 100000";

	CHECK_EQ(gt_gomaxprocs(0), 2);
	CHECK_EQ(pwrite(hidden, three, strlen(three), 0), (ssize_t)strlen(three));
	AWAIT(gt_gomaxprocs(0) == 3);
	CHECK_EQ(pwrite(hidden, half_of_three, strlen(half_of_three), 0),
		 (ssize_t)strlen(half_of_three));
	AWAIT(gt_gomaxprocs(0) == 2);
}

/* In a container: the own group is the root, and there is no mount of the hierarchy. */
PLAIN_TEST(hidden_quota)
{
	struct gt_cgroup cgroup = {0};
	int top, leave;

	if (access("/dev/gt", R_OK | W_OK))
		test_skip("/dev/gt is needed to see what is hidden");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 4)
		test_skip("on fewer than four CPUs no quota makes a difference");
	real_groups_make();
	CHECK(set("gt-test/in/cgroup.procs", "0"));
	CHECK(set("gt-test/cpu.max", "150000 100000"));
	CHECK((top = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
	CHECK((hidden = openat(top, "gt-test/cpu.max", O_WRONLY | O_CLOEXEC)) >= 0);
	CHECK((leave = openat(top, "cgroup.procs", O_WRONLY | O_CLOEXEC)) >= 0);
	CHECK_EQ(unshare(CLONE_NEWCGROUP), 0);
	CHECK_EQ(umount2(real, MNT_DETACH), 0);
	umount2("/sys/fs/cgroup", MNT_DETACH);
	CHECK_EQ(gt_cgroup_cpus(&cgroup, ""), 0);
	gt_cgroup_end(&cgroup);

	setenv("GTBACKEND", "kmod", 1);
	test_run(0, follows_the_hidden_quota);

	CHECK_EQ(write(leave, "0", 1), 1);
	CHECK_EQ(unlinkat(top, "gt-test/in", AT_REMOVEDIR), 0);
	CHECK_EQ(unlinkat(top, "gt-test", AT_REMOVEDIR), 0);
	CHECK_EQ(rmdir(real), 0);
	close(top);
	close(hidden);
	close(leave);
}

/* ---------------------------------------------------------------- the mask ---- */

static cpu_set_t all, first;

static void take_masks(void)
{
	int cpu = 0;

	CHECK_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
	if (CPU_COUNT(&all) < 2)
		test_skip("one CPU only");
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_SET(cpu, &first);
}

static void follows(void)
{
	int before = gt_gomaxprocs(0);

	CHECK(before > 1);
	CHECK_EQ(sched_setaffinity(getpid(), sizeof(first), &first), 0);
	AWAIT(gt_gomaxprocs(0) == 1);
	CHECK_EQ(sched_setaffinity(getpid(), sizeof(all), &all), 0);
	AWAIT(gt_gomaxprocs(0) == before);
}

/* It takes a second each time. */
PLAIN_TEST(follows_the_mask)
{
	unsetenv("GTMAXPROCS");
	take_masks();
	test_run(0, follows);
}

static void goes_back_to_default(void)
{
	CHECK_EQ(gt_gomaxprocs_default(), 7);
	CHECK_EQ(gt_gomaxprocs(0), 1);		/* its thread may use one CPU */
	CHECK_EQ(gt_gomaxprocs(7), 1);
	CHECK_EQ(gt_gomaxprocs_default(), 7);
}

PLAIN_TEST(default_instead_of_what_was_set)
{
	take_masks();
	CHECK_EQ(sched_setaffinity(0, sizeof(first), &first), 0);
	setenv("GTMAXPROCS", "7", 1);
	CHECK_EQ(gt_gomaxprocs(0), 7);
	test_run(0, goes_back_to_default);
	CHECK_EQ(gt_gomaxprocs(0), 1);		/* and for the next run */
	CHECK_EQ(gt_gomaxprocs(5), 1);
	CHECK_EQ(gt_gomaxprocs_default(), 5);
	CHECK_EQ(gt_gomaxprocs(0), 1);
}

static void stays(void)
{
	int64_t end = gt_now() + 1300 * GT_MILLISECOND;

	CHECK_EQ(sched_setaffinity(getpid(), sizeof(first), &first), 0);
	while (gt_now() < end) {
		CHECK_EQ(gt_gomaxprocs(0), 3);
		gt_yield();
	}
}

/* What the user has set stays, whatever the mask is. */
PLAIN_TEST(what_is_set_stays)
{
	take_masks();
	setenv("GTMAXPROCS", "3", 1);
	test_run(0, stays);
}

TEST_MAIN
