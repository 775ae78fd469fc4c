/* SPDX-License-Identifier: MIT */
/*
 * The backend on /dev/gt: the kernel module knows when a thread blocks.
 *
 * A run is one group, each M a worker. An idle M sleeps in STANDBY, so the module
 * can wake it the moment another is uncovered; the module's event is level-
 * triggered, and the M that gets it looks at all others (gt_handoff_scan).
 *
 * The module shares a word with each M, its take, so that one compare-and-swap decides
 * whose the P of a blocked M is (handoff.c).
 *
 * Where the module can, preemption is an upcall rather than a signal: the same handler
 * (preempt.c), but no system call ends early for it, and nothing is masked. It runs on a
 * stack of the M's own, not on its signal stack: who is interrupted there may be a signal's
 * handler, and then another signal would begin that stack anew. In such cases the module
 * sends the signal. An upcall also stops a thread that comes back from a block in which its
 * P was taken, before it runs on.
 *
 * Time slices are the module's, too, where it has them: sysmon does not look then.
 *
 * An M that gets no slot (all are taken) is served by the futex backend, and by
 * sysmon, as if there were no module.
 *
 * A module that fails its group says so (DEGRADED in its header), and is from then on
 * asked for states of threads alone: sysmon looks for blocks, and Ms sleep on their
 * futex. No wake is lost on the way:
 *
 *	M (kmod_park)			waker (kmod_wake)
 *
 *	PARK; DEGRADED came ?		WAKE
 *	  degraded = true		flag ?
 *	...				  m->wake = 1, futex wake
 *	degraded: sleep on m->wake
 *
 * A waker that does not see the flag has woken M in the kernel before M was told, and M
 * has returned for both. An M goes to its futex only after it was told.
 *
 * Who wakes and sleeps in one (kmod_swap) looks at the flag when it is awake again. It does
 * not sleep on a flag that was set before: it is told, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/gt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "upcall.h"

#include "backend/backend.h"
#include "base/clock.h"
#include "gt/stats.h"
#include "sched/preempt.h"

/* A share that leaves room for others of the same user: see slots_per_user. */
#define GT_SLOTS 1024U

/* Stacks that the arena has room for. Address space alone, but users have a limit. */
#define GT_ARENA_STACKS ((uint64_t)4 << 20)

static struct {
	int fd;
	const struct gt_status *status;
	const struct gt_worker_status *worker;
	struct gt_worker_user *user;
	struct gt_group_user *group;	/* behind those */
	size_t status_size, user_size;
	_Atomic bool warned;
	uint64_t features;
	bool has_arena;			/* stacks.lock */
	bool upcalls;
} kmod = { .fd = -1 };

/* Kernel and user write single words of the areas; these read and write them whole. */
#define area_load(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define area_store(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

/* M's take is the kernel's word, and blocked() tells what the kernel puts there. */
_Static_assert((int)GT_TAKE_NONE == GT_USER_HELD && (int)GT_TAKE_BLOCKED == GT_USER_BLOCKED &&
	       (int)GT_TAKE_TAKEN == GT_USER_TAKEN && (int)GT_TAKE_WANTED >= GT_USER_OWN &&
	       (int)GT_STATE_BLOCKED == GT_USER_BLOCKED && !(GT_TAKE_ASKED & ~GT_USER_FLAGS),
	       "the library's words are not the module's");

static bool kmod_degraded(void)
{
	return area_load(&kmod.status->flags) & GT_STATUS_DEGRADED;
}

static void kmod_stop(void)
{
	if (kmod.status)
		munmap((void *)kmod.status, kmod.status_size);
	if (kmod.user)
		munmap(kmod.user, kmod.user_size);
	if (kmod.fd >= 0)
		close(kmod.fd);
	kmod.status = NULL;
	kmod.user = NULL;
	kmod.fd = -1;
	kmod.warned = false;
	kmod.has_arena = false;
}

static int kmod_map(const struct gt_group_setup *setup)
{
	void *status, *user;

	status = mmap(NULL, setup->status_size, PROT_READ, MAP_SHARED, kmod.fd, GT_MMAP_STATUS);
	if (status == MAP_FAILED)
		return -errno;
	kmod.status = status;
	kmod.status_size = setup->status_size;
	kmod.worker = (const void *)(kmod.status + 1);
	user = mmap(NULL, setup->user_size, PROT_READ | PROT_WRITE, MAP_SHARED, kmod.fd,
		    GT_MMAP_USER);
	if (user == MAP_FAILED)
		return -errno;
	kmod.user = user;
	kmod.user_size = setup->user_size;
	kmod.group = (void *)(kmod.user + setup->workers);
	return 0;
}

