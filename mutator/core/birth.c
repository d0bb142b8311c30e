/* SPDX-License-Identifier: MIT */
/*
 * birth.c - joins a creator's fork event with the new task's first stop, whichever comes first.
 *
 *	creator's event first:  task is made UNBORN ........ its first stop: reported, let go
 *	new task first:         task is made EARLY, held ... the event: reported, let go
 *
 * A vfork child is let go before its creator can reach its exit-stop: the creator waits for it.
 */
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/session.h"

#define EARLY_PATIENCE_NS 1000000000ull

/* Numbers of both tables: only these make tasks, and they do not collide (arch/x86/entry). */
static enum scion_fork_kind kind_of(uint64_t orig_rax)
{
	switch (orig_rax & 0xbfffffff) {
	case 57:
	case 2:
		return SCION_FORK_FORK;
	case 58:
	case 190:
		return SCION_FORK_VFORK;
	case 56:
	case 120:
		return SCION_FORK_CLONE;
	case 435:
		return SCION_FORK_CLONE3;
	default:
		return SCION_FORK_UNKNOWN;
	}
}

/* The EARLY or new child and its creator know each other now. */
static void pair(struct scion_session *s, struct task *creator, struct task *child)
{
	child->tgid = creator->birth.thread ? creator->tgid : child->tid;
	child->birth = creator->birth;
	child->birth.peer = creator->tid;
	child->birth.held_ns = 0;
	child->unwanted = creator->unwanted;
	if (s->hooks) {
		bool shares = creator->birth.thread ||
			      kernel_same_vm(s->kernel, creator->tid, child->tid) == 1;

		s->hooks->born(s, creator, child, shares);
	}
}

void birth_not_early(struct scion_session *s)
{
	if (!--s->early)
		session_alarm(s, SESSION_ALARM_EARLY, false);
}

static void release_early(struct scion_session *s, struct task *child)
{
	struct follow_step step = follow_next(FOLLOW_EARLY, FOLLOW_PAIR);
	struct task_go go = { step.actions & FOLLOW_GO_MASK, 0 };

	birth_not_early(s);
	child->state = step.next;
	child->hold = TASK_FREE;
	if (stop_classify(child->first_stop).kind == STOP_GROUP) {
		child->state = FOLLOW_LISTENING;
		go.how = FOLLOW_GO_LISTEN;
	}
	if (child->unwanted)
		session_leave(s, child, go);
	else
		birth_report_child(s, child, go);
}

/*
 * Dead before it was announced: it gets its two events all the same. One that was adopted and has
 * ended since got them then. Who is neither is a new task: it is traced by us from its birth on.
 */
static bool was_stillborn(struct scion_session *s, struct task *creator, pid_t tid)
{
	struct scion_event event;
	struct kernel_proc proc;
	int status;
	bool lost = task_was_lost(&s->tasks, tid, &status);

	if (!lost && !s->adopted)
		return false;
	if (kernel_proc(s->kernel, tid, &proc) == 0 && proc.tracer == gettid())
		return false;
	if (!lost || creator->unwanted)
		return true;
	event = session_event(s, creator, SCION_EVENT_EXIT);
	event.tid = tid;
	event.pid = creator->birth.thread ? creator->tgid : tid;
	event.status = status;
	session_emit(s, &event);
	return true;
}

