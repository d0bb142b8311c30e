/* SPDX-License-Identifier: MIT */
/*
 * fake_kernel.h - a kernel in memory for unit tests of core: tasks that stop when the test says so,
 * and a log of what was asked of them.
 *
 * It knows the rules of ptrace(2) that a tracer may break without any errno to show for it: a task
 * that is resumed while it runs, LISTEN elsewhere than in a group-stop, a signal injected where
 * none is delivered. The first breach stands in `wrong`.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include "core/session.h"

#define FAKE_TASKS 24

enum fake_state {
	FAKE_NONE, /* a free place in the table */
	FAKE_RUNS,
	FAKE_STOPPED, /* in the ptrace-stop `status` */
	FAKE_DEAD,    /* killed, or exiting: `status` is still to be waited for */
	FAKE_LEFT,    /* detached: it goes on without us */
};

struct fake_task {
	pid_t tid, tgid, ppid;
	pid_t inner; /* id in its own PID namespace, 0: it has none of its own */
	int vm;      /* tasks with the same number share memory */
	enum fake_state state;
	int status;
	unsigned long msg;
	struct kernel_regs regs;
	uint64_t flags; /* clone3's first argument word, wherever it is read from */
	enum kernel_syscall_op op;
	enum kernel_resume how; /* how it was resumed last */
	bool interrupted;       /* an event stop is due */
	bool zombie, traced;
	bool killed_running; /* killed while it was in no stop */
	int hidden;          /* so many lists of threads or children do not show it */
	pid_t tracer;        /* another tracer */
	int stops, leaves;
	int got[32], got_count; /* signals that were delivered */
};

struct fake {
	struct kernel base;
	struct scion_session *session;
	struct fake_task tasks[FAKE_TASKS];
	char log[4096]; /* requests and events since the last fake_expect */
	char wrong[160];
	struct kernel_wait queue[64];
	unsigned queued;
	uint64_t clock, alarm;
	unsigned requests; /* about tracees, so far */
	unsigned kill_at;  /* the request with this number (from 1) finds `victim` killed */
	pid_t victim;      /* its process; 0: that of the request */
	int seize_error;   /* what the next seize fails with */
	int rings;         /* so many times a blocking wait is ended by the alarm */
	int wait_error;    /* what a blocking wait ends with, once nothing is there; 0: -ECHILD */
	int freed;
	int lines;      /* for tests that log */
	pid_t next_pid; /* of kernel_launch */
	int launch_result;
	/* Called for each event, after it was logged. */
	enum scion_verdict (*on_event)(struct fake *f, const struct scion_event *event);
	void *arg;
};

/** A session on a fake kernel. `options` may be NULL; its callbacks are replaced. */
struct fake *fake_open(const struct scion_options *options);

/** Frees both; the log of it is lost. */
void fake_close(struct fake *f);

/** A task that runs, known to the fake kernel only. */
struct fake_task *fake_task(struct fake *f, pid_t tid, pid_t tgid);

/** The task by its id, or NULL. */
struct fake_task *fake_find(struct fake *f, pid_t tid);

/** Launches a process and takes it through its execve; the log is cleared. */
struct fake_task *fake_start(struct fake *f, pid_t pid);

/** Wait statuses. */
int fake_event(int event);
int fake_group(int sig);
int fake_signal(int sig);
#define FAKE_SYSCALL    fake_signal(0x85) /* SIGTRAP | 0x80 */
#define FAKE_TRAP       fake_event(128)   /* PTRACE_EVENT_STOP */
#define FAKE_EXITED(N)  ((N) << 8)
#define FAKE_KILLED(N)  (N)
#define FAKE_FORK       fake_event(1)
#define FAKE_VFORK      fake_event(2)
#define FAKE_CLONE      fake_event(3)
#define FAKE_EXEC       fake_event(4)
#define FAKE_VFORK_DONE fake_event(5)
#define FAKE_EXIT       fake_event(6)
#define FAKE_SECCOMP    fake_event(7)

/** The task stops, or ends, with this status; the session polls. Adds the task if it is new. */
void fake_give(struct fake *f, pid_t tid, int status);

/** As fake_give, with what PTRACE_GETEVENTMSG says. */
void fake_give_msg(struct fake *f, pid_t tid, int status, unsigned long msg);

/** As fake_give of a syscall-exit-stop with this result. */
void fake_return(struct fake *f, pid_t tid, long long rax);

/** The registers as fork (57) and the like leave them at their event stop. */
void fake_calls(struct fake *f, pid_t tid, unsigned long long nr);

/** SIGKILL: every task of the process is dead, its status still to be given. */
void fake_kill(struct fake *f, pid_t tgid);

/** fake_give of the status of a dead task. */
void fake_reap(struct fake *f, pid_t tid);

/** The alarm rings after so many ns. */
void fake_tick(struct fake *f, uint64_t ns);

/**
 * What was logged since the last call is exactly this; and no rule was broken.
 * Requests are `10:CONT`, `10:CONT/12` (a signal), events `fork(10:11=11)`; a blank between two.
 */
#define fake_expect(F, TEXT) fake_expect_at(F, TEXT, __FILE__, __LINE__)
void fake_expect_at(struct fake *f, const char *text, const char *file, int line);

/** The session has no task, no alarm, nothing that waits. */
#define fake_expect_empty(F) fake_expect_empty_at(F, __FILE__, __LINE__)
void fake_expect_empty_at(struct fake *f, const char *file, int line);

#endif
