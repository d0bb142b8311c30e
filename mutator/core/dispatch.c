/* SPDX-License-Identifier: MIT */
/*
 * dispatch.c - carries out what follow decides: one wait status in, the task's stop left at the end.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "core/restart.h"
#include "core/session.h"

#define NR_EXIT       60
#define NR_EXIT_GROUP 231

static void note_alive(struct scion_session *s, struct task *task)
{
	task->stopped = true;
	task->since = s->since;
	task->hold = TASK_FREE;
}

/* ESRCH: killed in its stop; its exit status will come (ptrace(2), "Death under ptrace"). */
static void resumed(struct scion_session *s, struct task *task, int error)
{
	task->stopped = false;
	if (error && error != -ESRCH)
		session_log(s, SCION_LOG_ERROR, "resume of %d: %s", task->tid, strerror(-error));
}

static enum kernel_resume resume_mode(const struct scion_session *s, const struct task *task,
				      uint32_t how)
{
	if (how & FOLLOW_GO_LISTEN)
		return KERNEL_LISTEN;
	if (task->handler_of)
		return KERNEL_STEP;
	if (how & FOLLOW_GO_SYSCALL || s->trace_calls || task->call_stops)
		return KERNEL_SYSCALL;
	return KERNEL_CONT;
}

static void emit_release(struct scion_session *s, struct task *task)
{
	struct scion_event event = session_event(s, task, SCION_EVENT_RELEASE);

	event.fork_id = task->birth.id;
	event.side = task->birth.side;
	event.held_ns = task->birth.held_ns + kernel_now(s->kernel) - task->since;
	task->birth = (struct task_birth){ 0 };
	session_emit(s, &event);
}

void session_leave(struct scion_session *s, struct task *task, struct task_go go)
{
	if (go.how & (FOLLOW_GO_HOLD | FOLLOW_GO_NOT))
		return;
	if ((s->mode == SESSION_DETACHING || task->unwanted) && follow_detachable(task->state) &&
	    !task->run) {
		detach_park(s, task, go);
		return;
	}
	resumed(s, task, kernel_resume(s->kernel, task->tid, resume_mode(s, task, go.how), go.sig));
	/* any stop swallows the interrupt that was pending (ptrace_stop in kernel/signal.c) */
	if ((task->fresh || task->wanted) && !task->run && go.how & FOLLOW_GO_CONT)
		kernel_interrupt(s->kernel, task->tid);
	if (task->birth.side)
		emit_release(s, task);
	if (s->mode == SESSION_DETACHING && task->state == FOLLOW_VFORKING)
		detach_advance(s); /* its child may be parked already, and it waits for the child */
}

void session_forget(struct scion_session *s, struct task *task)
{
	if (s->hooks)
		s->hooks->image_gone(s, task);
	if (task->state == FOLLOW_EARLY)
		birth_not_early(s);
	task_remove(&s->tasks, task);
}

void session_point_and_leave(struct scion_session *s, struct task *task,
			     enum scion_payload_event at, enum scion_payload_side side,
			     struct kernel_regs *regs, struct task_go go)
{
	struct session_point point = { at, side, go.sig, regs, &go };
	/* who detaches wants no new payload, or a program that forks on and on is never let go */
	bool leaving = s->mode == SESSION_DETACHING && !task->wanted;

	if (s->hooks && !task->run && !leaving && s->hooks->point(s, task, &point) == HOOK_TOOK)
		return;
	session_leave(s, task, go);
}

void session_report(struct scion_session *s, struct task *task, const struct scion_event *event,
		    enum scion_payload_event at, struct kernel_regs *regs, struct task_go go)
{
	if (session_emit(s, event) == SCION_HOLD) {
		task->hold = TASK_HELD_USER;
		task->held_at = at;
		task->held_side = task->birth.side;
		task->go = go;
		return;
	}
	session_point_and_leave(s, task, at, task->birth.side, task->regs_set ? NULL : regs, go);
}

