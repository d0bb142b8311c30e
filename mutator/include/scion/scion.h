/* SPDX-License-Identifier: MIT */
/*
 * scion.h - follow a process and its offspring, run payloads in them, give back the real PID.
 *
 * A session owns everything: tasks, payloads in flight, messages. It belongs to the thread that
 * made it, since ptrace(2) ties a tracee to the thread that seized it: every call on a session is
 * made by that thread, but for scion_session_stop. Nothing here prints, exits or aborts.
 *
 * Functions return 0 (or a count) or a negative enum scion_error; scion_errmsg tells the rest. That
 * a task dies while it is looked at is not an error: its SCION_EVENT_EXIT comes.
 */
#ifndef SCION_H
#define SCION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "scion/payload.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SCION_VERSION_MAJOR 0
#define SCION_VERSION_MINOR 1
#define SCION_VERSION_PATCH 0

#if defined(__GNUC__)
#define SCION_API __attribute__((visibility("default")))
#else
#define SCION_API
#endif

/** What can go wrong. Values are part of the ABI. */
enum scion_error {
	SCION_OK = 0,
	SCION_EINVAL = -1,   /* an argument is wrong, or the call does not fit the task's state */
	SCION_ENOMEM = -2,   /* out of memory */
	SCION_EPERM = -3,    /* not permitted; the message names by what */
	SCION_ESRCH = -4,    /* no such process or thread, or it is gone */
	SCION_ETRACED = -5,  /* traced by another process; the message names it */
	SCION_EARCH = -6,    /* not an x86-64 process, object or task */
	SCION_ENOENT = -7,   /* no such file, payload or symbol */
	SCION_ENOEXEC = -8,  /* can't be executed */
	SCION_EPAYLOAD = -9, /* the payload was refused; the message says why */
	SCION_EFAULT = -10,  /* a payload faulted, or memory can't be read or written */
	SCION_ETIME = -11,   /* a payload exceeded its time limit */
	SCION_EBUSY = -12,   /* try again later */
	SCION_ENOTSUP = -13, /* this kernel or machine can't */
	SCION_EIO = -14,     /* another system error; the message has it */
};

struct scion_session;
struct scion_payload;

/** What a callback is told of. */
enum scion_event_type {
	SCION_EVENT_ATTACH = 1, /* a thread that ran before has been attached, and is stopped */
	SCION_EVENT_CHILD,   /* a new process or thread is stopped before its first instruction */
	SCION_EVENT_FORK,    /* fork, vfork, clone or clone3 has returned in the parent: `value` */
	SCION_EVENT_EXEC,    /* execve succeeded; stopped before the first instruction */
	SCION_EVENT_EXIT,    /* the task is gone: `status` as from wait(2) */
	SCION_EVENT_SIGNAL,  /* a signal is about to be delivered: `signo` */
	SCION_EVENT_STOPPED, /* group-stop by `signo` */
	SCION_EVENT_CONTINUED, /* SIGCONT ended a group-stop */
	SCION_EVENT_PAYLOAD,   /* a payload has ended, or failed: `error`, `status`, `result` */
	SCION_EVENT_RELEASE,   /* the parent or child of a fork runs again: `held_ns` */
	SCION_EVENT_DETACH,    /* the task goes on without us */
};

/** Which call made a task. */
enum scion_fork_kind {
	SCION_FORK_NONE = 0,
	SCION_FORK_FORK,    /* fork */
	SCION_FORK_VFORK,   /* vfork */
	SCION_FORK_CLONE,   /* clone */
	SCION_FORK_CLONE3,  /* clone3 */
	SCION_FORK_UNKNOWN, /* its creator was not seen: CLONE_UNTRACED | CLONE_PTRACE, or killed */
};

