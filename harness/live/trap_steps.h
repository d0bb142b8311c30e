/* SPDX-License-Identifier: MIT */
/*
 * trap_steps.h - what the trap tests share: a session that is driven stop by stop, and programs that
 * are functions of the test itself.
 */
#ifndef SCION_HARNESS_TRAP_STEPS_H
#define SCION_HARNESS_TRAP_STEPS_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/session.h"
#include "lib/follow.h"

/* Attaches; the test fails if that does. */
static inline void steps_attach(struct follow *f, pid_t pid, unsigned flags)
{
	int error = scion_attach(f->session, pid, flags);

	f->pid = pid;
	CHECK_MSG(error == SCION_OK, "%s", scion_errmsg(f->session));
}

/* Forks a child that runs `body` once it is attached to, and exits with what that returns. */
static inline void steps_child(struct follow *f, int (*body)(void))
{
	int go[2];
	char byte;
	pid_t pid;

	CHECK_CALL(pipe2(go, O_CLOEXEC));
	pid = (pid_t)CHECK_CALL(fork());
	if (pid == 0) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) == 1 ? body() : 111);
	}
	close(go[0]);
	steps_attach(f, pid, 0);
	CHECK_EQ(write(go[1], "", 1), 1);
	close(go[1]);
}

/* The next wait status of anybody, without handling it; false if there is no one left. */
static inline bool steps_wait(struct follow *f, struct kernel_wait *wait)
{
	struct scion_session *s = f->session;
	int got;

	while (task_count(&s->tasks)) {
		got = kernel_wait(s->kernel, KERNEL_WAIT_BLOCK, wait);
		if (got == 1)
			return true;
		if (got == -ECHILD)
			return false;
		CHECK_EQ(got, -EINTR);
		if (s->early)
			birth_adopt(s, kernel_now(s->kernel));
		if (s->hooks)
			s->hooks->tick(s, kernel_now(s->kernel));
	}
	return false;
}

/* Handles one stop; false if no task is left. */
static inline bool steps_one(struct follow *f)
{
	struct kernel_wait wait;

	if (!steps_wait(f, &wait))
		return false;
	session_dispatch(f->session, wait.tid, wait.status);
	return true;
}

/* Waits, without a tracer's help, until the child ends; its wait status. */
static inline int steps_end(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, __WALL);
	while (got < 0 && errno == EINTR);
	CHECK_EQ(got, pid);
	return status;
}

/* A field of /proc/PID/status as a number, -1 if the process is gone. */
static inline long steps_proc(pid_t tid, const char *field)
{
	char path[64], line[256];
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0 && line[strlen(field)] == ':') {
			sscanf(line + strlen(field) + 1, "%ld", &value);
			break;
		}
	if (file)
		fclose(file);
	return value;
}

/* The state letter of /proc/TID/stat, 0 if it is gone. */
static inline char steps_state(pid_t tid)
{
	char path[64], text[512], state = 0;
	const char *end;
	size_t got;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	got = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[got] = '\0';
	end = strrchr(text, ')');
	if (end)
		sscanf(end + 1, " %c", &state);
	return state;
}

/* Waits until the task is in one of these states. The test's time limit is the only other end. */
static inline void steps_await_state(pid_t tid, const char *states)
{
	char state;

	while (!strchr(states, state = steps_state(tid)) || !state)
		sched_yield();
}

/* Runs a mutatee with `whoami` on both sides of every fork and thread; the number of its births. */
static inline size_t steps_mutatee(const char *name, const char *argument, bool payloads)
{
	struct follow f = { .skip_signals = true };
	size_t births;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_at(&f, SCION_AT_THREAD, SCION_BOTH, "whoami");
	follow_mutatee(&f, name, argument);
	births = follow_check(&f, payloads);
	follow_close(&f);
	return births;
}

#endif
