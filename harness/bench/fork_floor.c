/* SPDX-License-Identifier: MIT */
/*
 * fork_floor: the least that a tracer can do and still follow every fork rightly.
 *
 * SEIZE, a blocking wait4(-1, __WALL), PTRACE_SYSCALL from the event stop to the
 * syscall-exit-stop (where rax is the PID), general registers of parent and child
 * read there, PTRACE_CONT elsewhere. No tables, no checks, no output: scion is
 * measured against this.
 *
 *   fork_floor [-x|-X] CMD [ARG...]
 *	-x  also stop at EXEC (what an engine needs that looks at each new image)
 *	-X  also stop at EXEC, EXIT and VFORK_DONE
 */
#define _GNU_SOURCE
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

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static void read_registers(pid_t pid)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) < 0 && errno != ESRCH)
		die("PTRACE_GETREGSET");
}

static void resume(pid_t pid, int request, int sig)
{
	if (ptrace((enum __ptrace_request)request, pid, NULL, (void *)(long)sig) < 0 &&
	    errno != ESRCH)
		die("resume");
}

static void on_stop(pid_t pid, int status)
{
	int sig = WSTOPSIG(status);

	switch (status >> 16) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		resume(pid, PTRACE_SYSCALL, 0);
		return;
	case PTRACE_EVENT_STOP:
		if (sig != SIGTRAP) {
			resume(pid, PTRACE_LISTEN, 0);
			return;
		}
		read_registers(pid);
		resume(pid, PTRACE_CONT, 0);
		return;
	case 0:
		if (sig == (SIGTRAP | 0x80)) {
			read_registers(pid);
			sig = 0;
		}
		resume(pid, PTRACE_CONT, sig);
		return;
	default: /* EXEC, EXIT, VFORK_DONE */
		resume(pid, PTRACE_CONT, 0);
		return;
	}
}

/* The child is seized while it waits in read(2), so that no stop of its own start is counted. */
static pid_t launch(char **argv, unsigned long options)
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
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) < 0)
		die("PTRACE_SEIZE");
	close(go[0]);
	close(go[1]);
	return pid;
}

int main(int argc, char **argv)
{
	unsigned long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
				PTRACE_O_TRACESYSGOOD;
	int status, code = 125, first = 1;
	pid_t leader, pid;

	if (argc > 1 && argv[1][0] == '-') {
		options |= PTRACE_O_TRACEEXEC;
		if (strcmp(argv[1], "-X") == 0)
			options |= PTRACE_O_TRACEEXIT | PTRACE_O_TRACEVFORKDONE;
		first = 2;
	}
	if (argc <= first) {
		fprintf(stderr, "usage: %s [-x|-X] CMD [ARG...]\n", argv[0]);
		return 2;
	}
	leader = launch(argv + first, options);
	while ((pid = wait4(-1, &status, __WALL, NULL)) > 0) {
		if (WIFSTOPPED(status))
			on_stop(pid, status);
		else if (pid == leader)
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return code;
}