/** An event. Valid during the callback only; fields that do not belong to `type` are 0. */
struct scion_event {
	enum scion_event_type type;
	pid_t pid;        /* thread group, in the tracer's PID namespace */
	pid_t tid;        /* thread, in the tracer's PID namespace */
	uint64_t time_ns; /* CLOCK_MONOTONIC of the stop */
	uint64_t fork_id; /* CHILD, FORK, RELEASE, PAYLOAD at a fork: the same number for all of one */
	enum scion_fork_kind kind; /* CHILD, FORK */
	bool vfork;       /* CHILD, FORK: the parent waits until the child execs or exits */
	bool thread;      /* CHILD, FORK: a thread of the same process was made */
	pid_t peer;       /* CHILD: the creator's tid (0 if unknown); FORK: the new task's tid */
	int64_t value;    /* FORK: what the call returns, in the caller's own PID namespace */
	pid_t expected;   /* FORK: what it must return: the child's PID in the caller's namespace */
	pid_t former;     /* EXEC: thread id of the thread that called execve */
	int signo;        /* SIGNAL, STOPPED; PAYLOAD: the signal that ended it */
	int status;       /* EXIT: wait status */
	uint64_t held_ns; /* RELEASE: how long the task stood still for this fork */
	enum scion_payload_side side;           /* RELEASE, PAYLOAD */
	enum scion_payload_event at;            /* PAYLOAD: where it ran */
	const struct scion_payload *payload;    /* PAYLOAD */
	int error;                              /* PAYLOAD: 0, or enum scion_error */
	int64_t payload_status;                 /* PAYLOAD: what scion_payload returned */
	uint64_t result[SCION_PAYLOAD_RESULTS]; /* PAYLOAD */
	uint64_t address;                       /* PAYLOAD: rip where it faulted or was stopped */
	const char *message;                    /* PAYLOAD: why it failed; NULL if it did not */
};

/** What a callback answers. */
enum scion_verdict {
	SCION_CONTINUE = 0, /* the task goes on */
	SCION_HOLD = 1, /* the task stays stopped until scion_task_continue; not for EXIT, DETACH,
			       RELEASE and PAYLOAD */
};

/**
 * Called for each event, by the thread that runs or polls the session, while the task is stopped
 * (but for EXIT, DETACH, RELEASE and a PAYLOAD whose task went on). It may call every function that
 * is said to be allowed in a callback; it must not free the session.
 */
typedef enum scion_verdict (*scion_event_fn)(struct scion_session *session,
					     const struct scion_event *event, void *arg);

/** Levels of the log callback. */
enum scion_log_level {
	SCION_LOG_ERROR,  /* something was not done that was asked for */
	SCION_LOG_WARN,   /* a surprise that was survived */
	SCION_LOG_STOPS,  /* each stop and what was done */
	SCION_LOG_PTRACE, /* each request and wait, as `ptrace (PTRACE_CONT, 18304, SIG_0)` */
};

typedef void (*scion_log_fn)(enum scion_log_level level, const char *line, void *arg);

/** When the parent's registers are saved for a payload at a fork. */
enum scion_fork_stop {
	SCION_FORK_STOP_EXIT = 0, /* at the syscall-exit-stop: right */
	SCION_FORK_STOP_EVENT =
		1, /* at the event stop: the bug of 2013, kept for regression tests */
};

/** Where the tracer runs (docs/placement.md). */
enum scion_placement {
	/*
	 * The calling thread's affinity and scheduling class follow what the tracees do, and are
	 * handed back at the end. As OFF with shared_waits or scion_session_poll.
	 */
	SCION_PLACEMENT_AUTO = 0,
	SCION_PLACEMENT_OFF = 1, /* left to the scheduler */
	SCION_PLACEMENT_CPU = 2, /* the calling thread goes to placement_cpu at the first stop */
};

/** Options of a session. Zero all of it, set `size`, then what differs. */
struct scion_options {
	size_t size;             /* sizeof(struct scion_options): tells versions apart */
	scion_event_fn on_event; /* may be NULL */
	scion_log_fn on_log;     /* may be NULL */
	enum scion_log_level log_level;
	void *arg; /* given to both */
	enum scion_fork_stop fork_stop;
	enum scion_placement placement;
	int placement_cpu; /* with SCION_PLACEMENT_CPU; SCION_EINVAL if the thread may not go there */
	/*
	 * False: the thread has no other children, each wait takes whatever comes (fastest).
	 * True: other children of the thread are left alone, as an embedding program needs it.
	 */
	bool shared_waits;
	bool kill_on_exit;         /* PTRACE_O_EXITKILL: tracees die with the tracer */
	unsigned payload_limit_ms; /* 0: 1000 ms */
};

