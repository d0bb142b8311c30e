/* SPDX-License-Identifier: MIT */
#include "core/follow.h"

/*
 * The table of legal transitions. A row that is missing (actions 0) is not legal; follow_odd says
 * how it is survived, since a kernel or another tracer of the future may surprise us, and the
 * tracee must go on whatever we think of it.
 */
/* clang-format off */
#define END {FOLLOW_GONE, FOLLOW_DO_REAP | FOLLOW_GO_NOT}
#define TO(STATE, ACTIONS) {FOLLOW_##STATE, (ACTIONS)}

/* Stops that are the same for every task that can run user code. */
#define COMMON \
	[STOP_EXITED]     = END, \
	[STOP_KILLED]     = END, \
	[STOP_EXIT]       = TO(EXITING, FOLLOW_GO_CONT), \
	[STOP_EXEC]       = TO(EXECING, FOLLOW_DO_IMAGE | FOLLOW_GO_SYSCALL), \
	[FOLLOW_VANISH]   = END

#define FREE \
	COMMON, \
	[STOP_FORK]          = TO(FORKING, FOLLOW_DO_BIRTH | FOLLOW_GO_SYSCALL), \
	[STOP_CLONE]         = TO(FORKING, FOLLOW_DO_BIRTH | FOLLOW_GO_SYSCALL), \
	[STOP_VFORK]         = TO(VFORKING, FOLLOW_DO_BIRTH | FOLLOW_GO_SYSCALL), \
	[STOP_VFORK_DONE]    = TO(RUNNING, FOLLOW_GO_CONT), /* attached inside the vfork */ \
	[STOP_SECCOMP]       = TO(RUNNING, FOLLOW_DO_ENTRY | FOLLOW_GO_CONT)

static const struct follow_step table[FOLLOW_STATES][FOLLOW_INPUTS] = {
	[FOLLOW_UNBORN] = {
		[STOP_TRAP]     = TO(RUNNING, FOLLOW_DO_BORN | FOLLOW_GO_CONT),
		[STOP_GROUP]    = TO(LISTENING, FOLLOW_DO_BORN | FOLLOW_GO_LISTEN),
		[STOP_EXIT]     = TO(EXITING, FOLLOW_GO_CONT),
		[STOP_EXITED]   = END,
		[STOP_KILLED]   = END,
		[FOLLOW_VANISH] = END,
	},
	[FOLLOW_EARLY] = {
		[FOLLOW_PAIR]   = TO(RUNNING, FOLLOW_DO_BORN | FOLLOW_GO_CONT),
		[STOP_EXIT]     = TO(EXITING, FOLLOW_GO_CONT),
		[STOP_EXITED]   = END,
		[STOP_KILLED]   = END,
		[FOLLOW_VANISH] = END,
	},
	[FOLLOW_ATTACHING] = {
		FREE,
		[STOP_TRAP]     = TO(RUNNING, FOLLOW_DO_ATTACHED | FOLLOW_GO_CONT),
		[STOP_GROUP]    = TO(LISTENING, FOLLOW_DO_ATTACHED | FOLLOW_GO_LISTEN),
		[STOP_SIGNAL]   = TO(ATTACHING, FOLLOW_DO_SIGNAL | FOLLOW_GO_CONT),
		[STOP_SYSCALL_ENTRY] = TO(ATTACHING, FOLLOW_GO_CONT),
		[STOP_SYSCALL_EXIT]  = TO(ATTACHING, FOLLOW_GO_CONT),
	},
	[FOLLOW_LAUNCHING] = {
		COMMON,
		[STOP_TRAP]     = TO(LAUNCHING, FOLLOW_GO_CONT),
		[STOP_GROUP]    = TO(LAUNCHING, FOLLOW_GO_LISTEN),
		[STOP_SIGNAL]   = TO(LAUNCHING, FOLLOW_DO_SIGNAL | FOLLOW_GO_CONT),
	},
	[FOLLOW_RUNNING] = {
		FREE,
		[STOP_SIGNAL]   = TO(RUNNING, FOLLOW_DO_SIGNAL | FOLLOW_GO_CONT),
		[STOP_GROUP]    = TO(LISTENING, FOLLOW_DO_GROUP | FOLLOW_GO_LISTEN),
		[STOP_TRAP]     = TO(RUNNING, FOLLOW_DO_TRAP | FOLLOW_GO_CONT),
		[STOP_SYSCALL_ENTRY] = TO(RUNNING, FOLLOW_DO_ENTRY | FOLLOW_GO_CONT),
		[STOP_SYSCALL_EXIT]  = TO(RUNNING, FOLLOW_DO_LEAVE | FOLLOW_GO_CONT),
	},
	[FOLLOW_FORKING] = {
		COMMON,
		[STOP_SYSCALL_EXIT] = TO(RUNNING, FOLLOW_DO_FORKED | FOLLOW_GO_CONT),
	},
	[FOLLOW_VFORKING] = {
		COMMON,
		[STOP_VFORK_DONE]   = TO(FORKING, FOLLOW_GO_SYSCALL),
		[STOP_SYSCALL_EXIT] = TO(RUNNING, FOLLOW_DO_FORKED | FOLLOW_GO_CONT),
	},
	[FOLLOW_EXECING] = {
		COMMON,
		[STOP_SYSCALL_EXIT] = TO(RUNNING, FOLLOW_DO_EXECED | FOLLOW_GO_CONT),
	},
	[FOLLOW_LISTENING] = {
		COMMON,
		[STOP_TRAP]     = TO(RUNNING, FOLLOW_DO_WOKEN | FOLLOW_GO_CONT),
		[STOP_GROUP]    = TO(LISTENING, FOLLOW_GO_LISTEN),
		[STOP_SIGNAL]   = TO(RUNNING, FOLLOW_DO_SIGNAL | FOLLOW_GO_CONT),
	},
	[FOLLOW_EXITING] = {
		[STOP_EXITED]   = END,
		[STOP_KILLED]   = END,
		/* a leader that has exited, whose id another thread takes over by its exec */
		[STOP_EXEC]     = TO(EXECING, FOLLOW_DO_IMAGE | FOLLOW_GO_SYSCALL),
		[FOLLOW_VANISH] = END,
	},
};
/* clang-format on */

