/* SPDX-License-Identifier: MIT */
/*
 * Trap 1: at a fork's event stop the parent is still inside the call, so that rax is not its result:
 * -ENOSYS (or the call's number, on old kernels). The message is the PID, and only the
 * syscall-exit-stop has it in rax. A session that saves at the event (fork_stop) shows what comes of
 * it: the program sees the wrong value.
 */
#include <linux/sched.h>
#include <sys/syscall.h>

#include "live/kernel_tracee.h"
#include "live/trap_steps.h"

static const long numbers[] = { SYS_fork, SYS_vfork, SYS_clone, SYS_clone3 };

#define CALLS (sizeof(numbers) / sizeof(numbers[0]))

static int workload(void)
{
	for (size_t i = 0; i < CALLS; i++) {
		struct clone_args args = { .exit_signal = SIGCHLD };
		long pid;

		if (numbers[i] == SYS_clone3)
			pid = syscall(SYS_clone3, &args, sizeof(args));
		else if (numbers[i] == SYS_vfork)
			pid = vfork();
		else
			pid = syscall(numbers[i], SIGCHLD, 0, 0, 0, 0);
		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid((pid_t)pid, NULL, 0) != pid)
			return 1;
	}
	return 0;
}

/* The parent at its event stop. */
static unsigned long check_event(struct kernel *k, pid_t pid, long number)
{
	struct kernel_syscall_info info;
	struct kernel_regs regs;
	unsigned long message;

	CHECK_EQ(kernel_get_regs(k, pid, &regs), 0);
	CHECK_EQ(regs.r.orig_rax, number);
	CHECK_EQ(kernel_event_msg(k, pid, &message), 0);
	CHECK_LT(0, message);
	CHECK_NE(regs.r.rax, message);
	CHECK_MSG((long)regs.r.rax == -ENOSYS || (long)regs.r.rax == number, "rax is %lld",
		  (long long)regs.r.rax);
	CHECK_EQ(kernel_syscall_info(k, pid, &info), 0);
	CHECK_EQ(info.op, KERNEL_OP_NONE);
	return message;
}

static void check_exit(struct kernel *k, pid_t pid, long number, unsigned long child)
{
	struct kernel_syscall_info info;
	struct kernel_regs regs;

	CHECK_EQ(kernel_syscall_info(k, pid, &info), 0);
	CHECK_EQ(info.op, KERNEL_OP_EXIT);
	CHECK_EQ(info.rval, child);
	CHECK_EQ(kernel_get_regs(k, pid, &regs), 0);
	CHECK_EQ(regs.r.orig_rax, number);
	CHECK_EQ(regs.r.rax, child);
}

static void check_kernel(void)
{
	struct kernel *k = tracee_kernel();
	unsigned long child = 0;
	size_t events = 0, exits = 0;
	struct tracee t;
	struct stop stop = { .kind = STOP_UNKNOWN };

	tracee_start(&t, k, TRACEE_FOLLOW, workload);
	tracee_stop(&t);
	tracee_cont(&t, 0);
	tracee_go(&t);
	for (;;) {
		enum kernel_resume how = KERNEL_CONT;
		struct kernel_wait w;

		stop = tracee_wait(k, &w);
		if (stop_is_end(stop.kind)) {
			if (w.tid == t.pid)
				break;
			continue;
		}
		if (stop_is_birth(stop.kind))
			child = check_event(k, w.tid, numbers[events++]);
		else if (stop.kind == STOP_SYSCALL)
			check_exit(k, w.tid, numbers[exits++], child);
		if (stop_is_birth(stop.kind) || stop.kind == STOP_VFORK_DONE)
			how = KERNEL_SYSCALL;
		kernel_resume(k, w.tid, how, stop.kind == STOP_SIGNAL ? stop.sig : 0);
	}
	CHECK_EQ(stop.kind, STOP_EXITED);
	CHECK_EQ(stop.exit_code, 0);
	CHECK_EQ(events, CALLS);
	CHECK_EQ(exits, CALLS);
	kernel_free(k);
}

/* The bug of 2013, asked for: the mutatee must notice, and the session's own check too. */
static void check_bug(const char *mutatee)
{
	struct scion_options options = { .size = sizeof(options),
					 .log_level = SCION_LOG_ERROR,
					 .fork_stop = SCION_FORK_STOP_EVENT };
	const char *argv[] = { test_mutatee(mutatee), NULL };
	const struct scion_event *fork;
	struct follow f = { .skip_signals = true };

	follow_open(&f, &options);
	follow_launch(&f, argv);
	follow_run(&f);
	CHECK_MSG(!WIFEXITED(f.status) || WEXITSTATUS(f.status) != 0, "%s saw nothing of it",
		  mutatee);
	fork = follow_nth(&f, SCION_EVENT_FORK, 0);
	CHECK(fork != NULL);
	CHECK_NE(fork->value, fork->peer);
	CHECK_NE(fork->value, fork->expected);
	follow_close(&f);
}

static const char *const mutatees[] = { "fork", "vfork_exit", "clone", "clone3", NULL };

static int run(void)
{
	check_kernel();
	for (size_t i = 0; mutatees[i]; i++) {
		CHECK_LT(0, steps_mutatee(mutatees[i], NULL, true));
		test_note("%s with the registers of the event stop (what it says next is wanted):",
			  mutatees[i]);
		check_bug(mutatees[i]);
	}
	return 0;
}

const struct scion_test scion_test = { .name = "trap_01_event_is_early",
				       .trap = "01",
				       .min_kver = "5.3",
				       .needs_mutatees = mutatees,
				       .run = run };
