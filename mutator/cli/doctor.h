/* SPDX-License-Identifier: MIT */
/*
 * doctor.h - the parts of `scion doctor`.
 *
 *	doctor.c            the verb
 *	doctor_calls.c      the programs that are traced: each makes one call that makes a task
 *	doctor_probe.c      traces them, writes down what each stop shows
 *	doctor_features.c   tries requests out on a stopped child
 *	doctor_machine.c    looks at what surrounds scion
 *	doctor_judge.c      names what was seen (pure)
 *	doctor_abilities.c  what scion can and can't do here, and why (pure)
 *	doctor_print.c      tables and JSON
 */
#ifndef SCION_CLI_DOCTOR_H
#define SCION_CLI_DOCTOR_H

#include <stdio.h>
#include <sys/types.h>

#include "cli/doctor_judge.h"
#include "kernel/kernel.h"

/** One way to make a task. */
struct doctor_call {
	const char *name, *mode;
	bool libc;           /* see struct doctor_sample */
	pid_t (*make)(void); /* in the traced program: the new task's id, or a negative errno */
	bool thread;         /* not to be waited for: it has ended when `make` returns */
};

#define DOCTOR_CALLS 14
extern const struct doctor_call doctor_calls[DOCTOR_CALLS];

/** What the traced program says at its end. */
struct doctor_report {
	pid_t pid;      /* what the call returned to it, or a negative errno */
	bool confirmed; /* that is the number under which it found its child */
};

/** In a child process: makes the call, looks for the task it made, reports to `fd`, exits. */
_Noreturn void doctor_call_run(const struct doctor_call *call, int fd);

/** Forks until PIDs are past 600, so that none is taken for the number of a call. */
void doctor_burn_pids(void);

/** Measures one call. The sample says what went wrong. */
void doctor_probe(struct kernel *k, const struct doctor_call *call, struct doctor_sample *sample);

/** Tries the features out. */
void doctor_try_features(struct kernel *k, int feature[DOCTOR_FEATURES]);

void doctor_look_around(struct doctor_machine *machine);

/** Both return false if the output could not be written. */
bool doctor_print_text(const struct doctor_facts *facts, const struct doctor_ability *abilities,
		       size_t count, FILE *out);
bool doctor_print_json(const struct doctor_facts *facts, const struct doctor_ability *abilities,
		       size_t count, FILE *out);

#endif
