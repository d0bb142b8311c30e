/* SPDX-License-Identifier: MIT */
/*
 * run.h - a payload in flight: the inside of inject/.
 *
 *	point ─► WAITING ─► LOADING ─► BODY ──────────────────────────► (free)
 *	            (a slot,   (the first   │ done: nothing to do, the stub put all back
 *	             a loader)  in a space) ├─ notified, and something is left for the tracer to put
 *	                                    │  back ─► RETURNING ─ event stop ─► (free)
 *	                                    ├─ fault ─► registers put back ─► (free)
 *	                                    └─ time limit ─► ABORTING ─ event stop ─► (free)
 *
 * The usual payload costs no stop of its own: its registers are set where the task stands anyway,
 * and the stub (payloads/stub) puts mask and registers back by itself. If the tracer dies the stub
 * does it all the same. A `notify` stop, made by the stub's getpid, is asked for where the mutator
 * waits for the result, or where the tracer must put back what the stub can't: an interrupted call
 * that has to restart, seccomp, Syscall User Dispatch.
 */
#ifndef SCION_INJECT_RUN_H
#define SCION_INJECT_RUN_H

#include "core/session.h"
#include "inject/payload.h"
#include "inject/regs.h"
#include "inject/space.h"

#define RUN_ITEMS 8

enum run_phase {
	RUN_WAITING,   /* stopped; for a free slot, or until another task has loaded the space */
	RUN_LOADING,   /* makes the calls that load the region */
	RUN_UNLOADING, /* makes the call that removes it */
	RUN_BODY,      /* in the stub or a payload */
	RUN_TAIL,      /* was notified of the end; the stub is putting things back */
	RUN_RETURNING, /* interrupted, so that registers can be put back at an event stop */
	RUN_ABORTING,  /* interrupted, since the time limit was exceeded */
};

struct run_item {
	const struct scion_payload *payload;
	enum scion_payload_event at;
	int slot, report;
	uint64_t token;
};

struct run {
	enum run_phase phase;
	struct run_item items[RUN_ITEMS]; /* in the order in which they run */
	unsigned count, done;
	struct task_go go; /* how the stop is left, once the region is loaded */
	struct kernel_regs home;
	uint64_t mask;
	struct kernel_sud sud;
	uint64_t fork_id;
	pid_t peer;
	int64_t fork_ret;
	int signo;
	int requeued; /* the signal at whose delivery the task stands: blocked, to come again */
	enum scion_payload_side side;
	bool masked;    /* the task's signal mask is ours; `mask` has the program's */
	bool restarts;  /* the interrupted call must restart: `home` goes back at an event stop */
	bool suspended; /* PTRACE_O_SUSPEND_SECCOMP is set */
	bool in_stop;   /* began in a group-stop, which an event stop leads back to */
	bool notify;
	bool waits;   /* counted in inject.waiting */
	bool asked;   /* interrupted since its last stop, to see whether its slots are free */
	bool entered; /* LOADING, UNLOADING: past the entry of the current call */
	int fd;       /* LOADING: the memfd in the target */
	uint64_t deadline;
	void *xstate; /* as it was, if a payload runs code of the target */
	size_t xstate_len;
};

struct inject_rule {
	enum scion_payload_event at;
	unsigned sides;
	const struct scion_payload *payload;
};

struct inject {
	struct inject_rule *rules;
	unsigned rule_count, rule_room;
	bool block_used;  /* a rule's payload may use the block that all offspring share */
	unsigned at_mask; /* bit for each scion_payload_event that has a rule */
	unsigned waiting; /* tasks held until a slot is free or a space is loaded */
	unsigned undone;  /* runs with items that are not done: the alarm is on */
	uint64_t token;
	size_t xsave; /* bytes that xsave needs here */
	struct board *boards;
	uint64_t retired_count;
	struct scion_ring_record *retired; /* the newest records of boards that are gone */
	size_t retired_len, retired_next;
};

/** Sets the hooks of a session, once. */
int inject_install(struct scion_session *s);

/* run.c */

/** Starts what was collected for a stopped task: HOOK_PASS to leave the stop as planned. */
enum session_hook_result run_begin(struct scion_session *s, struct task *task, struct run *run);

/** Loads the region, by a run without items, for children to come: HOOK_PASS if it can't. */
enum session_hook_result run_preload(struct scion_session *s, struct task *task, struct run *run);

/** Goes on with a run whose region is loaded. */
enum session_hook_result run_place(struct scion_session *s, struct task *task);

/** Ends a run: slots and reports are free again. Does not touch the task. */
void run_free(struct scion_session *s, struct task *task);

/** Reports each item that is done; true if all are. */
bool run_harvest(struct scion_session *s, struct task *task);

/** Reports what is not done as failed. */
void run_fail_items(struct scion_session *s, struct task *task, int error, int sig,
		    uint64_t address, const char *message);

/** Fails the run at this stop and puts the program back; as run_begin. */
enum session_hook_result run_fail(struct scion_session *s, struct task *task, int error,
				  const char *message);

/**
 * Gives the kernel's mask and modes back; registers are the caller's, and are set after this: if the
 * tracer dies in between, the stub goes on and ends as it should. The other way round the program
 * would be left with every signal blocked.
 */
void run_restore_modes(struct scion_session *s, struct task *task);

/** Puts everything back at a stop of the signal kind. */
void run_restore(struct scion_session *s, struct task *task);

/** Interrupts the task, so that run_restore can be called at the event stop. */
void run_return(struct scion_session *s, struct task *task, enum kernel_resume how);

/**
 * Where the program goes on if the tracer is not there to say so. A call that has to restart is then
 * made anew; with the tracer the kernel restarts it, from `home`, at an event stop.
 */
struct kernel_regs run_stub_home(const struct run *run);

/**
 * Before rip is moved: inside an rseq section the stop counts as a preemption, and `home` becomes its
 * abort address. (The kernel would look at the rip that we set, and see no section.)
 */
void run_leave_rseq(struct scion_session *s, struct task *task);

/** Set seccomp and Syscall User Dispatch aside until run_restore; false if they can't be. */
bool run_seccomp_off(struct scion_session *s, struct task *task);
bool run_dispatch_off(struct scion_session *s, struct task *task);

/** Runs that wait in this space are tried again. */
void run_wake(struct scion_session *s, const struct space *space);

/* run_stop.c: the hooks */

enum session_hook_result run_on_stop(struct scion_session *s, struct task *task, struct stop *stop);
void run_on_tick(struct scion_session *s, uint64_t now);

/* load.c */

/** Loads the region with this task's calls. */
enum session_hook_result load_begin(struct scion_session *s, struct task *task);

/** Removes it. */
enum session_hook_result unload_begin(struct scion_session *s, struct task *task);

/** A syscall-stop of a task that is LOADING or UNLOADING. */
enum session_hook_result load_on_syscall(struct scion_session *s, struct task *task,
					 const struct stop *stop);

/** Puts a payload's code into a loaded space: its entry, or a negative SCION_E*. */
int load_code(struct scion_session *s, struct task *task, const struct scion_payload *payload,
	      uint64_t *entry);

/* inject.c */

/** The space that the task's memory already has, or a new empty one; a reference for the task. */
struct space *inject_find_space(struct scion_session *s, const struct task *task);

/** A board whose last space is gone: keeps its counts, unmaps it. `arg` is the session. */
void inject_retire(void *arg, struct board *board);

#endif
