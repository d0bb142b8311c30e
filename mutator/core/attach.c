/* SPDX-License-Identifier: MIT */
/* attach.c - seizes all threads of a process, or of a whole tree, to a fixpoint. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/session.h"

#define FIXPOINT_ROUNDS 100

int attach_explain(struct scion_session *s, pid_t pid, int error)
{
	struct kernel_proc proc, tracer;
	char why[256];

	if (error == -ESRCH || kernel_proc(s->kernel, pid, &proc) < 0)
		return session_fail(s, SCION_ESRCH,
				    "%d: no such process; `ps -e` lists those that are there", pid);
	if (proc.state == 'Z' || proc.state == 'X')
		return session_fail(s, SCION_ESRCH, "%d (%s): has ended already, it is a zombie",
				    pid, proc.name);
	if (proc.tracer == gettid())
		return session_fail(s, SCION_EINVAL, "%d (%s): is attached already", pid,
				    proc.name);
	if (proc.tracer) {
		bool known = kernel_proc(s->kernel, proc.tracer, &tracer) == 0;

		return session_fail(s, SCION_ETRACED,
				    "%d (%s): is being traced by %d (%s); end that tracer first",
				    pid, proc.name, proc.tracer, known ? tracer.name : "unknown");
	}
	if (proc.tgid == getpid())
		return session_fail(s, SCION_EINVAL, "%d: a process can't trace itself", pid);
	if (error != -EPERM)
		return session_fail(s, session_error(error), "%d (%s): can't attach: %s", pid,
				    proc.name, strerror(-error));
	kernel_why_not(s->kernel, &proc, why, sizeof(why));
	return session_fail(s, SCION_EPERM, "%d (%s): not permitted: %s", pid, proc.name, why);
}

struct seized {
	pid_t *tids;
	size_t count, room;
	pid_t refused; /* the one that ended it all */
};

static int remember(struct seized *list, pid_t tid)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		pid_t *tids = realloc(list->tids, room * sizeof(*tids));

		if (!tids)
			return -ENOMEM;
		list->tids = tids;
		list->room = room;
	}
	list->tids[list->count++] = tid;
	return 0;
}

static int seize_thread(struct scion_session *s, pid_t tgid, pid_t tid, struct seized *list)
{
	struct task *task;
	int error;

	if (task_find(&s->tasks, tid))
		return 0;
	error = kernel_seize(s->kernel, tid, session_ptrace_options(s));
	if (error == -ESRCH && tid != tgid)
		return 0; /* it has ended meanwhile */
	if (error == -EPERM) {
		struct kernel_proc proc = { 0 };

		/* it was ending, which makes EPERM too, and is gone by now */
		if (kernel_proc(s->kernel, tid, &proc) < 0)
			return tid == tgid ? -ESRCH : 0;
		/* born of a thread that we have seized: traced already, its first stop will come */
		if (proc.tracer == gettid() && list->count)
			return 0;
		/* a leader that has ended before its threads can't be seized, they can */
		if (proc.state == 'Z' || proc.state == 'X')
			return 0;
	}
	if (error < 0)
		return error;
	task = task_add(&s->tasks, tid, tgid, FOLLOW_ATTACHING);
	if (!task || remember(list, tid) < 0)
		return -ENOMEM;
	task->fresh = true;
	kernel_interrupt(s->kernel, tid);
	return 1;
}

/* Seizes all threads; returns how many were new, so that the caller goes on until none is. */
static int seize_process(struct scion_session *s, pid_t tgid, struct seized *list)
{
	pid_t *tids = NULL;
	size_t count = 0;
	int fresh = 0;
	int error = kernel_threads(s->kernel, tgid, &tids, &count);

	for (size_t i = 0; i < count && error >= 0; i++) {
		error = seize_thread(s, tgid, tids[i], list);
		fresh += error > 0;
		if (error < 0)
			list->refused = tids[i];
	}
	free(tids);
	return error < 0 ? error : fresh;
}

/* Adds the children of `tgid` that are not in the list yet. */
static int add_children(struct scion_session *s, pid_t tgid, struct seized *pids)
{
	pid_t *children = NULL;
	size_t count = 0;
	int error = kernel_children(s->kernel, tgid, &children, &count);

	for (size_t i = 0; i < count && error >= 0; i++)
		if (children[i] != getpid())
			error = remember(pids, children[i]);
	free(children);
	return error;
}

/* One pass over the process, or over it and its descendants; breadth first, no recursion. */
static int seize_pass(struct scion_session *s, pid_t root, unsigned flags, struct seized *list)
{
	struct seized pids = { 0 };
	int error = remember(&pids, root);
	int fresh = 0;

	for (size_t i = 0; i < pids.count && error >= 0; i++) {
		error = seize_process(s, pids.tids[i], list);
		if (error == -ESRCH && i)
			error = 0; /* a child that has ended */
		fresh += error > 0;
		if (error >= 0 && flags & SCION_ATTACH_TREE)
			error = add_children(s, pids.tids[i], &pids);
		if (error == -ESRCH && i)
			error = 0;
	}
	free(pids.tids);
	return error < 0 ? error : fresh;
}

/* Nothing may stay attached when attaching fails: let go of what was seized in this call. */
static void undo(struct scion_session *s, const struct seized *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct task *task = task_find(&s->tasks, list->tids[i]);

		if (task)
			task->unwanted = true;
	}
}

static int check_target(struct scion_session *s, pid_t pid, pid_t *tgid)
{
	struct kernel_proc proc;

	if (pid <= 0 || kernel_proc(s->kernel, pid, &proc) < 0)
		return attach_explain(s, pid, -ESRCH);
	if (proc.state == 'Z' && proc.threads <= 1)
		return attach_explain(s, pid, -EPERM);
	*tgid = proc.tgid;
	if (proc.tgid == getpid() || proc.tracer)
		return attach_explain(s, pid, -EPERM);
	return SCION_OK;
}

int scion_attach(struct scion_session *s, pid_t pid, unsigned flags)
{
	struct seized list = { 0 };
	int error, rounds = 0;
	pid_t tgid = 0;

	error = check_target(s, pid, &tgid);
	if (error < 0)
		return error;
	do
		error = seize_pass(s, tgid, flags, &list);
	while (error > 0 && ++rounds < FIXPOINT_ROUNDS);
	if (error < 0) {
		undo(s, &list);
		error = attach_explain(s, list.refused ? list.refused : pid, error);
	} else if (!list.count) {
		error = attach_explain(s, pid, -ESRCH);
	} else {
		error = SCION_OK;
	}
	free(list.tids);
	return error;
}