/**
 * Makes a session.
 * @param options  NULL for the defaults; copied
 * @param out      the session, owned by the caller, ended by scion_session_free
 * @return 0, SCION_EINVAL, SCION_ENOMEM
 */
SCION_API int scion_session_new(const struct scion_options *options, struct scion_session **out);

/**
 * Detaches from what is still attached, waits for the tasks to stop for it, and frees all.
 * Tasks inside a vfork that lasts are left to the kernel, which detaches them when the calling
 * thread ends.
 * @param session  NULL is allowed; not in a callback
 */
SCION_API void scion_session_free(struct scion_session *session);

/** Text of the last error of this session, "" if there was none; owned by the session. */
SCION_API const char *scion_errmsg(const struct scion_session *session);

/** "SCION_EPERM" and the like; never NULL. */
SCION_API const char *scion_error_name(int error);

/** Version of the library that is linked, "0.1.0". */
SCION_API const char *scion_version(void);

/** How a program is started. Zero all, set `size`. */
struct scion_launch {
	size_t size;
	char *const *argv; /* [0] is looked up in PATH if it holds no slash; ends with NULL */
	char *const *envp; /* NULL: the caller's */
	const char *cwd;   /* NULL: the caller's */
	bool own_pgrp;     /* in a process group of its own */
	bool use_stdio;    /* take stdio[], else the caller's */
	int stdio[3];
};

/**
 * Starts a program, traced from its execve on.
 * @param pid  its PID
 * @return 0; SCION_ENOMEM, SCION_EIO. That the file can't be executed is seen by
 *         scion_launch_error once its SCION_EVENT_EXIT came.
 */
SCION_API int scion_launch(struct scion_session *session, const struct scion_launch *what,
			   pid_t *pid);

/** 0, or the errno of execve if the launched program ended before it ran. */
SCION_API int scion_launch_error(struct scion_session *session, pid_t pid);

/** Flags of scion_attach. */
#define SCION_ATTACH_TREE 1u /* also all descendants */

/**
 * Seizes all threads of a process (PTRACE_SEIZE, Linux 3.4) and interrupts them; each reports
 * SCION_EVENT_ATTACH when it has stopped. If it fails nothing stays attached.
 * @return 0; SCION_ESRCH, SCION_EPERM, SCION_ETRACED, SCION_EARCH: the message says by what
 */
SCION_API int scion_attach(struct scion_session *session, pid_t pid, unsigned flags);

/**
 * Begins to detach from everything: each task is let go at its next stop that allows it, with the
 * signal that is due there. scion_session_run and _poll carry it out. Payloads in flight end first.
 * @return 0
 */
SCION_API int scion_detach(struct scion_session *session);

/** Number of tasks (threads) that are attached. */
SCION_API size_t scion_session_tasks(const struct scion_session *session);

/**
 * Runs the session until no task is left or scion_session_stop was called. Not in a callback.
 * @return 0: no task is left; SCION_EBUSY: stopped, tasks are left; SCION_EIO
 */
SCION_API int scion_session_run(struct scion_session *session);

/** Makes scion_session_run return soon. May be called from a signal handler of the same thread. */
SCION_API void scion_session_stop(struct scion_session *session);

/**
 * A file descriptor for somebody else's poll or epoll loop: readable when scion_session_poll has
 * something to do. Owned by the session. SIGCHLD is blocked in the calling thread from then on;
 * the program's other threads must block it too (signalfd(2)).
 * @return the descriptor, or SCION_EIO
 */
SCION_API int scion_session_fd(struct scion_session *session);

/** Handles what has happened, without waiting. Returns the number of stops handled, or an error. */
SCION_API int scion_session_poll(struct scion_session *session);

/** Lets a task go on that a callback held with SCION_HOLD. SCION_EINVAL if it is not held. */
SCION_API int scion_task_continue(struct scion_session *session, pid_t tid);

