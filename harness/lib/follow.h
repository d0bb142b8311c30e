/* SPDX-License-Identifier: MIT */
/*
 * follow.h - a session for live tests: starts or attaches to a program, runs it to its end and keeps
 * what happened. Every function fails the test if the session does.
 */
#ifndef SCION_HARNESS_FOLLOW_H
#define SCION_HARNESS_FOLLOW_H

#include "lib/test.h"
#include "scion/scion.h"

/** An event, copied; `text` holds its message. */
struct follow_event {
	struct scion_event event;
	char text[200];
};

struct follow {
	struct scion_session *session;
	pid_t pid;  /* the program that was launched or attached to */
	int status; /* its wait status, once it has ended */
	struct follow_event *events;
	size_t count, room;
	bool skip_signals; /* do not keep SIGNAL events: a storm has a million */
	/* called after each event was kept; may be NULL */
	enum scion_verdict (*on_event)(struct follow *f, const struct scion_event *event);
	void *arg;
	struct scion_payload *payloads[16];
	size_t payload_count;
};

/** A session; `options` may be NULL, its callbacks are replaced. Errors of the log go to stderr. */
void follow_open(struct follow *f, const struct scion_options *options);

/** A payload at an event, opened by name or path; freed by follow_close. */
struct scion_payload *follow_at(struct follow *f, enum scion_payload_event at, unsigned sides,
				const char *payload);

/** Launches argv[0], a path or a name in PATH. */
void follow_launch(struct follow *f, const char *const argv[]);

/** Runs until no task is left. */
void follow_run(struct follow *f);

/** Ends the session and frees the kept events. */
void follow_close(struct follow *f);

/** Launches a mutatee with at most one argument (NULL: none), runs it, checks that it exited 0. */
void follow_mutatee(struct follow *f, const char *name, const char *argument);

/** Number of kept events of a type. */
size_t follow_count(const struct follow *f, enum scion_event_type type);

/** The n-th event of a type, or NULL. */
const struct scion_event *follow_nth(const struct follow *f, enum scion_event_type type, size_t n);

/**
 * What every run must show: each FORK returned what it must, each new task was seen, no payload
 * failed (`payloads` may be false where failures are the subject). Returns the number of forks.
 */
size_t follow_check(const struct follow *f, bool payloads);

#endif