/* -EPROTO: there is a device, but not one that this library can talk to. */
static int kmod_start(const struct gt_config *config)
{
	const uint64_t needed = GT_FEATURE_BLOCK | GT_FEATURE_PARK | GT_FEATURE_WORD;
	struct gt_info info = { .size = sizeof(info) };
	struct gt_group_setup setup = { .size = sizeof(setup), .grace_ns = GT_GRACE_NS };
	int error;

	kmod.fd = open(config->device, O_RDWR | O_CLOEXEC);
	if (kmod.fd < 0)
		return -errno;
	if (ioctl(kmod.fd, GT_IOC_INFO, &info)) {
		error = -errno;
		fprintf(stderr, "gt: %s does not answer as the gt device does: %s\n",
			config->device, strerror(-error));
		error = -EPROTO;
	} else if (info.abi_version != GT_ABI_VERSION) {
		fprintf(stderr, "gt: %s speaks version %u of its interface, this library %u: "
			"install the module that belongs to the library\n",
			config->device, info.abi_version, GT_ABI_VERSION);
		error = -EPROTO;
	} else if ((info.features & needed) != needed) {
		fprintf(stderr, "gt: %s lacks features %#llx that this library needs: install the "
			"module that belongs to the library\n", config->device,
			(unsigned long long)(needed & ~info.features));
		error = -EPROTO;
	} else {
		kmod.features = info.features;
		kmod.upcalls = config->preempt && info.features & GT_FEATURE_UPCALL;
		if (kmod.upcalls)
			gt_upcall_prepare();
		setup.workers = info.workers_max < GT_SLOTS ? info.workers_max : GT_SLOTS;
		error = ioctl(kmod.fd, GT_IOC_GROUP_SETUP, &setup) ? -errno : kmod_map(&setup);
	}
	if (error)
		kmod_stop();
	return error;
}

uint32_t gt_upcall_vector[2];

void gt_upcall(void *frame)
{
	const struct gt_upcall_frame *what = frame;

	if (what->reasons & GT_UPCALL_RETURN)
		gt_preempt_returned();
	/* Who returns begins a slice. */
	if (what->reasons & ~GT_UPCALL_RETURN)
		gt_preempt_upcall(what->reasons == GT_UPCALL_SLICE);
}

/* A signal's handler may run on it, as on a thread's own stack. */
#define GT_UPCALL_STACK ((size_t)64 << 10)

/* Without memory for it, signals do. */
static void enable_upcalls(struct gt_m *m)
{
	struct gt_worker_upcall upcall = {
		.size = sizeof(upcall),
		.entry = (uintptr_t)gt_upcall_entry,
		.entry_size = gt_upcall_entry_end - gt_upcall_entry,
		.stack_size = GT_UPCALL_STACK,
		.signal = SIGURG,
	};
	void *stack;

	if (!kmod.upcalls)
		return;
	stack = mmap(NULL, GT_UPCALL_STACK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stack == MAP_FAILED)
		return;
	upcall.stack = (uintptr_t)stack;
	if (ioctl(kmod.fd, GT_IOC_WORKER_UPCALL, &upcall)) {
		munmap(stack, GT_UPCALL_STACK);
		return;
	}
	m->upcall_stack = stack;
}

/*
 * The module sees that a slice has begun up to a quarter of it late, most of the time just
 * so much, as that is how a thread goes on that was held. So it is told four fifths, and
 * slices are that long at least and the whole at most.
 *
 * The end of one that nobody waits for is an upcall for nothing: see preempt.c.
 */
static void enable_slices(struct gt_m *m, struct gt_worker_user *user)
{
	struct gt_worker_slice slice = {
		.size = sizeof(slice),
		.slice_ns = gt_sched.config.slice / 5 * 4,
	};

	area_store(&user->waiting, 1);
	/* It may be shorter than the module can. */
	if (!m->upcall_stack || !(kmod.features & GT_FEATURE_SLICE) ||
	    ioctl(kmod.fd, GT_IOC_WORKER_SLICE, &slice)) {
		gt_store(&m->sliced, false);
		return;
	}
	m->seq = (_Atomic uint64_t *)&user->seq;
}

static void kmod_slices_end(struct gt_m *m)
{
	struct gt_worker_slice slice = { .size = sizeof(slice) };

	gt_store(&m->sliced, false);
	ioctl(kmod.fd, GT_IOC_WORKER_SLICE, &slice);
}

static bool kmod_slices(struct gt_m *m)
{
	return gt_load(&m->sliced) && !kmod_degraded();
}