/* --- one function for each kind of stop that is more than a resume --- */

static struct task *find_other(const struct scion_session *s, pid_t tgid, pid_t tid)
{
	struct task *task, *next;

	TASK_EACH(&s->tasks, task, next)
	if (task->tgid == tgid && task->tid != tid)
		return task;
	return NULL;
}

/* All threads of a process but one have vanished. From the start each time: hooks may change all. */
static void forget_others(struct scion_session *s, pid_t tgid, pid_t tid)
{
	struct task *other;

	while ((other = find_other(s, tgid, tid))) {
		session_log(s, SCION_LOG_STOPS, "%d vanished in an execve of %d", other->tid, tgid);
		session_forget(s, other);
	}
}

static void handle_end(struct scion_session *s, struct task *task, int status)
{
	struct scion_event event = session_event(s, task, SCION_EVENT_EXIT);
	bool unwanted = task->unwanted;
	bool killed_leader = WIFSIGNALED(status) && task->tid == task->tgid;

	event.status = status;
	if (task->tid == s->launched) /* 0 if it has got through execve */
		s->launch_error = -kernel_launch_result(s->kernel, task->tid);
	task->stopped = false;
	session_forget(s, task);
	/*
	 * A leader's end is the last of its threads'. Who is still here was killed in execve, when it
	 * had the leader's id already, and its event had not come.
	 */
	if (killed_leader)
		forget_others(s, event.pid, 0);
	if (!unwanted)
		session_emit(s, &event);
	if (s->mode == SESSION_DETACHING)
		detach_advance(s);
}

/*
 * The image is new: every other thread is gone. All but the old leader and the thread that called
 * execve have reported their end; those two became one (ptrace(2), "execve(2) under ptrace").
 */
static void handle_image(struct scion_session *s, struct task *task)
{
	unsigned long former = 0;

	if (kernel_event_msg(s->kernel, task->tid, &former) < 0)
		former = (unsigned long)task->tid;
	task->former = (pid_t)former;
	forget_others(s, task->tgid, task->tid);
	if (s->hooks)
		s->hooks->image_gone(s, task);
	task->birth = (struct task_birth){ 0 };
	task->fresh = false;
	task->call_stops = false;
	task->exit_ran = false;
	task->signal_ran = 0;
	task->wanted = NULL;
}

static void handle_execed(struct scion_session *s, struct task *task, struct task_go go)
{
	struct scion_event event = session_event(s, task, SCION_EVENT_EXEC);

	event.former = task->former;
	session_report(s, task, &event, SCION_AT_EXEC, NULL, go);
}

static void handle_attached(struct scion_session *s, struct task *task, struct task_go go)
{
	struct scion_event event = session_event(s, task, SCION_EVENT_ATTACH);

	if (task->run) { /* of a fork just before: the hooks' tick brings us here again */
		session_leave(s, task, go);
		return;
	}
	task->fresh = false;
	session_report(s, task, &event, SCION_AT_ATTACH, NULL, go);
}

static void handle_signal(struct scion_session *s, struct task *task, int sig, struct task_go go)
{
	struct scion_event event = session_event(s, task, SCION_EVENT_SIGNAL);

	go.sig = sig;
	if (task->signal_ran == sig) {
		/* its payload has run, and the kernel brought it back: deliver it now */
		task->signal_ran = 0;
		session_leave(s, task, go);
		return;
	}
	event.signo = sig;
	session_report(s, task, &event, SCION_AT_SIGNAL, NULL, go);
}

static void handle_group(struct scion_session *s, struct task *task, enum scion_event_type type,
			 int sig, struct task_go go)
{
	struct scion_event event = session_event(s, task, type);

	event.signo = sig;
	session_emit(s, &event);
	if (type == SCION_EVENT_CONTINUED && task->wanted)
		session_point_and_leave(s, task, SCION_AT_DEMAND, SCION_SIDE_NONE, NULL, go);
	else
		session_leave(s, task, go);
}

