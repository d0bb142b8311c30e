/* SPDX-License-Identifier: MIT */
/*
 * floor.h - the least that a tracer can do and still follow every fork rightly.
 *
 * SEIZE, a blocking wait4(-1, __WALL), PTRACE_SYSCALL from the event stop to the
 * syscall-exit-stop (where rax is the PID), general registers of parent and child
 * read there, PTRACE_CONT elsewhere. No tables, no checks, no output: what scion is
 * measured against (fork_floor.c), and what placement.c tries its policies on.
 */
#ifndef SCION_BENCH_FLOOR_H
#define SCION_BENCH_FLOOR_H

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLOOR_OPTIONS                                                                     \
	((unsigned long)(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
			 PTRACE_O_TRACESYSGOOD))

struct floor {
	unsigned long options;                  /* PTRACE_O_* */
	int request;                            /* PTRACE_CONT or PTRACE_SYSCALL */
	void (*on_wait)(pid_t pid, int status); /* NULL: nothing */
	void (*before_resume)(pid_t pid);       /* NULL: nothing */
	void (*after_resume)(pid_t pid);        /* NULL: nothing */
};

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static void floor_registers(pid_t pid)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) < 0 && errno != ESRCH)
		die("PTRACE_GETREGSET");
}

static void floor_resume(const struct floor *f, pid_t pid, int request, int sig)
{
	if (f->before_resume)
		f->before_resume(pid);
	if (ptrace((enum __ptrace_request)request, pid, NULL, (void *)(long)sig) < 0 &&
	    errno != ESRCH)
		die("resume");
	if (f->after_resume)
		f->after_resume(pid);
}

static void floor_stop(const struct floor *f, pid_t pid, int status)
{
	int sig = WSTOPSIG(status);

	switch (status >> 16) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		floor_resume(f, pid, PTRACE_SYSCALL, 0);
		return;
	case PTRACE_EVENT_STOP:
		if (sig != SIGTRAP) {
			floor_resume(f, pid, PTRACE_LISTEN, 0);
			return;
		}
		floor_registers(pid);
		floor_resume(f, pid, f->request, 0);
		return;
	case 0:
		if (sig == (SIGTRAP | 0x80)) {
			floor_registers(pid);
			sig = 0;
		}
		floor_resume(f, pid, f->request, sig);
		return;
	default: /* EXEC, EXIT, VFORK_DONE */
		floor_resume(f, pid, f->request, 0);
		return;
	}
}

/* The child is seized while it waits in read(2), so that no stop of its own start is counted. */
static pid_t floor_launch(const struct floor *f, char **argv)
{
	int go[2];
	pid_t pid;
	char c;

	if (pipe(go) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(go[1]);
		if (read(go[0], &c, 1) < 0)
			_exit(125);
		close(go[0]);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)f->options) < 0)
		die("PTRACE_SEIZE");
	close(go[0]);
	close(go[1]);
	return pid;
}

/* Until the last tracee is gone; the exit code of `leader`. */
static int floor_loop(const struct floor *f, pid_t leader)
{
	int status, code = 125;
	pid_t pid;

	while ((pid = wait4(-1, &status, __WALL, NULL)) > 0) {
		if (f->on_wait)
			f->on_wait(pid, status);
		if (WIFSTOPPED(status))
			floor_stop(f, pid, status);
		else if (pid == leader)
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return code;
}

#endif
