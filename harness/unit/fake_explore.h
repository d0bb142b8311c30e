/* SPDX-License-Identifier: MIT */
/*
 * fake_explore.h - plays a handful of stops in every order that a kernel could report them in.
 *
 * A scenario lists what each task does. Steps of one task come in their order; a new task's first
 * stop comes before or after its creator's event; nothing else is fixed but by `after`. On top of
 * that a process can be killed at any request, the session can be told to detach between any two
 * stops, and each event can be answered with SCION_HOLD.
 */
#ifndef FAKE_EXPLORE_H
#define FAKE_EXPLORE_H

#include "fake_kernel.h"

#define EXPLORE_STEPS 24

struct explore_step {
	pid_t tid;
	int status;
	pid_t peer;    /* births: the new task; EXEC: the thread that called it (0: the same) */
	long long rax; /* syscall-exit-stops: the result */
	int after;     /* only when this step (from 1) was played and its stop left */
	pid_t tgid;    /* a new task's first step, and births: the thread group; 0: its own */
	uint64_t clone_flags; /* a first stop that no event tells of */
};

struct explore_scenario {
	const char *name;
	pid_t threads[3]; /* attach: tasks that run at the start, the leader first; else launched */
	struct explore_step steps[EXPLORE_STEPS];
};

struct explore_options {
	unsigned kill_at; /* as in struct fake */
	pid_t victim;
	bool orphans;       /* a creator that is killed inside of its call has made its child */
	unsigned detach_at; /* before this choice, from 1; 0: never */
	bool hold;          /* each event that allows it holds its task */
};

/** All orders of a scenario; returns how many. Fails the test with the order that went wrong. */
unsigned explore(const struct explore_scenario *scenario, const struct explore_options *options);

/** All orders, with a kill of the asked one or of `victim` at each request in turn. */
unsigned explore_kills(const struct explore_scenario *scenario, struct explore_options options);

/** All orders, with a detach before each choice in turn. */
unsigned explore_detach(const struct explore_scenario *scenario, struct explore_options options);

#endif