/* User code can't run any more at PTRACE_EVENT_EXIT: a payload goes before the call. */
static void handle_entry(struct scion_session *s, struct task *task, struct task_go go)
{
	struct kernel_regs regs;

	if (task->exit_ran || kernel_get_regs(s->kernel, task->tid, &regs) < 0 || regs.is32 ||
	    (regs.r.orig_rax != NR_EXIT_GROUP && regs.r.orig_rax != NR_EXIT)) {
		session_leave(s, task, go);
		return;
	}
	task->exit_ran = true;
	session_point_and_leave(s, task, SCION_AT_EXIT, SCION_SIDE_NONE, &regs, go);
}

static void log_step(struct scion_session *s, const struct task *task, struct stop stop,
		     struct follow_step step)
{
	session_log(s, SCION_LOG_STOPS, "%d: %s%s%s: %s -> %s", task->tid, stop_name(stop.kind),
		    stop.sig ? " " : "", stop.sig ? strsignal(stop.sig) : "",
		    follow_name(task->state), follow_name(step.next));
	if (step.actions & FOLLOW_DO_ODD)
		session_log(s, SCION_LOG_WARN, "%d: a %s was not expected while %s", task->tid,
			    stop_name(stop.kind), follow_name(task->state));
}

/* What the program would not have noticed without a tracer it does not notice with one. */
static void hide_interrupt(struct scion_session *s, const struct task *task)
{
	struct kernel_regs regs;

	if (kernel_get_regs(s->kernel, task->tid, &regs) == 0 && restart_unseen(&regs))
		kernel_set_regs(s->kernel, task->tid, &regs);
}

static void act(struct scion_session *s, struct task *task, struct stop stop, int status,
		struct follow_step step)
{
	struct task_go go = { step.actions & FOLLOW_GO_MASK, 0 };
	uint32_t todo = step.actions;

	if (todo & FOLLOW_DO_REAP) {
		handle_end(s, task, status);
		return;
	}
	if (todo & FOLLOW_DO_IMAGE) {
		handle_image(s, task);
		if (!task->unwanted && (!s->hooks || !s->hooks->wants(s, task, SCION_AT_EXEC))) {
			/* nothing that needs the exit-stop: a stop less for each exec */
			task->state = FOLLOW_RUNNING;
			handle_execed(s, task, (struct task_go){ FOLLOW_GO_CONT, 0 });
			return;
		}
	}
	if (todo & FOLLOW_DO_BIRTH)
		birth_announce(s, task, stop.kind);
	if (todo & (FOLLOW_DO_TRAP | FOLLOW_DO_ATTACHED) ||
	    (todo & FOLLOW_DO_SIGNAL && restart_is_quiet(stop.sig)))
		hide_interrupt(s, task);

	if (task->unwanted) { /* of it nothing is told */
		go.sig = todo & FOLLOW_DO_SIGNAL ? stop.sig : 0;
		session_leave(s, task, go);
		return;
	}
	if (todo & FOLLOW_DO_BORN)
		birth_report_child(s, task, go);
	else if (todo & FOLLOW_DO_FORKED)
		birth_report_parent(s, task, go);
	else if (todo & FOLLOW_DO_EXECED)
		handle_execed(s, task, go);
	else if (todo & FOLLOW_DO_ATTACHED || (todo & FOLLOW_DO_TRAP && task->fresh))
		handle_attached(s, task, go);
	else if (todo & FOLLOW_DO_SIGNAL)
		handle_signal(s, task, stop.sig, go);
	else if (todo & FOLLOW_DO_GROUP)
		handle_group(s, task, SCION_EVENT_STOPPED, stop.sig, go);
	else if (todo & FOLLOW_DO_WOKEN)
		handle_group(s, task, SCION_EVENT_CONTINUED, 0, go);
	else if (todo & FOLLOW_DO_TRAP && task->wanted)
		session_point_and_leave(s, task, SCION_AT_DEMAND, SCION_SIDE_NONE, NULL, go);
	else if (todo & FOLLOW_DO_ENTRY && s->trace_calls)
		handle_entry(s, task, go);
	else
		session_leave(s, task, go);
}

