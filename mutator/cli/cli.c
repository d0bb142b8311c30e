/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* One write per line: stderr is unbuffered, and the target may write there too. */
static void put_line(const char *text)
{
	char line[1024];
	int length = snprintf(line, sizeof(line), "scion: %s\n", text);

	if (length >= (int)sizeof(line))
		line[sizeof(line) - 2] = '\n';
	fputs(line, stderr);
}

int cli_complain(int code, const char *what, const char *why, const char *todo)
{
	return cli_complainf(code, "%s: %s%s%s", what, why, todo ? "; " : "", todo ? todo : "");
}

int cli_complainf(int code, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put_line(text);
	return code;
}

int cli_complain_session(int code, const struct scion_session *session)
{
	put_line(scion_errmsg(session));
	return code;
}

pid_t cli_parse_pid(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	return *text && !*end && number > 0 && number <= INT_MAX ? (pid_t)number : -1;
}

int cli_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

const char *cli_signal_name(int sig, char buffer[CLI_SIGNAL_NAME])
{
	const char *name = sigabbrev_np(sig);

	if (name)
		snprintf(buffer, CLI_SIGNAL_NAME, "SIG%s", name);
	else if (sig >= SIGRTMIN && sig <= SIGRTMAX)
		snprintf(buffer, CLI_SIGNAL_NAME, "SIGRTMIN+%d", sig - SIGRTMIN);
	else
		snprintf(buffer, CLI_SIGNAL_NAME, "signal %d", sig);
	return buffer;
}
