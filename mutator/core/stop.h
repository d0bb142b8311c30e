/* SPDX-License-Identifier: MIT */
/*
 * stop.h - what a wait status of a seized tracee means. Pure: no system call, no state.
 *
 *	wait status
 *	  ├─ WIFEXITED ........................................ STOP_EXITED
 *	  ├─ WIFSIGNALED ...................................... STOP_KILLED
 *	  └─ WIFSTOPPED, sig = WSTOPSIG, event = status >> 16
 *	       ├─ event 0, sig = SIGTRAP | 0x80 ............... STOP_SYSCALL  (TRACESYSGOOD)
 *	       ├─ event 0, any other sig ...................... STOP_SIGNAL
 *	       ├─ PTRACE_EVENT_STOP, SIGSTOP TSTP TTIN TTOU ... STOP_GROUP
 *	       ├─ PTRACE_EVENT_STOP, SIGTRAP .................. STOP_TRAP
 *	       └─ PTRACE_EVENT_x, SIGTRAP ..................... STOP_x
 *
 * Source: ptrace(2), "Stopped states"; the 0x80 bit needs PTRACE_O_TRACESYSGOOD, PTRACE_EVENT_STOP
 * needs PTRACE_SEIZE (Linux 3.4).
 */
#ifndef SCION_CORE_STOP_H
#define SCION_CORE_STOP_H

#include <stdbool.h>

/** Kinds of stop, each with how it is left. The order is that of follow's table. */
enum stop_kind {
	STOP_UNKNOWN,       /* nothing that ptrace(2) names; resume by CONT */
	STOP_EXITED,        /* the task ended by exit; nothing to resume */
	STOP_KILLED,        /* the task ended by a signal; nothing to resume */
	STOP_SIGNAL,        /* signal-delivery-stop: CONT with the signal, or 0 to suppress it */
	STOP_GROUP,         /* group-stop: LISTEN, so that it stays stopped until SIGCONT */
	STOP_TRAP,          /* INTERRUPT, first stop of a child, or SIGCONT woke a listener: CONT */
	STOP_SYSCALL,       /* syscall-stop of which entry or exit is not known yet */
	STOP_SYSCALL_ENTRY, /* before the call: orig_rax is its number */
	STOP_SYSCALL_EXIT,  /* after it: rax is its result */
	STOP_FORK,          /* inside fork or clone(SIGCHLD): rax is not the result; SYSCALL */
	STOP_VFORK,         /* inside vfork or clone(VFORK), the child has not run; SYSCALL */
	STOP_CLONE,         /* inside another clone (threads, other exit signals); SYSCALL */
	STOP_VFORK_DONE,    /* inside vfork, the child let go of the memory; SYSCALL */
	STOP_EXEC,          /* inside execve, the new image is in place; tid is the leader's */
	STOP_EXIT,          /* inside exit: memory is still there, user code never runs again */
	STOP_SECCOMP,       /* a filter said RET_TRACE */
	STOP_KINDS
};

struct stop {
	enum stop_kind kind;
	int sig;       /* SIGNAL, GROUP: the stopping signal; KILLED: the fatal one */
	int exit_code; /* EXITED */
	bool core;     /* KILLED: dumped core */
};

/** Classifies a wait status. */
struct stop stop_classify(int status);

/** Entry or exit, from what PTRACE_GET_SYSCALL_INFO says (kernel_syscall_op); others unchanged. */
struct stop stop_refine(struct stop stop, int op);

/** The wait status that stop_classify turns into this; for tests and for replayed logs. */
int stop_status(struct stop stop);

/** "STOP_FORK" → "fork"; for messages. */
const char *stop_name(enum stop_kind kind);

/** True for the three events that announce a new task. */
static inline bool stop_is_birth(enum stop_kind kind)
{
	return kind == STOP_FORK || kind == STOP_VFORK || kind == STOP_CLONE;
}

/** True if the task is gone. */
static inline bool stop_is_end(enum stop_kind kind)
{
	return kind == STOP_EXITED || kind == STOP_KILLED;
}

#endif