/* Nobody has been told of it yet: its creator's event is still to come, and finds it dead. */
static void lose_early(struct scion_session *s, struct task *task, int status)
{
	task_lose(&s->tasks, task->tid, status);
	session_forget(s, task);
	if (s->mode == SESSION_DETACHING)
		detach_advance(s);
}

/*
 * Entry or exit? Behind an event stop the next syscall-stop can only be the exit: no question to
 * the kernel is needed. Everywhere else PTRACE_GET_SYSCALL_INFO says.
 */
static struct stop refine(struct scion_session *s, const struct task *task, struct stop stop)
{
	struct kernel_syscall_info info;

	if (task->state == FOLLOW_FORKING || task->state == FOLLOW_VFORKING ||
	    task->state == FOLLOW_EXECING)
		return stop_refine(stop, KERNEL_OP_EXIT);
	if (kernel_syscall_info(s->kernel, task->tid, &info) < 0)
		return stop;
	return stop_refine(stop, (int)info.op);
}

/* execve by a thread whose leader has already been forgotten: its event comes with the leader's id. */
static struct task *find_former(struct scion_session *s, pid_t tid)
{
	unsigned long former = 0;
	struct task *task;

	if (kernel_event_msg(s->kernel, tid, &former) < 0)
		return NULL;
	task = task_find(&s->tasks, (pid_t)former);
	if (task)
		task_rename(&s->tasks, task, tid);
	return task;
}

/* Stepped into a handler: the payload of its signal. Any other stop is handled as always. */
static bool at_handler(struct scion_session *s, struct task *task, struct stop stop)
{
	struct task_go go = { FOLLOW_GO_CONT, 0 };
	struct session_point point = { SCION_AT_SIGNAL, SCION_SIDE_NONE, 0, NULL, &go };
	bool here = stop.kind == STOP_SIGNAL && stop.sig == SIGTRAP && !task->run;

	bool took = here && s->mode != SESSION_DETACHING && !task->unwanted &&
		    s->hooks->point(s, task, &point) == HOOK_TOOK;

	task->handler_of = 0;
	if (here && !took)
		session_leave(s, task, go);
	return here;
}

void session_dispatch(struct scion_session *s, pid_t tid, int status)
{
	struct stop stop = stop_classify(status);
	struct task *task = task_find(&s->tasks, tid);
	struct follow_step step;

	s->since = kernel_now(s->kernel);
	if (!task && stop.kind == STOP_EXEC)
		task = find_former(s, tid);
	if (!task) {
		birth_stranger(s, tid, status);
		return;
	}
	note_alive(s, task);
	if (WIFSTOPPED(status))
		placement_on_stop(&s->placement, tid, (unsigned)task_count(&s->tasks), s->since);
	if (task->handler_of && at_handler(s, task, stop))
		return;
	if (stop.kind == STOP_SYSCALL)
		stop = refine(s, task, stop);
	if (task->run && s->hooks->stop(s, task, &stop) == HOOK_TOOK)
		return;
	step = follow_next(task->state, (int)stop.kind);
	if (session_logs(s, SCION_LOG_WARN))
		log_step(s, task, stop, step);
	if (task->state == FOLLOW_EARLY && step.next == FOLLOW_GONE) {
		lose_early(s, task, status);
		return;
	}
	if (task->state == FOLLOW_EARLY && step.next != FOLLOW_EARLY)
		birth_not_early(s);
	task->state = step.next;
	act(s, task, stop, status, step);
}
