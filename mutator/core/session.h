/* SPDX-License-Identifier: MIT */
/*
 * session.h - the inside of a session: what dispatch, attach, detach and inject share.
 *
 *	kernel_wait → session_dispatch → follow_next → actions → task_leave (resume, hold or detach)
 *
 * inject/ hangs into it by `hooks`, set when the first payload is asked for, so that core knows
 * nothing of payloads.
 */
#ifndef SCION_CORE_SESSION_H
#define SCION_CORE_SESSION_H

#include <stdarg.h>

#include "core/placement.h"
#include "core/task.h"
#include "kernel/kernel.h"
#include "scion/scion.h"

struct inject; /* inject/run.h */
struct symbols;

/** What a hook did with the task. */
enum session_hook_result {
	HOOK_PASS, /* nothing; or only its registers changed: leave the stop as planned */
	HOOK_TOOK, /* the hook drives the task now, and calls session_leave at the end */
};

/** A point at which a payload may run. */
struct session_point {
	enum scion_payload_event at;
	enum scion_payload_side side;
	int signo;
	struct kernel_regs *regs; /* the program's registers; NULL: not read yet */
	struct task_go *go;       /* how the stop will be left; the hook may change it */
};

struct session_hooks {
	/* A task whose payload is in flight has stopped. Called before follow; may consume it. */
	enum session_hook_result (*stop)(struct scion_session *s, struct task *task,
					 struct stop *stop);
	/* A task stands at a point. */
	enum session_hook_result (*point)(struct scion_session *s, struct task *task,
					  struct session_point *point);
	/* Whether a payload may run at such a point of the task. */
	bool (*wants)(struct scion_session *s, struct task *task, enum scion_payload_event at);
	/* A child shares (shares_vm) or has copied its creator's memory. creator may be NULL. */
	void (*born)(struct scion_session *s, struct task *creator, struct task *child,
		     bool shares_vm);
	/* The task's memory image is gone (exec), or the task is. */
	void (*image_gone)(struct scion_session *s, struct task *task);
	/* All tasks are parked before detaching: HOOK_TOOK if something must be removed first. */
	enum session_hook_result (*unload)(struct scion_session *s, struct task *task);
	/* The alarm rang: look at the time limits. */
	void (*tick)(struct scion_session *s, uint64_t now);
	void (*free)(struct scion_session *s);
};

enum session_mode {
	SESSION_RUNNING,
	SESSION_DETACHING, /* every task is let go at the next stop that allows it */
};

struct scion_session {
	struct kernel *kernel;
	struct scion_options options;
	enum session_mode mode;
	volatile int stop_asked; /* written by signal handlers */
	bool trace_calls;        /* resume with SYSCALL instead of CONT */
	unsigned alarms;         /* who needs the alarm: SESSION_ALARM_* */
	struct tasks tasks;
	uint64_t next_fork_id;
	pid_t launched;
	int launch_error;
	uint64_t since; /* kernel_now of the stop that is being handled */
	unsigned early; /* tasks that are EARLY */
	bool adopted;   /* a task was EARLY for too long, once */

	const struct session_hooks *hooks;
	struct inject *inject;
	struct placement placement;
	struct symbols *symbols;
	char message[512];
};

#define SESSION_ALARM_RUN   1u /* payloads in flight */
#define SESSION_ALARM_EARLY 2u /* tasks held until their creator is known */
#define SESSION_ALARM_STOP  4u /* for a moment, see renew_alarm */
#define SESSION_TICK_NS     20000000ull

/** scion_session_new on this kernel, which the session owns from now on, also if this fails. */
int session_new_on(struct kernel *k, const struct scion_options *options,
		   struct scion_session **out);

/** Sets the session's message and returns `error`. */
int session_fail(struct scion_session *s, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** SCION_E* of a negative errno. */
int session_error(int negative_errno);

void session_log(struct scion_session *s, enum scion_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** True if a line of this level would be seen: guards what is costly to format. */
static inline bool session_logs(const struct scion_session *s, enum scion_log_level level)
{
	return s->options.on_log && level <= s->options.log_level;
}

/** An event about this task, filled with its ids and time. */
struct scion_event session_event(const struct scion_session *s, const struct task *task,
				 enum scion_event_type type);

/** Calls the callback. */
enum scion_verdict session_emit(struct scion_session *s, const struct scion_event *event);

/** Turns the alarm on or off for one of its users. */
void session_alarm(struct scion_session *s, unsigned who, bool on);

/** PTRACE_O_* for every tracee. */
unsigned long session_ptrace_options(const struct scion_session *s);

/** Handles one wait status. */
void session_dispatch(struct scion_session *s, pid_t tid, int status);

/** Leaves the task's stop as `go` says: resumes it, holds it, or detaches it. */
void session_leave(struct scion_session *s, struct task *task, struct task_go go);

/** Puts a point's payloads before a stopped task and leaves the stop. */
void session_point_and_leave(struct scion_session *s, struct task *task,
			     enum scion_payload_event at, enum scion_payload_side side,
			     struct kernel_regs *regs, struct task_go go);

/**
 * Reports an event of a stopped task; then its payloads, and the stop is left, now or, if the callback
 * holds the task, when it is let go on. `regs` is dropped if the callback has set others.
 */
void session_report(struct scion_session *s, struct task *task, const struct scion_event *event,
		    enum scion_payload_event at, struct kernel_regs *regs, struct task_go go);

/** Forgets a task that is gone or detached. */
void session_forget(struct scion_session *s, struct task *task);

/* birth.c */

/** The creator is at its event stop: makes or pairs the new task. */
void birth_announce(struct scion_session *s, struct task *creator, enum stop_kind kind);

/** A task that no table has made its first stop (or its end). */
void birth_stranger(struct scion_session *s, pid_t tid, int status);

/** A task is not EARLY any more. */
void birth_not_early(struct scion_session *s);

/** The new task is stopped and known: reports it, runs its payloads, lets it go. */
void birth_report_child(struct scion_session *s, struct task *child, struct task_go go);

/** The creator is at its syscall-exit-stop: reports, runs its payloads, lets it go. */
void birth_report_parent(struct scion_session *s, struct task *creator, struct task_go go);

/** Children that wait for an event which will not come are let go; called when the alarm rings. */
void birth_adopt(struct scion_session *s, uint64_t now);

/* attach.c */

/** What stands in the way of tracing `pid`, as a sentence; error is the negative errno of SEIZE. */
int attach_explain(struct scion_session *s, pid_t pid, int error);

/* detach.c */

/** Parks a task that could be detached now; detaches all once nobody is missing. */
void detach_park(struct scion_session *s, struct task *task, struct task_go go);

/** Looks again whether all are parked; called when tasks have gone. */
void detach_advance(struct scion_session *s);

#endif
