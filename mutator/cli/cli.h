/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the verbs share: messages and exit codes.
 *
 *	main.c      the table of verbs
 *	run.c       scion run
 *	attach.c    scion attach
 *	inject.c    scion inject
 *	payload.c   scion payload
 *	doctor*.c   scion doctor
 *	follow.*    options and session of run and attach
 *	at.*        EVENT[:SIDE]=PAYLOAD[,ARG...] (pure)
 *	word.*      arguments of payloads (pure)
 *	target.*    payloads and their arguments, with the target's symbols
 *	report*.*   table, tree, JSON, timeline
 */
#ifndef SCION_CLI_CLI_H
#define SCION_CLI_CLI_H

#include "scion/scion.h"

/** Exit codes; behind a launched program its own, 128 + N for signal N. */
enum cli_exit {
	CLI_OK = 0,
	CLI_USAGE = 2,
	CLI_FAILED = 125,
	CLI_NOT_EXECUTABLE = 126,
	CLI_NOT_FOUND = 127,
};

int cli_run(int argc, char **argv);
int cli_attach(int argc, char **argv);
int cli_inject(int argc, char **argv);
int cli_payload(int argc, char **argv);
int cli_doctor(int argc, char **argv);

/** Prints `scion: what: why; todo` and returns `code`. todo may be NULL. */
int cli_complain(int code, const char *what, const char *why, const char *todo);

/** The same, as for printf. */
int cli_complainf(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Prints the session's message, which holds what, why and what to do; returns `code`. */
int cli_complain_session(int code, const struct scion_session *session);

/** A positive decimal number; -1 if the text is none. */
pid_t cli_parse_pid(const char *text);

/** The shell's exit code of a wait status. */
int cli_exit_code(int status);

/** "SIGTERM"; a real-time signal as "SIGRTMIN+3". The text is in `buffer`. */
#define CLI_SIGNAL_NAME 24
const char *cli_signal_name(int sig, char buffer[CLI_SIGNAL_NAME]);

#endif
