/* SPDX-License-Identifier: MIT */
/* follow.h - what run and attach share: their options, a session, its log and its report. */
#ifndef SCION_CLI_FOLLOW_H
#define SCION_CLI_FOLLOW_H

#include <argp.h>
#include <signal.h>
#include <stdio.h>

#include "cli/at.h"
#include "cli/report.h"
#include "scion/scion.h"

#define FOLLOW_AT_MAX 32

enum follow_log { FOLLOW_LOG_NONE, FOLLOW_LOG_STOPS, FOLLOW_LOG_PTRACE };

struct follow {
	/* options */
	struct at_spec at[FOLLOW_AT_MAX];
	struct scion_payload *payload[FOLLOW_AT_MAX];
	size_t at_count;
	const char *output, *trace_output;
	bool json, tree, quiet, event_stop, want_bug, kill_on_exit;
	enum follow_log log;
	unsigned limit_ms;
	enum scion_placement placement;
	int placement_cpu;

	/* at work */
	struct scion_session *session;
	struct report *report;
	FILE *out, *trace;
	volatile sig_atomic_t launched; /* run: its PID, 0 when it is gone */
	int launched_status;
	bool launched_execed;
};

/** The options, for the `children` of a verb's argp; its input is a struct follow. */
extern const struct argp follow_argp;

/**
 * Checks options, opens files and the session, with payloads, before anything is started.
 * @return 0 or an exit code; the message is printed
 */
int follow_open(struct follow *follow);

/** Gives payloads their arguments and places. pid: the target, 0 if there is none yet. */
int follow_arm(struct follow *follow, pid_t pid);

/** Detaches from what is left: a second request to stop ends that too. */
void follow_let_go(struct follow *follow);

/** Writes the report. Returns 0, or CLI_FAILED if it could not be written. */
int follow_report(struct follow *follow);

void follow_close(struct follow *follow);

#endif
