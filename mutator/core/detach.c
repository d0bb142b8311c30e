/* SPDX-License-Identifier: MIT */
/*
 * detach.c - lets every task go, in one pass.
 *
 *	scion_detach: INTERRUPT all ─► each parks at its next stop that allows it ─► what was put into
 *	the target is removed, once per address space ─► PTRACE_DETACH all, each with its signal
 *
 * A task between a fork event and its exit-stop goes on to the exit-stop; its child parks too
 * (trap: a child that nobody detaches stays stopped, invisible). A task that waits in a vfork can't
 * be stopped; the others do not wait for it.
 */
#include <errno.h>
#include <string.h>

#include "core/session.h"

static bool waits_in_vfork(const struct task *task)
{
	return task->state == FOLLOW_VFORKING && !task->stopped;
}

static void let_go(struct scion_session *s, struct task *task)
{
	struct scion_event event = session_event(s, task, SCION_EVENT_DETACH);
	int error = kernel_detach(s->kernel, task->tid, task->go.sig);
	bool unwanted;

	if (error == -ESRCH) {
		/* killed where it stood: its exit status is still ours to take */
		task->stopped = false;
		task->hold = TASK_FREE;
		return;
	}
	if (error < 0)
		session_log(s, SCION_LOG_ERROR, "detach of %d: %s", task->tid, strerror(-error));
	unwanted = task->unwanted;
	session_forget(s, task);
	if (!unwanted)
		session_emit(s, &event);
}

void detach_advance(struct scion_session *s)
{
	struct task *task, *next;

	TASK_EACH(&s->tasks, task, next)
	if (task->hold != TASK_PARKED && !waits_in_vfork(task) && task->state != FOLLOW_EXITING)
		return;
	TASK_EACH(&s->tasks, task, next)
	if (task->hold == TASK_PARKED && s->hooks && s->hooks->unload(s, task) == HOOK_TOOK)
		return;
	TASK_EACH(&s->tasks, task, next)
	if (task->hold == TASK_PARKED)
		let_go(s, task);
	if (!task_count(&s->tasks))
		s->mode = SESSION_RUNNING; /* the session may attach again */
}

void detach_park(struct scion_session *s, struct task *task, struct task_go go)
{
	task->hold = TASK_PARKED;
	task->go = go;
	if (task->unwanted)
		let_go(s, task);
	else
		detach_advance(s);
}

int scion_detach(struct scion_session *s)
{
	struct task *task, *next;

	if (s->mode == SESSION_DETACHING)
		return SCION_OK;
	s->mode = SESSION_DETACHING;
	TASK_EACH(&s->tasks, task, next)
	{
		if (task->hold == TASK_HELD_USER) {
			task->hold = TASK_PARKED;
			continue;
		}
		if (!task->stopped)
			kernel_interrupt(s->kernel, task->tid);
	}
	detach_advance(s);
	return SCION_OK;
}
