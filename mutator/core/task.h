/* SPDX-License-Identifier: MIT */
/*
 * task.h - the tasks (threads) that a session follows, keyed by thread id.
 *
 * A task is in the table from the first sign of it (its creator's event, its first stop, or our
 * seizing it) until its end was seen. Thread ids are the tracer's view.
 */
#ifndef SCION_CORE_TASK_H
#define SCION_CORE_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uthash.h>

#include "core/follow.h"
#include "kernel/kernel.h"
#include "scion/scion.h"

struct run;   /* a payload in flight: inject/run.h */
struct space; /* what was put into an address space: inject/space.h */

/** How a stop is left: kept while a task is held. */
struct task_go {
	uint32_t how; /* one of FOLLOW_GO_* */
	int sig;
};

/** Whether a task that is in a ptrace-stop is kept there, and by whom. */
enum task_hold {
	TASK_FREE,      /* it is running, or is being handled right now */
	TASK_HELD_USER, /* a callback said SCION_HOLD */
	TASK_HELD_RUN,  /* its payload waits for a slot, or for another task that is loading */
	TASK_PARKED,    /* it is ready to be detached and waits for the others */
};

/** A fork or thread creation that is under way, in the creator; and in the child until released. */
struct task_birth {
	uint64_t id;                  /* scion_event.fork_id; 0: none */
	pid_t peer;                   /* the other one's tid */
	enum scion_payload_side side; /* set when reported: SCION_EVENT_RELEASE is due on leaving */
	bool vfork, thread;
	uint64_t held_ns; /* at the event stop, before the exit-stop */
};

struct task {
	pid_t tid, tgid;
	enum follow_state state;
	bool stopped; /* in a ptrace-stop now */
	enum task_hold hold;
	struct task_go go;                 /* how to leave the stop, once the hold is over */
	enum scion_payload_event held_at;  /* HELD_USER: where its payloads are still to run */
	enum scion_payload_side held_side; /* ... and on which side of a fork */

	bool call_stops; /* resume with SYSCALL: its payload needs syscall-stops */
	bool fresh;      /* attached, and SCION_EVENT_ATTACH is still to come */
	bool attach_due; /* ... was told at a fork: its payloads run with the fork's */
	bool is32;       /* the last registers were those of a 32-bit task */
	pid_t former;    /* EXECING: the thread id before execve */
	bool unwanted;   /* attaching failed as a whole: let it go at its next stop */
	bool regs_set;   /* by the user, in the callback of the stop that is being handled */
	bool exit_ran;   /* the exit payload has run: let the call through */
	int signal_ran;  /* a signal's payload has run: let that signal through */
	int handler_of;  /* stepped into this signal's handler, where its payload runs */
	bool adopted;    /* was EARLY for too long: an event that names it may still come */
	int first_stop;  /* EARLY: wait status of the stop that it is held in */
	uint64_t since;  /* kernel_now of the last stop */
	struct task_birth birth;
	struct kernel_regs event_regs; /* fork_stop=event: saved too early, on purpose */

	struct run *run;
	struct space *space;
	const struct scion_payload *wanted; /* scion_inject: waits for the interrupt's stop */
	UT_hash_handle hh;
};

struct tasks {
	struct task *head;
	/* Ends of strangers: a child that was killed before its creator's event. A small ring. */
	struct {
		pid_t tid;
		int status;
	} lost[16];
	unsigned lost_next;
};

/** The task, or NULL. */
struct task *task_find(const struct tasks *tasks, pid_t tid);

/** Adds a task; one that is there by the same id (its end was not seen) must be removed before. */
struct task *task_add(struct tasks *tasks, pid_t tid, pid_t tgid, enum follow_state state);

/** Takes it out and frees it. Its run and space must be gone before. */
void task_remove(struct tasks *tasks, struct task *task);

/** execve by a thread that is not the leader: the task `from` goes on as `to`. */
void task_rename(struct tasks *tasks, struct task *task, pid_t to);

size_t task_count(const struct tasks *tasks);

/** Remembers the end of a task that is in no table. */
void task_lose(struct tasks *tasks, pid_t tid, int status);

/** True, once, with its status if such an end was remembered. */
bool task_was_lost(struct tasks *tasks, pid_t tid, int *status);

#define TASK_EACH(TASKS, TASK, NEXT) HASH_ITER(hh, (TASKS)->head, TASK, NEXT)

#endif
