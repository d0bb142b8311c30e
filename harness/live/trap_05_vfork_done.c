/* SPDX-License-Identifier: MIT */
/*
 * Trap 5: at PTRACE_EVENT_VFORK_DONE rax is no result either; only the syscall-exit-stop after it
 * has the PID. And VFORK_DONE does not come at all if the wait was killed: a session must not wait
 * for it, nor invent a return of the call.
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
	unsigned done = 0, exits = 0;
	unsigned long child = 0;
	struct tracee t;

	tracee_start(&t, k, TRACEE_FOLLOW, workload);
	tracee_stop(&t);
	tracee_cont(&t, 0);
	tracee_go(&t);
	for (;;) {
		struct kernel_regs regs;
		struct kernel_wait w;
		struct stop stop = tracee_wait(k, &w);

		if (stop_is_end(stop.kind)) {
			if (w.tid == t.pid)
				break;
			continue;
		}
		CHECK_EQ(kernel_get_regs(k, w.tid, &regs), 0);
		if (stop.kind == STOP_VFORK)
			CHECK_EQ(kernel_event_msg(k, w.tid, &child), 0);
		if (stop.kind == STOP_VFORK_DONE) {
			done++;
			CHECK_EQ(regs.r.rax, -ENOSYS);
		}
		if (stop.kind == STOP_SYSCALL) {
			exits++;
			CHECK_EQ(done, 1);
			CHECK_EQ(regs.r.rax, child);
		}
		kernel_resume(k, w.tid,
			      stop.kind == STOP_VFORK || stop.kind == STOP_VFORK_DONE ?
				      KERNEL_SYSCALL :
				      KERNEL_CONT,
			      stop.kind == STOP_SIGNAL ? stop.sig : 0);
	}
	CHECK_EQ(done, 1);
	CHECK_EQ(exits, 1);
	kernel_free(k);
}

/* The child is held, its waiting parent killed, then the child goes on. */
static enum scion_verdict hold_child(struct follow *f, const struct scion_event *event)
{
	pid_t *child = f->arg;

	if (event->type == SCION_EVENT_CHILD) {
		*child = event->tid;
		return SCION_HOLD;
	}
	if (event->type == SCION_EVENT_EXIT && event->tid == f->pid)
		CHECK_EQ(scion_task_continue(f->session, *child), SCION_OK);
	return SCION_CONTINUE;
}

static void check_killed(void)
{
	pid_t child = 0;
	struct follow f = { .on_event = hold_child, .arg = &child };

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	steps_child(&f, workload);
	while (!child || task_find(&f.session->tasks, f.pid)->state != FOLLOW_VFORKING)
		CHECK(steps_one(&f));
	steps_await_state(f.pid, "D");
	CHECK_CALL(kill(f.pid, SIGKILL));
	follow_run(&f);
	CHECK(WIFSIGNALED(f.status) && WTERMSIG(f.status) == SIGKILL);
	CHECK_EQ(follow_count(&f, SCION_EVENT_FORK), 0);
	CHECK_EQ(follow_count(&f, SCION_EVENT_EXIT), 2);
	follow_close(&f);
}

static const char *const mutatees[] = { "vfork_exit", NULL };

static int run(void)
{
	check_kernel();
	check_killed();
	CHECK_LT(0, steps_mutatee("vfork_exit", NULL, true));
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_05_vfork_done", .trap = "05", .needs_mutatees = mutatees, .run = run
};
