/* SPDX-License-Identifier: MIT */
/*
 * Trap 13: no signal stop comes between a fork's event stop and its syscall-exit-stop: a signal that
 * is sent in between comes after it. SIGKILL does come.
 */
#include "live/kernel_tracee.h"
#include "live/trap_steps.h"

#define FORKS 40

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	(void)sig;
	handled++;
}

static int workload(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	return handled == FORKS ? 0 : 2;
}

static void begin(struct tracee *t, struct kernel *k)
{
	tracee_start(t, k, TRACEE_FOLLOW, workload);
	tracee_stop(t);
	tracee_cont(t, 0);
	tracee_go(t);
}

static void check_storm(void)
{
	struct kernel *k = tracee_kernel();
	unsigned events = 0, exits = 0;
	bool inside = false;
	struct tracee t;

	begin(&t, k);
	for (;;) {
		struct kernel_wait w;
		struct stop stop = tracee_wait(k, &w);

		if (w.tid == t.pid && stop_is_end(stop.kind)) {
			CHECK_EQ(w.status, 0);
			break;
		}
		if (w.tid == t.pid && inside) {
			CHECK_MSG(stop.kind == STOP_SYSCALL, "%s %d in the call",
				  stop_name(stop.kind), stop.sig);
			exits++;
			inside = false;
		}
		if (stop.kind == STOP_FORK) {
			CHECK_EQ(kernel_signal(k, t.pid, 0, SIGUSR1), 0);
			inside = true;
			events++;
		}
		kernel_resume(k, w.tid, stop.kind == STOP_FORK ? KERNEL_SYSCALL : KERNEL_CONT,
			      stop.kind == STOP_SIGNAL ? stop.sig : 0);
	}
	CHECK_EQ(events, FORKS);
	CHECK_EQ(exits, FORKS);
	kernel_free(k);
}

static void check_kill(void)
{
	struct kernel *k = tracee_kernel();
	struct kernel_wait w;
	struct stop stop;
	struct tracee t;

	begin(&t, k);
	do
		stop = tracee_wait(k, &w);
	while (stop.kind != STOP_FORK);
	CHECK_EQ(kernel_signal(k, t.pid, 0, SIGKILL), 0);
	kernel_resume(k, t.pid, KERNEL_SYSCALL, 0); /* done, or too late: both are right */
	do
		stop = tracee_wait(k, &w);
	while (w.tid != t.pid);
	CHECK_EQ(stop.kind, STOP_KILLED);
	CHECK_EQ(stop.sig, SIGKILL);
	kernel_free(k);
}

static const char *const mutatees[] = { "fork_storm", NULL };

static int run(void)
{
	check_storm();
	check_kill();
	CHECK_LT(40, steps_mutatee("fork_storm", "40", true));
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_13_no_signal_between", .trap = "13", .needs_mutatees = mutatees, .run = run
};
