/* SPDX-License-Identifier: MIT */
/*
 * follow.h - the state machine of one task, as the kernel leads it. Pure: a state and a stop in,
 * the next state and what is to be done out.
 *
 *	                    ┌──────────── TRAP / GROUP ────────────┐
 *	launch ─► LAUNCHING │   attach ─► ATTACHING ─ any stop ─┐   │   (birth event) ─► UNBORN
 *	              │     │                                   ▼   ▼                      │ first stop
 *	              └─ EXEC ─► EXECING ── syscall exit ──► RUNNING ◄────────────────────┘
 *	                            ▲                        │ │ │ ▲ ◄─ pair ── EARLY ◄─ (first stop of
 *	                            └───────── EXEC ─────────┘ │ │ │                      a stranger)
 *	            FORK, CLONE ───────────► FORKING ──────────┘ │ │
 *	            VFORK ─────────────────► VFORKING ── VFORK_DONE ─► FORKING ── syscall exit ─┘
 *	            GROUP ─► LISTENING ── TRAP (SIGCONT) ─► RUNNING
 *
 * A fork is over at the syscall-exit-stop, and only there: between the event stop and it `rax` is
 * -ENOSYS, the call's number, or anything else (ptrace(2) does not say). No state is ever told from
 * `rax`, and no syscall-stop is counted.
 */
#ifndef SCION_CORE_FOLLOW_H
#define SCION_CORE_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/stop.h"

/** Where a task is. */
enum follow_state {
	/* Its creator's event named it; its first stop has not come. It is not running. */
	FOLLOW_UNBORN,
	/* Its first stop came before its creator's event. Held: not to be resumed before FOLLOW_PAIR. */
	FOLLOW_EARLY,
	/* Seized and interrupted; its first stop has not come. It may still be running. */
	FOLLOW_ATTACHING,
	/* Launched by us, before its execve. */
	FOLLOW_LAUNCHING,
	/* In user code or a call; any stop may come. Resumed with CONT (SYSCALL if calls are traced). */
	FOLLOW_RUNNING,
	/* Behind a fork or clone event: resumed with SYSCALL, and only its exit-stop may come. */
	FOLLOW_FORKING,
	/* Behind a vfork event: waits in the kernel until the child has let go of the memory. */
	FOLLOW_VFORKING,
	/* Behind an exec event: resumed with SYSCALL, the exit-stop is before the first instruction. */
	FOLLOW_EXECING,
	/* In a group-stop that it must stay in: resumed with LISTEN. */
	FOLLOW_LISTENING,
	/* Behind an exit event: never runs user code again. */
	FOLLOW_EXITING,
	/* Its exit status came, or it vanished in another thread's exec. */
	FOLLOW_GONE,
	FOLLOW_STATES
};

/** What follow is fed: a stop's kind, or one of these two, which are not stops. */
enum {
	/* The creation event named a task that is EARLY; or it is known that none will come. */
	FOLLOW_PAIR = STOP_KINDS,
	/* The task vanished without a status: another thread of its group has exec'ed. */
	FOLLOW_VANISH,
	FOLLOW_INPUTS
};

/** What is to be done, in this order. Resuming is last and exactly one of the four. */
enum follow_action {
	FOLLOW_DO_ATTACHED = 1 << 0, /* the first stop after attaching: report, payloads */
	FOLLOW_DO_BIRTH = 1 << 1,    /* GETEVENTMSG names the new task: make or pair it */
	FOLLOW_DO_BORN = 1 << 2,     /* the new task is stopped and known: report, payloads */
	FOLLOW_DO_FORKED = 1 << 3,   /* the fork returned, rax is its value: report, payloads */
	FOLLOW_DO_IMAGE = 1 << 4,    /* new memory image: the other threads are gone */
	FOLLOW_DO_EXECED = 1 << 5,   /* before the first instruction: report, payloads */
	FOLLOW_DO_ENTRY = 1 << 6,    /* a call is about to run */
	FOLLOW_DO_LEAVE = 1 << 7,    /* a call has returned */
	FOLLOW_DO_SIGNAL = 1 << 8,   /* a signal is about to be delivered */
	FOLLOW_DO_GROUP = 1 << 9,    /* the process was stopped */
	FOLLOW_DO_WOKEN = 1 << 10,   /* ... and continued */
	FOLLOW_DO_TRAP = 1 << 11,    /* interrupted by us, or nothing at all */
	FOLLOW_DO_REAP = 1 << 12,    /* report the end, forget the task */
	FOLLOW_DO_ODD = 1 << 13,     /* not a legal transition: say so in the log, then go on */

	FOLLOW_GO_CONT = 1 << 16,    /* resume as the task is traced: CONT, or SYSCALL */
	FOLLOW_GO_SYSCALL = 1 << 17, /* resume with SYSCALL whatever is traced */
	FOLLOW_GO_LISTEN = 1 << 18,  /* stay in group-stop */
	FOLLOW_GO_HOLD = 1 << 19,    /* stay in the ptrace-stop */
	FOLLOW_GO_NOT = 1 << 20,     /* there is nothing to resume */
};

#define FOLLOW_GO_MASK \
	(FOLLOW_GO_CONT | FOLLOW_GO_SYSCALL | FOLLOW_GO_LISTEN | FOLLOW_GO_HOLD | FOLLOW_GO_NOT)

struct follow_step {
	enum follow_state next;
	uint32_t actions;
};

/**
 * One step of a task that is in the table.
 * @param state  where the task is
 * @param input  enum stop_kind, FOLLOW_PAIR or FOLLOW_VANISH
 * Never fails: an input that the table does not allow comes back with FOLLOW_DO_ODD and the way of
 * leaving that stop that loses nothing.
 */
struct follow_step follow_next(enum follow_state state, int input);

/** The first stop of a task that is in no table: FOLLOW_EARLY, or FOLLOW_GONE for an end. */
struct follow_step follow_stranger(int input);

/** True if the table has this transition. */
bool follow_legal(enum follow_state state, int input);

/** True if a task in this state can be in a ptrace-stop that PTRACE_DETACH may leave for good. */
static inline bool follow_detachable(enum follow_state state)
{
	return state == FOLLOW_RUNNING || state == FOLLOW_LISTENING;
}

/** "FOLLOW_FORKING" → "forking". */
const char *follow_name(enum follow_state state);

#endif
