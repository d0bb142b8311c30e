/* SPDX-License-Identifier: MIT */
/*
 * Registers of a 32-bit program: widened as the kernel itself holds them, written back unharmed at
 * every stop. The mutatee checks all of its registers around each call.
 */
#include <errno.h>

#include "live/kernel_tracee.h"

struct counts {
	unsigned events, exits, others;
};

static bool is_birth_number(uint64_t number)
{
	return number == 2 || number == 120 || number == 190 || number == 435;
}

static void check_values(struct kernel *k, pid_t tid, struct stop stop, struct counts *counts)
{
	struct kernel_syscall_info info;
	struct kernel_regs regs, again;

	if (kernel_get_regs(k, tid, &regs) == -ESRCH)
		return;
	CHECK(regs.is32);
	CHECK_EQ(regs.r.rip >> 32, 0);
	CHECK_EQ(regs.r.rsp >> 32, 0);
	CHECK_EQ(regs.r.cs, 0x23);
	if (stop_is_birth(stop.kind) || stop.kind == STOP_VFORK_DONE) {
		CHECK(is_birth_number(regs.r.orig_rax));
		CHECK_EQ((int64_t)regs.r.rax, -ENOSYS); /* negative in 64 bits too */
		counts->events++;
	} else if (stop.kind == STOP_SYSCALL) {
		CHECK_EQ(kernel_syscall_info(k, tid, &info), 0);
		CHECK_EQ(info.op, KERNEL_OP_EXIT);
		CHECK_EQ((int64_t)regs.r.rax, info.rval);
		CHECK_LT(0, info.rval);
		counts->exits++;
	} else {
		counts->others++;
	}
	CHECK_EQ(kernel_set_regs(k, tid, &regs), 0);
	CHECK_EQ(kernel_get_regs(k, tid, &again), 0);
	CHECK(__builtin_memcmp(&regs.r, &again.r, sizeof(regs.r)) == 0);
}

static int run(void)
{
	struct kernel *k = tracee_kernel();
	char *argv[] = { (char *)test_mutatee("fork32_int80"), NULL };
	struct kernel_launch what = { .file = argv[0],
				      .argv = argv,
				      .envp = environ,
				      .options = TRACEE_FOLLOW,
				      .stdio = { -1, -1, -1 } };
	struct counts counts = { 0 };
	pid_t pid;
	bool started = false;

	CHECK_EQ(kernel_launch(k, &what, &pid), 0);
	CHECK_EQ(kernel_launch_go(k, pid), 0);
	for (;;) {
		struct kernel_wait w;
		struct stop stop = tracee_wait(k, &w);
		bool inside = stop_is_birth(stop.kind) || stop.kind == STOP_VFORK_DONE;

		if (stop_is_end(stop.kind)) {
			if (w.tid != pid)
				continue;
			CHECK_EQ(stop.kind, STOP_EXITED);
			CHECK_EQ(stop.exit_code, 0);
			break;
		}
		started = started || stop.kind == STOP_EXEC;
		if (started)
			check_values(k, w.tid, stop, &counts);
		kernel_resume(k, w.tid,
			      stop.kind == STOP_GROUP ? KERNEL_LISTEN :
			      inside                  ? KERNEL_SYSCALL :
							KERNEL_CONT,
			      stop.kind == STOP_SIGNAL ? stop.sig : 0);
	}
	test_note("%u events, %u exits, %u other stops", counts.events, counts.exits,
		  counts.others);
	CHECK_LT(10, counts.events);
	CHECK_LT(10, counts.exits);
	CHECK_LT(10, counts.others);
	kernel_free(k);
	return 0;
}

static const char *const mutatees[] = { "fork32_int80", NULL };

const struct scion_test scion_test = { .name = "kernel_regs32",
				       .trap = "39",
				       .min_kver = "5.3",
				       .needs_mutatees = mutatees,
				       .timeout_s = 60,
				       .run = run };
