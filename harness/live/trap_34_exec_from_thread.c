/* SPDX-License-Identifier: MIT */
/*
 * Trap 34: when a thread that is not the leader calls execve, the other threads vanish, the event
 * comes with the leader's id, its message is the thread's old id, and the old id never reports an
 * exit. With payloads at every birth and exec, so that threads are killed in the midst of one.
 */
#include "live/trap_steps.h"

#define EXECS 3 /* of exec_thread */

static bool has_exit(const struct follow *f, pid_t tid, size_t from)
{
	for (size_t i = from; i < f->count; i++)
		if (f->events[i].event.type == SCION_EVENT_EXIT && f->events[i].event.tid == tid)
			return true;
	return false;
}

static void check_execs(const struct follow *f)
{
	size_t from_threads = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct scion_event *event = &f->events[i].event;

		if (event->type != SCION_EVENT_EXEC)
			continue;
		CHECK_EQ(event->tid, event->pid);
		if (event->former == event->tid)
			continue;
		from_threads++;
		CHECK(!has_exit(f, event->former, 0));
	}
	CHECK_EQ(from_threads, EXECS);
}

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	struct task *task, *next;
	size_t threads = 0;

	if (event->type != SCION_EVENT_EXEC)
		return SCION_CONTINUE;
	TASK_EACH(&f->session->tasks, task, next)
	threads += task->tgid == event->pid;
	CHECK_EQ(threads, 1);
	CHECK_EQ(kernel_in_group(f->session->kernel, event->pid, event->tid), 1);
	return SCION_CONTINUE;
}

static void follow_execs(bool payloads)
{
	struct follow f = { .skip_signals = true, .on_event = on_event };

	follow_open(&f, NULL);
	if (payloads) {
		follow_at(&f, SCION_AT_THREAD, SCION_BOTH, "whoami");
		follow_at(&f, SCION_AT_EXEC, 0, "whoami");
		follow_at(&f, SCION_AT_EXEC, 0, "ring");
	}
	follow_mutatee(&f, "exec_thread", NULL);
	check_execs(&f);
	for (size_t i = 0; i < follow_count(&f, SCION_EVENT_PAYLOAD); i++) {
		const struct scion_event *event = follow_nth(&f, SCION_EVENT_PAYLOAD, i);

		/* a thread's may be cut off by the execve; the one at the exec itself may not */
		if (event->at == SCION_AT_EXEC)
			CHECK_EQ(event->error, SCION_OK);
		else
			CHECK(event->error == SCION_OK || event->error == SCION_ESRCH);
	}
	follow_close(&f);
}

static const char *const mutatees[] = { "exec_thread", NULL };

static int run(void)
{
	for (int i = 0; i < 3; i++) {
		follow_execs(false);
		follow_execs(true);
	}
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_34_exec_from_thread", .trap = "34", .needs_mutatees = mutatees, .run = run
};