/* How each stop is left when the table has no row: the state stays, nothing is swallowed. */
static struct follow_step follow_odd(enum follow_state state, int input)
{
	struct follow_step step = { state, FOLLOW_DO_ODD };
	bool in_call = state == FOLLOW_FORKING || state == FOLLOW_VFORKING ||
		       state == FOLLOW_EXECING;

	if (state == FOLLOW_GONE || input == FOLLOW_PAIR)
		step.actions |= FOLLOW_GO_NOT;
	else if (input == STOP_GROUP)
		step.actions |= FOLLOW_GO_LISTEN;
	else if (state == FOLLOW_EARLY)
		step.actions |= FOLLOW_GO_HOLD;
	else if (in_call)
		step.actions |= FOLLOW_GO_SYSCALL;
	else
		step.actions |= FOLLOW_GO_CONT;
	if (input == STOP_SIGNAL)
		step.actions |= FOLLOW_DO_SIGNAL;
	return step;
}

bool follow_legal(enum follow_state state, int input)
{
	return state < FOLLOW_STATES && input >= 0 && input < FOLLOW_INPUTS &&
	       table[state][input].actions != 0;
}

struct follow_step follow_next(enum follow_state state, int input)
{
	return follow_legal(state, input) ? table[state][input] : follow_odd(state, input);
}

struct follow_step follow_stranger(int input)
{
	if (input == STOP_EXITED || input == STOP_KILLED)
		return (struct follow_step){ FOLLOW_GONE, FOLLOW_GO_NOT };
	if (input == STOP_EXIT)
		return (struct follow_step){ FOLLOW_EXITING, FOLLOW_GO_CONT };
	return (struct follow_step){ FOLLOW_EARLY, FOLLOW_GO_HOLD };
}

const char *follow_name(enum follow_state state)
{
	static const char *const names[FOLLOW_STATES] = {
		[FOLLOW_UNBORN] = "unborn",       [FOLLOW_EARLY] = "early",
		[FOLLOW_ATTACHING] = "attaching", [FOLLOW_LAUNCHING] = "launching",
		[FOLLOW_RUNNING] = "running",     [FOLLOW_FORKING] = "forking",
		[FOLLOW_VFORKING] = "vforking",   [FOLLOW_EXECING] = "execing",
		[FOLLOW_LISTENING] = "listening", [FOLLOW_EXITING] = "exiting",
		[FOLLOW_GONE] = "gone",
	};

	return state < FOLLOW_STATES ? names[state] : "?";
}
