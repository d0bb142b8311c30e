/* SPDX-License-Identifier: MIT */
#include "kernel/log_names.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

#define SYSGOOD 0x80

const char *log_signal_name(char name[LOG_NAME_SIZE], int sig)
{
	const char *abbreviation = sig ? sigabbrev_np(sig) : NULL;

	if (abbreviation)
		snprintf(name, LOG_NAME_SIZE, "SIG%s", abbreviation);
	else if (sig >= SIGRTMIN && sig <= SIGRTMAX)
		snprintf(name, LOG_NAME_SIZE, "SIGRTMIN+%d", sig - SIGRTMIN);
	else
		snprintf(name, LOG_NAME_SIZE, "SIG_%d", sig);
	return name;
}

static const char *event_name(char name[LOG_NAME_SIZE], int event)
{
	static const char *const names[] = {
		[PTRACE_EVENT_FORK] = "FORK",
		[PTRACE_EVENT_VFORK] = "VFORK",
		[PTRACE_EVENT_CLONE] = "CLONE",
		[PTRACE_EVENT_EXEC] = "EXEC",
		[PTRACE_EVENT_VFORK_DONE] = "VFORK_DONE",
		[PTRACE_EVENT_EXIT] = "EXIT",
		[PTRACE_EVENT_SECCOMP] = "SECCOMP",
		[PTRACE_EVENT_STOP] = "STOP",
	};

	if (event > 0 && event < (int)(sizeof(names) / sizeof(names[0])) && names[event])
		snprintf(name, LOG_NAME_SIZE, "PTRACE_EVENT_%s", names[event]);
	else
		snprintf(name, LOG_NAME_SIZE, "%d", event);
	return name;
}

const char *log_status_text(char text[LOG_STATUS_SIZE], int status)
{
	char name[LOG_NAME_SIZE], event_text[LOG_NAME_SIZE];
	int event = (int)((unsigned)status >> 16);

	if (WIFEXITED(status))
		snprintf(text, LOG_STATUS_SIZE, "WEXITSTATUS=%d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		snprintf(text, LOG_STATUS_SIZE, "WTERMSIG=%s%s",
			 log_signal_name(name, WTERMSIG(status)),
			 WCOREDUMP(status) ? " | WCOREDUMP" : "");
	else if (event)
		snprintf(text, LOG_STATUS_SIZE, "WSTOPSIG=%s | %s << 8",
			 log_signal_name(name, WSTOPSIG(status)), event_name(event_text, event));
	else if (WSTOPSIG(status) == (SIGTRAP | SYSGOOD))
		snprintf(text, LOG_STATUS_SIZE, "WSTOPSIG=TRACESYSGOOD");
	else
		snprintf(text, LOG_STATUS_SIZE, "WSTOPSIG=%s",
			 log_signal_name(name, WSTOPSIG(status)));
	return text;
}

const char *log_options_text(char text[LOG_OPTIONS_SIZE], unsigned long options)
{
	static const struct {
		unsigned long bit;
		const char *name;
	} names[] = {
		{ PTRACE_O_TRACESYSGOOD, "TRACESYSGOOD" },
		{ PTRACE_O_TRACEFORK, "TRACEFORK" },
		{ PTRACE_O_TRACEVFORK, "TRACEVFORK" },
		{ PTRACE_O_TRACECLONE, "TRACECLONE" },
		{ PTRACE_O_TRACEEXEC, "TRACEEXEC" },
		{ PTRACE_O_TRACEVFORKDONE, "TRACEVFORKDONE" },
		{ PTRACE_O_TRACEEXIT, "TRACEEXIT" },
		{ PTRACE_O_TRACESECCOMP, "TRACESECCOMP" },
		{ PTRACE_O_EXITKILL, "EXITKILL" },
		{ PTRACE_O_SUSPEND_SECCOMP, "SUSPEND_SECCOMP" },
	};
	const size_t size = LOG_OPTIONS_SIZE;
	size_t len = 0;

	snprintf(text, size, "0");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && len < size; i++) {
		if (!(options & names[i].bit))
			continue;
		len += (size_t)snprintf(text + len, size - len, "%sPTRACE_O_%s", len ? "|" : "",
					names[i].name);
		options &= ~names[i].bit;
	}
	if (options && len < size)
		snprintf(text + len, size - len, "%s%#lx", len ? "|" : "", options);
	return text;
}