static void kmod_attach(struct gt_m *m)
{
	struct gt_worker_attach attach = { .size = sizeof(attach) };

	if (ioctl(kmod.fd, GT_IOC_WORKER_ATTACH, &attach)) {
		gt_store(&m->sliced, false);
		gt_backend_futex.attach(m);
		return;
	}
	m->degraded = false;
	area_store(&kmod.user[attach.slot].word, GT_TAKE_NONE);
	gt_store_release(&m->take, (_Atomic uint64_t *)&kmod.user[attach.slot].word);
	gt_store(&m->slot, (int)attach.slot);
	enable_upcalls(m);
	enable_slices(m, &kmod.user[attach.slot]);
}

static void kmod_detach(struct gt_m *m)
{
	struct gt_worker_detach detach = { .size = sizeof(detach) };

	if (gt_load(&m->slot) < 0) {
		gt_backend_futex.detach(m);
		return;
	}
	gt_store(&m->take, &m->own_take);
	m->seq = &m->own_seq;
	gt_store(&m->sliced, false);
	ioctl(kmod.fd, GT_IOC_WORKER_DETACH, &detach);
	if (m->upcall_stack)
		munmap(m->upcall_stack, GT_UPCALL_STACK);
	m->upcall_stack = NULL;
}

static void kmod_release(struct gt_m *m)
{
	gt_backend_futex.release(m);
}

/* A P begins with what the module wants to know of its queue. */
_Static_assert(offsetof(struct gt_p, head) == offsetof(struct gt_queue, head) &&
	       offsetof(struct gt_p, tail) == offsetof(struct gt_queue, tail) &&
	       offsetof(struct gt_p, next) == offsetof(struct gt_queue, next),
	       "the library's queues are not the module's");

static void kmod_cover(struct gt_m *m, bool has_p)
{
	struct gt_worker_user *user;

	if (gt_load(&m->slot) < 0)
		return;
	user = &kmod.user[gt_load(&m->slot)];
	if (has_p)
		area_store(&user->queue, (uintptr_t)m->p);
	area_store(&user->cover, has_p);
}

static bool kmod_withholds(void)
{
	return kmod.features & GT_FEATURE_WORK && gt_sched.config.handoff;
}

static void kmod_spare(bool any)
{
	if (kmod_withholds())
		area_store(&kmod.group->spare, any);
}

static void kmod_attended(bool by_any)
{
	if (kmod_withholds())
		area_store(&kmod.group->attended, by_any);
}

static uint64_t kmod_quiet(void)
{
	return kmod_withholds() ? area_load(&kmod.status->quiet) : 0;
}

static void kmod_note_degraded(struct gt_m *m)
{
	m->degraded = true;
	if (!atomic_exchange(&kmod.warned, true))
		fprintf(stderr, "gt: %s has failed this process, which goes on without it; "
			"the kernel's log says more\n", gt_sched.config.device);
}

static bool kmod_park(struct gt_m *m, bool standby)
{
	struct gt_worker_park park = {
		.size = sizeof(park),
		.deadline_ns = GT_DEADLINE_NONE,
	};

	if (gt_load(&m->slot) < 0 || m->degraded)
		return gt_backend_futex.park(m, standby);
	if (!ioctl(kmod.fd, standby ? GT_IOC_WORKER_STANDBY : GT_IOC_WORKER_PARK, &park)) {
		if (park.events & GT_EVENT_DEGRADED)
			kmod_note_degraded(m);
		return park.events & GT_EVENT_UNCOVERED;
	}
	if (errno == EINTR)
		return false;
	/* No answer would leave the thread spinning here, and its tasks with it. */
	fprintf(stderr, "fatal: %s: the module refused to park a worker: %s\n",
		gt_sched.config.device, strerror(errno));
	abort();
}

static void kmod_wake(struct gt_m *m)
{
	uint32_t slot = gt_load(&m->slot);
	struct gt_worker_wake wake = {
		.size = sizeof(wake),
		.count = 1,
		.slots = (uintptr_t)&slot,
	};

	if ((int)slot >= 0)
		ioctl(kmod.fd, GT_IOC_WORKER_WAKE, &wake);
	if ((int)slot < 0 || kmod_degraded())
		gt_backend_futex.wake(m);
}

static void kmod_swap(struct gt_m *m, struct gt_m *other)
{
	struct gt_worker_swap swap = {
		.size = sizeof(swap),
		.deadline_ns = GT_DEADLINE_NONE,
		.slot = gt_load(&other->slot),
	};

	if (gt_load(&m->slot) < 0 || (int)swap.slot < 0 || m->degraded ||
	    !(kmod.features & GT_FEATURE_SWAP)) {
		kmod_wake(other);
		kmod_park(m, false);
		return;
	}
	if (ioctl(kmod.fd, GT_IOC_WORKER_SWAP, &swap)) {
		/* It has woken nobody, and not slept. */
		if (errno != EINTR)
			kmod_wake(other);
	} else if (swap.events & GT_EVENT_DEGRADED) {
		kmod_note_degraded(m);
	}
	if (kmod_degraded())
		gt_backend_futex.wake(other);
}

