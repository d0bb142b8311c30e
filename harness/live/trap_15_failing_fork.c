/* SPDX-License-Identifier: MIT */
/*
 * Trap 15: a fork that fails gives a syscall-exit and no event. So nothing may be expected from an
 * entry, and nothing is told of a call that made no child.
 */
#include <sched.h>
#include <sys/syscall.h>

#include "live/kernel_tracee.h"
#include "live/trap_steps.h"

/* CLONE_THREAD without CLONE_SIGHAND is refused, whoever asks. Then one that works. */
static int workload(void)
{
	long pid = syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(9);
	if (pid != -1 || errno != EINVAL)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(0);
	return waitpid((pid_t)pid, NULL, 0) != pid;
}

static void check_kernel(void)
{
	struct kernel *k = tracee_kernel();
	unsigned failed = 0, events = 0;
	struct tracee t;

	tracee_start(&t, k, TRACEE_FOLLOW, workload);
	tracee_stop(&t);
	CHECK_EQ(kernel_resume(k, t.pid, KERNEL_SYSCALL, 0), 0);
	tracee_go(&t);
	for (;;) {
		struct kernel_syscall_info info;
		struct kernel_regs regs;
		struct kernel_wait w;
		struct stop stop = tracee_wait(k, &w);

		if (w.tid == t.pid && stop_is_end(stop.kind)) {
			CHECK_EQ(w.status, 0);
			break;
		}
		events += stop_is_birth(stop.kind);
		if (stop.kind == STOP_SYSCALL && kernel_syscall_info(k, w.tid, &info) == 0 &&
		    info.op == KERNEL_OP_EXIT && info.is_error &&
		    kernel_get_regs(k, w.tid, &regs) == 0 && regs.r.orig_rax == SYS_clone) {
			CHECK_EQ(info.rval, -EINVAL);
			CHECK_EQ(events, 0);
			failed++;
		}
		kernel_resume(k, w.tid, w.tid == t.pid ? KERNEL_SYSCALL : KERNEL_CONT,
			      stop.kind == STOP_SIGNAL ? stop.sig : 0);
	}
	CHECK_EQ(failed, 1);
	CHECK_EQ(events, 1);
	kernel_free(k);
}

/* fork_fail: EAGAIN by RLIMIT_NPROC from every kind of call, and works again after. */
static void check_session(bool every_call)
{
	struct follow f = { .skip_signals = true };

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_at(&f, SCION_AT_THREAD, SCION_BOTH, "whoami");
	if (every_call)
		follow_at(&f, SCION_AT_EXIT, 0, "nop");
	follow_mutatee(&f, "fork_fail", NULL);
	CHECK_LT(0, follow_check(&f, true));
	CHECK_EQ(follow_count(&f, SCION_EVENT_FORK), follow_count(&f, SCION_EVENT_CHILD));
	for (size_t i = 0; i < follow_count(&f, SCION_EVENT_FORK); i++)
		CHECK_LT(0, follow_nth(&f, SCION_EVENT_FORK, i)->value);
	follow_close(&f);
}

static const char *const mutatees[] = { "fork_fail", NULL };

static int run(void)
{
	check_kernel();
	check_session(false);
	check_session(true);
	return 0;
}

const struct scion_test scion_test = { .name = "trap_15_failing_fork",
				       .trap = "15",
				       .min_kver = "5.3",
				       .needs_mutatees = mutatees,
				       .run = run };
