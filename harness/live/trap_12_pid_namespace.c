/* SPDX-License-Identifier: MIT */
/*
 * Trap 12: in another PID namespace the event's message is the tracer's number of the child, and what
 * the program's fork returns is its own. A session keeps both apart (`peer`, `value`), knows what to
 * expect from NSpid, and leaves rax alone.
 */
#include "live/trap_steps.h"

static size_t inside; /* forks whose value is another number than the tracer's */

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	struct kernel_proc child;

	if (event->type != SCION_EVENT_FORK)
		return SCION_CONTINUE;
	CHECK_EQ(event->value, event->expected);
	/* The child may have ended by now, but it is not reaped before its parent goes on. */
	if (event->value == event->peer || kernel_proc(f->session->kernel, event->peer, &child) < 0)
		return SCION_CONTINUE;
	CHECK_EQ(child.nspid[child.ns_depth - 1], event->value);
	inside++;
	return SCION_CONTINUE;
}

static bool step(struct follow *f)
{
	unsigned long message = 0;
	struct kernel_wait wait;
	struct task *task;
	bool birth;

	if (!steps_wait(f, &wait))
		return false;
	birth = stop_is_birth(stop_classify(wait.status).kind);
	if (birth)
		CHECK_EQ(kernel_event_msg(f->session->kernel, wait.tid, &message), 0);
	session_dispatch(f->session, wait.tid, wait.status);
	task = task_find(&f->session->tasks, wait.tid);
	if (birth)
		CHECK_EQ(task->birth.peer, message);
	return true;
}

static const char *const mutatees[] = { "pidns", NULL };

static int run(void)
{
	struct follow f = { .on_event = on_event, .skip_signals = true };
	const char *argv[] = { test_mutatee("pidns"), NULL };

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_launch(&f, argv);
	while (step(&f))
		;
	if (WIFEXITED(f.status) && WEXITSTATUS(f.status) == TEST_SKIPPED)
		SKIP("no PID namespace can be made here");
	CHECK_EQ(f.status, 0);
	CHECK_LT(1, follow_check(&f, true));
	CHECK_LT(0, inside);
	test_note("%zu forks returned a number that is not the tracer's", inside);
	follow_close(&f);
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_12_pid_namespace", .trap = "12", .needs_mutatees = mutatees, .run = run
};