void birth_announce(struct scion_session *s, struct task *creator, enum stop_kind kind)
{
	unsigned long msg;
	struct task *child;
	pid_t tid;

	if (kernel_event_msg(s->kernel, creator->tid, &msg) < 0 || !msg)
		return; /* killed; the child, if it is ours, comes as a stranger */
	tid = (pid_t)msg;
	creator->birth = (struct task_birth){
		.id = ++s->next_fork_id,
		.peer = tid,
		.vfork = kind == STOP_VFORK,
		.thread = kernel_in_group(s->kernel, creator->tgid, tid) == 1,
	};
	if (s->options.fork_stop == SCION_FORK_STOP_EVENT)
		kernel_get_regs(s->kernel, creator->tid, &creator->event_regs);

	child = task_find(&s->tasks, tid);
	if (child && child->adopted) {
		child->adopted = false; /* the kernel was slow: it has been reported, and let go */
		return;
	}
	if (child && child->state != FOLLOW_EARLY) {
		session_log(s, SCION_LOG_WARN, "%d is used again, its end was not seen", tid);
		session_forget(s, child);
		child = NULL;
	}
	if (child) {
		pair(s, creator, child);
		release_early(s, child);
	} else if (!was_stillborn(s, creator, tid)) {
		child = task_add(&s->tasks, tid, tid, FOLLOW_UNBORN);
		if (child)
			pair(s, creator, child);
	}
	creator->birth.held_ns = kernel_now(s->kernel) - creator->since;
}

void birth_stranger(struct scion_session *s, pid_t tid, int status)
{
	struct stop stop = stop_classify(status);
	struct follow_step step = follow_stranger((int)stop.kind);
	struct task *task;

	if (step.next == FOLLOW_GONE) {
		task_lose(&s->tasks, tid, status);
		return;
	}
	task = task_add(&s->tasks, tid, tid, step.next);
	if (!task) {
		session_log(s, SCION_LOG_ERROR, "out of memory; %d is left untraced", tid);
		kernel_detach(s->kernel, tid, 0);
		return;
	}
	task->stopped = true;
	task->since = s->since;
	task->first_stop = status;
	if (step.next == FOLLOW_EARLY) {
		s->early++;
		session_alarm(s, SESSION_ALARM_EARLY, true);
	} else {
		session_leave(s, task, (struct task_go){ step.actions & FOLLOW_GO_MASK, 0 });
	}
}

void birth_report_child(struct scion_session *s, struct task *child, struct task_go go)
{
	struct scion_event event = session_event(s, child, SCION_EVENT_CHILD);
	enum scion_payload_event at = child->birth.thread ? SCION_AT_THREAD : SCION_AT_FORK;
	bool wanted = s->hooks && s->hooks->wants(s, child, at);
	struct kernel_regs regs;
	uint64_t nr = 0;
	int error;

	if (wanted)
		error = kernel_get_regs(s->kernel, child->tid, &regs);
	else
		error = kernel_call_number(s->kernel, child->tid, &nr);
	if (error < 0) {
		session_leave(s, child, go);
		return;
	}
	if (wanted)
		nr = regs.r.orig_rax;
	child->regs_set = false;
	child->birth.side = SCION_SIDE_CHILD;
	event.fork_id = child->birth.id;
	event.peer = child->birth.peer;
	event.kind = child->birth.peer ? kind_of(nr) : SCION_FORK_UNKNOWN;
	event.vfork = child->birth.vfork;
	event.thread = child->birth.thread;
	session_report(s, child, &event, at, wanted ? &regs : NULL, go);
}

/* What the call must return: the new task's id in the caller's own PID namespace; 0: not known. */
static pid_t expected_value(struct scion_session *s, const struct task *creator, int64_t value)
{
	struct kernel_proc mine, its;

	if (value == creator->birth.peer)
		return creator->birth.peer;
	if (kernel_proc(s->kernel, creator->tid, &mine) < 0 || !mine.ns_depth)
		return 0;
	if (mine.ns_depth == 1)
		return creator->birth.peer;
	if (kernel_proc(s->kernel, creator->birth.peer, &its) < 0 || its.ns_depth < mine.ns_depth)
		return 0;
	return its.nspid[mine.ns_depth - 1];
}