static bool kmod_reports(struct gt_m *m)
{
	return gt_load(&m->slot) >= 0 && !kmod_degraded();
}

static uint64_t kmod_blocked(struct gt_m *m)
{
	const struct gt_worker_status *worker;
	int slot = gt_load(&m->slot);
	uint64_t word;

	if (slot < 0)
		return gt_backend_futex.blocked(m);
	worker = &kmod.worker[slot];
	word = area_load(&worker->word);
	return GT_WORD_STATE(word) == GT_STATE_BLOCKED &&
	       (word == area_load(&worker->reported) || kmod_degraded()) ? word : 0;
}

static bool kmod_asleep(struct gt_m *m)
{
	int slot = gt_load(&m->slot);

	return slot < 0 ? gt_backend_futex.asleep(m) :
	       GT_WORD_STATE(area_load(&kmod.worker[slot].word)) == GT_STATE_BLOCKED;
}

static bool kmod_preempt(struct gt_m *m)
{
	struct gt_worker_preempt preempt = { .size = sizeof(preempt), .slot = gt_load(&m->slot) };

	/* What the request is meant for is compared in user space: see preempt.c. */
	return kmod.upcalls && (int)preempt.slot >= 0 &&
	       !ioctl(kmod.fd, GT_IOC_WORKER_PREEMPT, &preempt);
}

static bool kmod_preempt_missed(struct gt_m *m)
{
	int slot = gt_load(&m->slot);

	return kmod.upcalls && slot >= 0 &&
	       __atomic_exchange_n(&kmod.user[slot].missed, 0, __ATOMIC_SEQ_CST) &
	       GT_UPCALL_PREEMPT;
}

static int64_t kmod_resumed_ago(struct gt_m *m)
{
	int slot = gt_load(&m->slot);

	return slot < 0 ? 0 : gt_clock() - (int64_t)area_load(&kmod.worker[slot].resumed_ns);
}

static int kmod_cpu_limit(void)
{
	struct gt_group_limit arg = { .size = sizeof(arg) };

	if (!(kmod.features & GT_FEATURE_CPU_LIMIT) || ioctl(kmod.fd, GT_IOC_GROUP_LIMIT, &arg) ||
	    arg.limit > (uint64_t)GT_MAXPROCS_MAX * GT_LIMIT_CPU)
		return 0;
	return (int)((arg.limit + GT_LIMIT_CPU - 1) / GT_LIMIT_CPU);
}

static void *kmod_map_stacks(size_t size, size_t stride, size_t guard)
{
	struct gt_arena_setup setup = {
		.size = sizeof(setup),
		.slots = GT_ARENA_STACKS,
		.slot_size = (uint32_t)stride,
		.guard_size = (uint32_t)guard,
	};
	void *map;

	if (!(kmod.features & GT_FEATURE_ARENA))
		return NULL;
	if (!kmod.has_arena && ioctl(kmod.fd, GT_IOC_ARENA_SETUP, &setup))
		return NULL;
	kmod.has_arena = true;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, kmod.fd,
		   GT_MMAP_ARENA);
	return map == MAP_FAILED ? NULL : map;
}

static void kmod_count(struct gt_stats *stats)
{
	for (uint32_t i = 0; i < kmod.status->workers; i++) {
		stats->kernel_blocks += area_load(&kmod.worker[i].nr_blocked);
		stats->kernel_uncovered += area_load(&kmod.worker[i].nr_uncovered);
	}
	stats->kernel_quiet = area_load(&kmod.status->quiet);
}

const struct gt_backend gt_backend_kmod = {
	.name = "kmod",
	.standby = true,
	.start = kmod_start,
	.stop = kmod_stop,
	.attach = kmod_attach,
	.detach = kmod_detach,
	.release = kmod_release,
	.cover = kmod_cover,
	.spare = kmod_spare,
	.attended = kmod_attended,
	.quiet = kmod_quiet,
	.park = kmod_park,
	.wake = kmod_wake,
	.swap = kmod_swap,
	.reports = kmod_reports,
	.blocked = kmod_blocked,
	.asleep = kmod_asleep,
	.preempt = kmod_preempt,
	.preempt_missed = kmod_preempt_missed,
	.slices = kmod_slices,
	.slices_end = kmod_slices_end,
	.resumed_ago = kmod_resumed_ago,
	.cpu_limit = kmod_cpu_limit,
	.map_stacks = kmod_map_stacks,
	.count = kmod_count,
};
