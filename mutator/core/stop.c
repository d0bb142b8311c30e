/* SPDX-License-Identifier: MIT */
#include "core/stop.h"

#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "kernel/kernel.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

#define SYSGOOD 0x80

static const struct {
	int event;
	enum stop_kind kind;
} events[] = {
	{ PTRACE_EVENT_FORK, STOP_FORK },       { PTRACE_EVENT_VFORK, STOP_VFORK },
	{ PTRACE_EVENT_CLONE, STOP_CLONE },     { PTRACE_EVENT_VFORK_DONE, STOP_VFORK_DONE },
	{ PTRACE_EVENT_EXEC, STOP_EXEC },       { PTRACE_EVENT_EXIT, STOP_EXIT },
	{ PTRACE_EVENT_SECCOMP, STOP_SECCOMP },
};

static bool stops_group(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static enum stop_kind classify_event(int event, int sig)
{
	if (event == PTRACE_EVENT_STOP)
		return stops_group(sig) ? STOP_GROUP : sig == SIGTRAP ? STOP_TRAP : STOP_UNKNOWN;
	if (sig != SIGTRAP)
		return STOP_UNKNOWN;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i].event == event)
			return events[i].kind;
	return STOP_UNKNOWN;
}

struct stop stop_classify(int status)
{
	struct stop stop = { .kind = STOP_UNKNOWN };

	if (WIFEXITED(status)) {
		stop.kind = STOP_EXITED;
		stop.exit_code = WEXITSTATUS(status);
	} else if (WIFSIGNALED(status)) {
		stop.kind = STOP_KILLED;
		stop.sig = WTERMSIG(status);
		stop.core = WCOREDUMP(status);
	} else if (WIFSTOPPED(status)) {
		int event = (int)((unsigned)status >> 16);

		stop.sig = WSTOPSIG(status);
		if (event)
			stop.kind = classify_event(event, stop.sig);
		else if (stop.sig == (SIGTRAP | SYSGOOD))
			stop.kind = STOP_SYSCALL;
		else
			stop.kind = STOP_SIGNAL;
		if (stop.kind != STOP_SIGNAL && stop.kind != STOP_GROUP)
			stop.sig = 0;
	}
	return stop;
}

struct stop stop_refine(struct stop stop, int op)
{
	if (stop.kind == STOP_SYSCALL && op == KERNEL_OP_ENTRY)
		stop.kind = STOP_SYSCALL_ENTRY;
	else if (stop.kind == STOP_SYSCALL && op == KERNEL_OP_EXIT)
		stop.kind = STOP_SYSCALL_EXIT;
	return stop;
}

static int stopped(int sig, int event)
{
	return (int)((unsigned)event << 16 | (unsigned)sig << 8 | 0x7f);
}

int stop_status(struct stop stop)
{
	switch (stop.kind) {
	case STOP_EXITED:
		return stop.exit_code << 8;
	case STOP_KILLED:
		return stop.sig | (stop.core ? 0x80 : 0);
	case STOP_SIGNAL:
		return stopped(stop.sig, 0);
	case STOP_GROUP:
		return stopped(stop.sig, PTRACE_EVENT_STOP);
	case STOP_TRAP:
		return stopped(SIGTRAP, PTRACE_EVENT_STOP);
	case STOP_SYSCALL:
	case STOP_SYSCALL_ENTRY:
	case STOP_SYSCALL_EXIT:
		return stopped(SIGTRAP | SYSGOOD, 0);
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i].kind == stop.kind)
			return stopped(SIGTRAP, events[i].event);
	return stopped(SIGTRAP, 0xff);
}

const char *stop_name(enum stop_kind kind)
{
	static const char *const names[STOP_KINDS] = {
		[STOP_UNKNOWN] = "unknown stop",
		[STOP_EXITED] = "exited",
		[STOP_KILLED] = "killed",
		[STOP_SIGNAL] = "signal-delivery-stop",
		[STOP_GROUP] = "group-stop",
		[STOP_TRAP] = "event stop",
		[STOP_SYSCALL] = "syscall-stop",
		[STOP_SYSCALL_ENTRY] = "syscall-enter-stop",
		[STOP_SYSCALL_EXIT] = "syscall-exit-stop",
		[STOP_FORK] = "fork event",
		[STOP_VFORK] = "vfork event",
		[STOP_CLONE] = "clone event",
		[STOP_VFORK_DONE] = "vfork-done event",
		[STOP_EXEC] = "exec event",
		[STOP_EXIT] = "exit event",
		[STOP_SECCOMP] = "seccomp stop",
	};

	return kind < STOP_KINDS ? names[kind] : "?";
}
