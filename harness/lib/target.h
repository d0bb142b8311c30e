/* SPDX-License-Identifier: MIT */
/*
 * target.h - a program that runs by itself first and is attached to where it is of interest; and
 * payloads that a test brings as C source. Every function fails the test if something does.
 */
#ifndef SCION_HARNESS_TARGET_H
#define SCION_HARNESS_TARGET_H

#include "lib/follow.h"
#include "lib/test.h"

struct target {
	struct follow f;         /* the session, once attached */
	struct test_child child; /* -1, -1 for pipes of a target that was forked */
	pid_t pid;               /* the process to attach to */
	bool ended;
	enum scion_event_type until; /* target_run_until: stop at `left` more of these */
	size_t left;
};

/** Memory that is shared with the target_fork()s to come, zeroed, at the same address there. */
void *target_shared(size_t size);

/** Starts argv, a program that prints "ready PID" (argv[0] is the name of a mutatee). */
void target_start(struct target *t, const char *const argv[]);

/** Reads the next "ready PID". */
void target_ready(struct target *t);

/** Sends a line: a mutatee that holds goes on. */
void target_release(struct target *t);

/** Runs `body` in a child process; what it returns is the exit code. */
void target_fork(struct target *t, int (*body)(void *arg), void *arg);

/**
 * Waits until a thread is blocked in a system call, or in restart_syscall, which goes on with one (by
 * /proc; not while it is ptrace-stopped).
 */
void target_blocked(pid_t tid, long nr);

/** Waits until a signal that was sent to a process is no longer pending. */
void target_taken(pid_t pid, int sig);

/** Waits for another process to change a word from `old`; returns what it is then. */
uint32_t target_await(const uint32_t *word, uint32_t old);

/** Opens a session and attaches to all threads of t->pid; all have stopped once and go on. */
void target_attach(struct target *t, const struct scion_options *options);

/** Opens a session without attaching, so that rules can be set. */
void target_open(struct target *t, const struct scion_options *options);

/** A payload for the session: the name of a built-in one, or C source (it holds a newline). */
struct scion_payload *target_payload(struct target *t, const char *name_or_source);

/** target_payload, and scion_at. */
struct scion_payload *target_at(struct target *t, enum scion_payload_event at, unsigned sides,
				const char *name_or_source);

/** Sets up to eight words. */
#define target_args(PAYLOAD, ...)                                                       \
	CHECK_EQ(scion_payload_set_args((PAYLOAD), (const uint64_t[]){ __VA_ARGS__ },   \
					sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8), \
		 SCION_OK)

/** Runs the session until there are `count` more events of a type. */
void target_run_until(struct target *t, enum scion_event_type type, size_t count);

/** Runs a payload in a thread to its end; the event is valid until the session ends. */
const struct scion_event *target_inject(struct target *t, pid_t tid,
					const struct scion_payload *payload);

/** Message of the newest SCION_EVENT_PAYLOAD. */
const char *target_message(const struct target *t);

/** Detaches from all and ends the session. */
void target_detach(struct target *t);

/** Waits for the end of a target that no session follows; true if it exited with 0. */
bool target_end(struct target *t);

#endif
