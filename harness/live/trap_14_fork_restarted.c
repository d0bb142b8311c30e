/* SPDX-License-Identifier: MIT */
/*
 * Trap 14: a fork that finds a signal pending ends in -ERESTARTNOINTR at its syscall-exit-stop, with
 * no event: it is restarted after the handler, and has not failed. Made for certain here: the signal
 * is sent at the call's entry stop. The session sees the same stops, and tells of the one fork.
 */
#include <sys/syscall.h>

#include "live/kernel_tracee.h"
#include "live/trap_steps.h"

#define ERESTARTNOINTR 513

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	(void)sig;
	handled++;
}

static int workload(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	long pid;

	sigaction(SIGUSR1, &action, NULL);
	pid = syscall(SYS_fork);
	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid((pid_t)pid, NULL, 0) != pid)
		return 1;
	return handled == 1 ? 0 : 2;
}

static bool is_fork(struct kernel *k, pid_t tid, enum kernel_syscall_op op)
{
	struct kernel_syscall_info info;
	struct kernel_regs regs;

	return kernel_syscall_info(k, tid, &info) == 0 && info.op == op &&
	       kernel_get_regs(k, tid, &regs) == 0 && regs.r.orig_rax == SYS_fork;
}

static void check_kernel(void)
{
	struct kernel *k = tracee_kernel();
	unsigned restarts = 0, events = 0, returns = 0, entries = 0;
	struct tracee t;

	tracee_start(&t, k, TRACEE_FOLLOW, workload);
	tracee_stop(&t);
	CHECK_EQ(kernel_resume(k, t.pid, KERNEL_SYSCALL, 0), 0);
	tracee_go(&t);
	for (;;) {
		struct kernel_regs regs;
		struct kernel_wait w;
		struct stop stop = tracee_wait(k, &w);

		if (w.tid == t.pid && stop_is_end(stop.kind)) {
			CHECK_EQ(w.status, 0);
			break;
		}
		events += stop.kind == STOP_FORK;
		if (stop.kind == STOP_SYSCALL && is_fork(k, w.tid, KERNEL_OP_ENTRY) && !entries++)
			CHECK_EQ(kernel_signal(k, t.pid, 0, SIGUSR1), 0);
		if (stop.kind == STOP_SYSCALL && is_fork(k, w.tid, KERNEL_OP_EXIT)) {
			CHECK_EQ(kernel_get_regs(k, w.tid, &regs), 0);
			if ((long)regs.r.rax == -ERESTARTNOINTR) {
				CHECK_EQ(events, 0);
				restarts++;
			} else {
				CHECK_EQ(events, 1);
				returns++;
			}
		}
		kernel_resume(k, w.tid, w.tid == t.pid ? KERNEL_SYSCALL : KERNEL_CONT,
			      stop.kind == STOP_SIGNAL ? stop.sig : 0);
	}
	CHECK_EQ(restarts, 1);
	CHECK_EQ(events, 1);
	CHECK_EQ(returns, 1);
	CHECK_EQ(entries, 2);
	kernel_free(k);
}

/* The same in a session that stops at every call (a payload at the exit asks for that). */
static void check_session(void)
{
	struct follow f = { 0 };
	struct kernel_wait wait;
	unsigned entries = 0;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_at(&f, SCION_AT_EXIT, 0, "nop");
	steps_child(&f, workload);
	while (steps_wait(&f, &wait)) {
		struct kernel *k = f.session->kernel;

		if (wait.tid == f.pid && stop_classify(wait.status).kind == STOP_SYSCALL &&
		    is_fork(k, wait.tid, KERNEL_OP_ENTRY) && !entries++)
			CHECK_EQ(kernel_signal(k, wait.tid, 0, SIGUSR1), 0);
		session_dispatch(f.session, wait.tid, wait.status);
	}
	CHECK_EQ(f.status, 0);
	CHECK_EQ(entries, 2);
	CHECK_EQ(follow_check(&f, true), 1);
	CHECK_EQ(follow_count(&f, SCION_EVENT_CHILD), 1);
	CHECK_EQ(follow_nth(&f, SCION_EVENT_SIGNAL, 0)->signo, SIGUSR1);
	follow_close(&f);
}

static const char *const mutatees[] = { "fork_storm", NULL };

static int run(void)
{
	check_kernel();
	check_session();
	CHECK_LT(40, steps_mutatee("fork_storm", "40", true));
	return 0;
}

const struct scion_test scion_test = { .name = "trap_14_fork_restarted",
				       .trap = "14",
				       .min_kver = "5.3",
				       .needs_mutatees = mutatees,
				       .run = run };
