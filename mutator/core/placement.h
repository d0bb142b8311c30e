/* SPDX-License-Identifier: MIT */
/*
 * placement.h - on which CPU the tracer runs.
 *
 * A stop costs two wake-ups: the tracee's stop wakes the tracer, the resume wakes the tracee. Each
 * is several times dearer where it crosses to an idle CPU, and left alone it nearly always does:
 * the scheduler puts whoever is woken on an idle CPU rather than behind the task that wakes it.
 * The tracer can do something about it only where the tracee can't be moved away from it:
 *
 *	ALONE	the tracer is not touched: many tracees, few stops, or nothing else is possible
 *	BESIDE	the tracees are allowed one CPU only, all the same one: the tracer goes there too
 *	BEHIND	one tracee that stops all the time: the tracer goes to its CPU as SCHED_IDLE.
 *		A CPU that runs nothing but SCHED_IDLE tasks counts as idle (sched_idle_cpu() in
 *		kernel/sched/fair.c, Linux 5.4), so the tracee is woken where it was. Given up at
 *		once when there is a second tracee, a long gap, or load (an idle-class task may
 *		starve); refused where the way back out of the class is not permitted.
 *
 * Nothing of a tracee is ever changed: its affinity reads as before at any time. Only the
 * tracer's own affinity and scheduling class are, and placement_release hands them back.
 * docs/placement.md has the measurements.
 */
#ifndef SCION_CORE_PLACEMENT_H
#define SCION_CORE_PLACEMENT_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/kernel.h"

enum placement_mode {
	PLACEMENT_OFF,  /* never touch anything */
	PLACEMENT_AUTO, /* as above */
	PLACEMENT_CPU,  /* BESIDE, on a CPU that the user names */
};

enum placement_place { PLACEMENT_ALONE, PLACEMENT_BESIDE, PLACEMENT_BEHIND };

/** What placement_note wants to know before placement_decide can be asked. */
enum placement_ask {
	PLACEMENT_ASK_NOTHING,  /* the usual answer: stay */
	PLACEMENT_ASK_AFFINITY, /* only_cpu */
	PLACEMENT_ASK_ALL,      /* everything in struct placement_sample */
	PLACEMENT_LEAVE,        /* no question: to ALONE, now */
};

/** What was found out at one stop. */
struct placement_sample {
	int only_cpu; /* the one CPU that the stopped task is allowed; -1: several, or not to be shared */
	int cpu;         /* the one it ran on, -1: unknown */
	int runnable;    /* tasks of the system that run or want to, tracer included; -1: unknown */
	unsigned cpus;   /* CPUs of the system */
	bool may_behind; /* SCHED_IDLE can be entered and left */
};

struct placement_order {
	enum placement_place place;
	int cpu; /* of BESIDE and BEHIND */
};

/** The decision: pure, no system call. All times are CLOCK_MONOTONIC, ns. */
struct placement_policy {
	struct placement_order now; /* the order in force */
	uint64_t last_stop;
	unsigned quick;       /* stops in a row with a short gap before each */
	unsigned since_ask;   /* stops since the last question */
	unsigned ask_after;   /* the next one is due after so many */
	int last_only_cpu;    /* of the last sample; -1 */
	uint64_t behind_from; /* stops seen since BEHIND was entered */
	uint64_t not_before;  /* BEHIND may be tried again */
	uint64_t back_off;    /* what not_before is moved by at the next failure */
};

void placement_policy_init(struct placement_policy *p);

/** At each stop. `tasks`: live tracees, threads too. Costs no system call. */
enum placement_ask placement_note(struct placement_policy *p, uint64_t now, unsigned tasks);

/** After ASK_*, with what was asked for; also takes effect in `p`. */
struct placement_order placement_decide(struct placement_policy *p, uint64_t now,
					enum placement_ask asked, const struct placement_sample *s);

/** One tracer's placement: the policy and what was changed. Belongs to a session. */
struct placement {
	struct kernel *kernel; /* borrowed */
	enum placement_mode mode;
	int wanted_cpu; /* PLACEMENT_CPU */
	struct placement_policy policy;
	struct placement_order in_force;
	cpu_set_t own; /* the tracer's affinity as it was */
	unsigned cpus;
	bool idle;      /* the tracer is SCHED_IDLE, by us */
	bool no_behind; /* tried and refused */
};

/**
 * Changes nothing yet: programs that are launched before the first stop inherit what the caller
 * has. `cpu` counts with PLACEMENT_CPU only. -EINVAL: the tracer may not run on that CPU.
 */
int placement_init(struct placement *p, struct kernel *k, enum placement_mode mode, int cpu);

/**
 * At each stop (not exit) of task `tid`, before it is handled; `now` is kernel_now. Never fails: at
 * worst all is left alone.
 */
void placement_on_stop(struct placement *p, pid_t tid, unsigned tasks, uint64_t now);

/**
 * Hands back the tracer's affinity and scheduling class: before a program is launched (it would
 * inherit them), when the last tracee is gone, and when the session is freed. May be called at any
 * time; the next stop begins anew.
 */
void placement_release(struct placement *p);

#endif
