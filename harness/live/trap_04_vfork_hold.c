/* SPDX-License-Identifier: MIT */
/*
 * Trap 4: while a vfork child is held its parent can't come to the syscall-exit-stop, not even by
 * PTRACE_INTERRUPT: it is in state D. So the child's payload runs first, the child goes, and only
 * then the parent is waited for.
 */
#include "live/kernel_tracee.h"
#include "live/trap_steps.h"

static int workload(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return waitpid(pid, NULL, 0) != pid;
}

static void check_kernel(void)
{
	struct kernel *k = tracee_kernel();
	unsigned long child;
	struct kernel_wait w, first;
	struct tracee t;

	tracee_start(&t, k, TRACEE_FOLLOW, workload);
	tracee_stop(&t);
	tracee_cont(&t, 0);
	tracee_go(&t);
	do /* both have stopped, in either order */
		tracee_wait(k, &first);
	while (first.tid == t.pid && stop_classify(first.status).kind != STOP_VFORK);
	tracee_wait(k, &w);
	CHECK_EQ(kernel_event_msg(k, t.pid, &child), 0);
	CHECK_EQ(kernel_resume(k, t.pid, KERNEL_SYSCALL, 0), 0);
	steps_await_state(t.pid, "D");
	CHECK_EQ(kernel_interrupt(k, t.pid), 0);
	CHECK_EQ(steps_state(t.pid), 'D');
	CHECK_EQ(kernel_wait(k, KERNEL_WAIT_POLL, &w), 0);

	CHECK_EQ(kernel_resume(k, (pid_t)child, KERNEL_CONT, 0), 0);
	do {
		tracee_wait(k, &w);
	} while (w.tid == (pid_t)child);
	CHECK_EQ(w.tid, t.pid);
	CHECK_EQ(stop_classify(w.status).kind, STOP_VFORK_DONE);
	kernel_resume(k, t.pid, KERNEL_SYSCALL, 0);
	do {
		tracee_wait(k, &w);
	} while (w.tid == (pid_t)child);
	CHECK_EQ(stop_classify(w.status).kind, STOP_SYSCALL);
	kernel_resume(k, t.pid, KERNEL_CONT, 0);
	tracee_kill(&t);
	kernel_free(k);
}

/* Place of an event of this fork in the order of things. */
static size_t place(const struct follow *f, enum scion_event_type type, uint64_t id, pid_t tid)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->events[i].event.type == type && f->events[i].event.fork_id == id &&
		    f->events[i].event.tid == tid)
			return i;
	test_failed(__FILE__, __LINE__, "fork %llu has no event %d", (unsigned long long)id, type);
}

static void check_session(const char *mutatee)
{
	struct follow f = { .skip_signals = true };
	size_t vforks = 0;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_mutatee(&f, mutatee, NULL);
	CHECK_LT(0, follow_check(&f, true));
	for (size_t i = 0; i < follow_count(&f, SCION_EVENT_FORK); i++) {
		const struct scion_event *fork = follow_nth(&f, SCION_EVENT_FORK, i);

		if (!fork->vfork)
			continue;
		vforks++;
		CHECK_LT(place(&f, SCION_EVENT_RELEASE, fork->fork_id, fork->peer),
			 place(&f, SCION_EVENT_FORK, fork->fork_id, fork->tid));
	}
	CHECK_LT(0, vforks);
	follow_close(&f);
}

static const char *const mutatees[] = { "vfork_exec", "vfork_exit", NULL };

static int run(void)
{
	check_kernel();
	check_session("vfork_exec");
	check_session("vfork_exit");
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_04_vfork_hold", .trap = "04", .needs_mutatees = mutatees, .run = run
};