/**
 * General registers of a stopped task (in a callback, or held). 32-bit tasks' are widened. In a
 * SCION_EVENT_FORK `rax` is the PID that the call returns, never an intermediate value.
 * @return 0; SCION_EINVAL: not stopped; SCION_ESRCH
 */
SCION_API int scion_task_regs(struct scion_session *session, pid_t tid,
			      struct user_regs_struct *regs);

/** Sets them. The program goes on with exactly these. */
SCION_API int scion_task_set_regs(struct scion_session *session, pid_t tid,
				  const struct user_regs_struct *regs);

/** Reads memory of a task, running or not. SCION_EFAULT if any byte can't be read. */
SCION_API int scion_read(struct scion_session *session, pid_t tid, uint64_t address, void *buffer,
			 size_t length);

/** Writes memory of a stopped task, read-only private pages too (a copy is made of them). */
SCION_API int scion_write(struct scion_session *session, pid_t tid, uint64_t address,
			  const void *buffer, size_t length);

/**
 * Address of a function or object of the target: `NAME` or `OBJECT:NAME`, in all loaded objects,
 * the program first, then the libraries in load order.
 * @return 0; SCION_ENOENT, SCION_ESRCH, SCION_EIO
 */
SCION_API int scion_symbol(struct scion_session *session, pid_t pid, const char *name,
			   uint64_t *address);

/**
 * A payload: one of the built-in ones by name, or a relocatable object by path (it holds a slash or
 * ends in ".o").
 * @param out  owned by the caller; must outlive the sessions that use it
 * @return 0; SCION_ENOENT, SCION_EPAYLOAD (the session's message says why)
 */
SCION_API int scion_payload_open(struct scion_session *session, const char *name,
				 struct scion_payload **out);

/** Frees it. No session may still use it. NULL is allowed. */
SCION_API void scion_payload_free(struct scion_payload *payload);

/** Its name: the built-in one's, or the file's base name. */
SCION_API const char *scion_payload_name(const struct scion_payload *payload);

/** Sets its argument words (at most SCION_PAYLOAD_ARGS). SCION_EINVAL if there are too many. */
SCION_API int scion_payload_set_args(struct scion_payload *payload, const uint64_t *args,
				     size_t count);

/**
 * Gives it bytes (at most 4096) that are put into the target with it; argument word `index` becomes
 * their address there.
 */
SCION_API int scion_payload_set_data(struct scion_payload *payload, unsigned index,
				     const void *data, size_t length);

/** Sides, as bits. */
#define SCION_PARENT 1u
#define SCION_CHILD  2u
#define SCION_BOTH   3u

/**
 * Runs a payload at every such event from now on. Several are run in the order of these calls.
 * @param at     SCION_AT_FORK, _EXEC, _EXIT, _THREAD, _ATTACH or _SIGNAL
 * @param sides  for FORK and THREAD: SCION_PARENT, SCION_CHILD or SCION_BOTH; else 0
 * @return 0; SCION_EINVAL, also for a ninth at one event; SCION_ENOMEM
 * SCION_AT_EXIT stops every system call of the target (PTRACE_SYSCALL), since user code can't run
 * any more at PTRACE_EVENT_EXIT.
 */
SCION_API int scion_at(struct scion_session *session, enum scion_payload_event at, unsigned sides,
		       const struct scion_payload *payload);

/**
 * Runs a payload in a thread now: it is interrupted if it runs; one that a callback holds runs it when
 * it is let go on. SCION_EVENT_PAYLOAD (SCION_AT_DEMAND)
 * tells its end; a call that was interrupted is restarted as if nothing had happened.
 * @return 0; SCION_ESRCH, SCION_ENOMEM, SCION_EBUSY: one is already waiting
 */
SCION_API int scion_inject(struct scion_session *session, pid_t tid,
			   const struct scion_payload *payload);

/** Sum of the `count` payload's counters over all offspring, those that are gone too. */
SCION_API uint64_t scion_block_count(const struct scion_session *session);

/** One record of the `ring` payload, `index` from the oldest that is left; SCION_ENOENT behind it. */
SCION_API int scion_block_ring(const struct scion_session *session, size_t index,
			       struct scion_ring_record *record);

#ifdef __cplusplus
}
#endif
#endif