void birth_report_parent(struct scion_session *s, struct task *creator, struct task_go go)
{
	struct scion_event event = session_event(s, creator, SCION_EVENT_FORK);
	enum scion_payload_event at = creator->birth.thread ? SCION_AT_THREAD : SCION_AT_FORK;
	struct kernel_regs regs;

	if (!creator->birth.id || kernel_get_regs(s->kernel, creator->tid, &regs) < 0) {
		session_leave(s, creator, go);
		return;
	}
	if (s->options.fork_stop == SCION_FORK_STOP_EVENT) {
		/* the bug, on purpose: what was saved at the event stop is put back */
		regs = creator->event_regs;
		kernel_set_regs(s->kernel, creator->tid, &regs);
	}
	creator->regs_set = false;
	if (creator->fresh) { /* the interrupt's stop is still to come, behind a payload's first half */
		struct scion_event attached = session_event(s, creator, SCION_EVENT_ATTACH);

		creator->fresh = false;
		creator->attach_due = true;
		session_emit(s, &attached);
	}
	creator->birth.side = SCION_SIDE_PARENT;
	event.fork_id = creator->birth.id;
	event.peer = creator->birth.peer;
	event.kind = kind_of(regs.r.orig_rax);
	event.vfork = creator->birth.vfork;
	event.thread = creator->birth.thread;
	event.value = (int64_t)regs.r.rax;
	event.expected = expected_value(s, creator, event.value);
	session_report(s, creator, &event, at, &regs, go);
}

/* The flags of the call that made it; its registers are its creator's. */
static uint64_t clone_flags(struct scion_session *s, const struct task *child)
{
	struct kernel_regs regs;
	uint64_t flags = 0;

	if (kernel_get_regs(s->kernel, child->tid, &regs) < 0)
		return 0;
	if (kind_of(regs.r.orig_rax) == SCION_FORK_CLONE3)
		kernel_read(s->kernel, child->tid, regs.is32 ? regs.r.rbx : regs.r.rdi, &flags,
			    sizeof(flags));
	else if (kind_of(regs.r.orig_rax) == SCION_FORK_CLONE)
		flags = regs.is32 || regs.r.orig_rax == 120 ? regs.r.rbx : regs.r.rdi;
	return flags;
}

/* Killed in its event stop: the child has another parent by now, which is no task of ours. */
static bool creator_is_gone(struct scion_session *s, const struct task *child, uint64_t flags)
{
	struct task *task, *next;
	struct kernel_proc proc;

	if (flags & CLONE_PARENT || kernel_proc(s->kernel, child->tid, &proc) < 0 ||
	    proc.tgid != child->tid || proc.ppid <= 0)
		return false;
	TASK_EACH(&s->tasks, task, next)
	{
		if (task->tgid == proc.ppid)
			return false;
	}
	return true;
}

/* The next EARLY task that is not to be held any longer. */
static struct task *find_adoptable(struct scion_session *s, uint64_t now)
{
	struct task *task, *next;

	TASK_EACH(&s->tasks, task, next)
	{
		bool late = now - task->since >= EARLY_PATIENCE_NS;
		uint64_t flags;

		if (task->state != FOLLOW_EARLY)
			continue;
		flags = late ? 0 : clone_flags(s, task);
		late = late || creator_is_gone(s, task, flags);
		/* CLONE_UNTRACED | CLONE_PTRACE: traced, and no event tells (kernel/fork.c) */
		if (!late && !(flags & CLONE_UNTRACED))
			continue;
		task->adopted = late;
		s->adopted = s->adopted || late;
		return task;
	}
	return NULL;
}

/* One by one from the start: letting one go can complete a detach, which takes them all away. */
void birth_adopt(struct scion_session *s, uint64_t now)
{
	struct task *task;
	struct kernel_proc proc;

	while (s->early && (task = find_adoptable(s, now))) {
		if (kernel_proc(s->kernel, task->tid, &proc) == 0)
			task->tgid = proc.tgid;
		task->birth = (struct task_birth){ .id = ++s->next_fork_id,
						   .thread = task->tgid != task->tid };
		if (s->hooks)
			s->hooks->born(s, NULL, task, false);
		session_log(s, SCION_LOG_STOPS, "%d: nobody announced it", task->tid);
		release_early(s, task);
	}
}
