/* SPDX-License-Identifier: MIT */
#include "cli/follow.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/target.h"

/* --- options --- */

enum { KEY_TREE = 1000, KEY_TRACE, KEY_LOG, KEY_LIMIT, KEY_STOP, KEY_BUG, KEY_PLACEMENT, KEY_KILL };

static const struct argp_option accepted[] = {
	{ "at", 'a', "EVENT[:SIDE]=PAYLOAD[,ARG...]", 0,
	  "Run a payload at fork, exec, exit, thread, attach or signal; SIDE of a fork or thread is "
	  "parent, child or both (the default)",
	  0 },
	{ "output", 'o', "FILE", 0, "Write the report to FILE, not to standard error", 0 },
	{ "json", 'j', NULL, 0, "Report as JSON, one object per line", 0 },
	{ "tree", KEY_TREE, NULL, 0, "Also print the tree of processes", 0 },
	{ "trace-json", KEY_TRACE, "FILE", 0, "Write the timeline as Chrome trace events", 0 },
	{ "quiet", 'q', NULL, 0, "No report, unless something went wrong", 0 },
	{ "log", KEY_LOG, "stops|ptrace", 0, "Log each stop, or each request and wait", 0 },
	{ "limit", KEY_LIMIT, "MS", 0, "Time limit of a payload (1000)", 0 },
	{ "placement", KEY_PLACEMENT, "auto|off|cpu:N", 0,
	  "Go to the CPU of the tracee (auto), stay where it is (off), or go to CPU N", 0 },
	{ "kill-on-exit", KEY_KILL, NULL, 0,
	  "If scion dies, kill the program; else it lives on, untraced", 0 },
	{ "fork-stop", KEY_STOP, "exit|event", 0,
	  "Where the parent's registers are saved (exit); event corrupts the program", 0 },
	{ "i-want-the-bug", KEY_BUG, NULL, 0, "Allow --fork-stop=event", 0 },
	{ 0 },
};

static int choice(const char *option, const char *arg, const char *first, const char *second)
{
	if (!strcmp(arg, first))
		return 0;
	if (!strcmp(arg, second))
		return 1;
	exit(cli_complainf(CLI_USAGE, "--%s: unknown value \"%s\"; use %s or %s", option, arg,
			   first, second));
}

static void add_at(struct follow *follow, const char *arg)
{
	char error[512];

	if (follow->at_count == FOLLOW_AT_MAX)
		exit(cli_complainf(CLI_USAGE, "--at: more than %d payloads; leave some out",
				   FOLLOW_AT_MAX));
	if (at_parse(arg, &follow->at[follow->at_count++], error, sizeof(error)))
		exit(cli_complainf(CLI_USAGE, "%s", error));
}

static unsigned parse_limit(const char *arg)
{
	char *end;
	unsigned long ms = strtoul(arg, &end, 10);

	if (*end || end == arg || *arg == '-' || !ms || ms > INT_MAX)
		exit(cli_complainf(CLI_USAGE,
				   "--limit: \"%s\" is no time; write milliseconds, from 1", arg));
	return (unsigned)ms;
}

static void parse_placement(struct follow *follow, const char *arg)
{
	unsigned long cpu;
	char *end;

	if (strncmp(arg, "cpu:", 4) != 0) {
		follow->placement = choice("placement", arg, "auto", "off") ? SCION_PLACEMENT_OFF :
									      SCION_PLACEMENT_AUTO;
		return;
	}
	cpu = strtoul(arg + 4, &end, 10);
	if (*end || end == arg + 4 || arg[4] == '-' || cpu >= CPU_SETSIZE)
		exit(cli_complainf(CLI_USAGE, "--placement: \"%s\" names no CPU; write cpu:N",
				   arg));
	follow->placement = SCION_PLACEMENT_CPU;
	follow->placement_cpu = (int)cpu;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct follow *follow = state->input;

	switch (key) {
	case 'a':
		add_at(follow, arg);
		return 0;
	case 'o':
		follow->output = arg;
		return 0;
	case 'j':
		follow->json = true;
		return 0;
	case 'q':
		follow->quiet = true;
		return 0;
	case KEY_TREE:
		follow->tree = true;
		return 0;
	case KEY_TRACE:
		follow->trace_output = arg;
		return 0;
	case KEY_LOG:
		follow->log = choice("log", arg, "stops", "ptrace") ? FOLLOW_LOG_PTRACE :
								      FOLLOW_LOG_STOPS;
		return 0;
	case KEY_LIMIT:
		follow->limit_ms = parse_limit(arg);
		return 0;
	case KEY_STOP:
		follow->event_stop = choice("fork-stop", arg, "exit", "event");
		return 0;
	case KEY_BUG:
		follow->want_bug = true;
		return 0;
	case KEY_KILL:
		follow->kill_on_exit = true;
		return 0;
	case KEY_PLACEMENT:
		parse_placement(follow, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp follow_argp = { .options = accepted, .parser = parse_option };

/* --- callbacks --- */

/* In the form of a two-process trace: who, then what it did. */
static void log_task(pid_t tid, const char *what, long long value)
{
	char name[REPORT_NAME];

	report_comm(tid, name);
	fprintf(stderr, "%13s[%d] <- %s = %lld\n", name, tid, what, value);
}

static void log_event(const struct scion_event *event)
{
	static const char *const calls[] = {
		[SCION_FORK_NONE] = "fork",     [SCION_FORK_FORK] = "fork",
		[SCION_FORK_VFORK] = "vfork",   [SCION_FORK_CLONE] = "clone",
		[SCION_FORK_CLONE3] = "clone3", [SCION_FORK_UNKNOWN] = "fork",
	};

	if (event->type == SCION_EVENT_FORK)
		log_task(event->tid, calls[event->kind], (long long)event->value);
	else if (event->type == SCION_EVENT_CHILD)
		log_task(event->tid, calls[event->kind], 0);
}

static enum scion_verdict on_event(struct scion_session *session, const struct scion_event *event,
				   void *arg)
{
	struct follow *follow = arg;

	(void)session;
	if (follow->log == FOLLOW_LOG_PTRACE)
		log_event(event);
	report_event(follow->report, event);
	if (!follow->launched || event->pid != (pid_t)follow->launched || event->tid != event->pid)
		return SCION_CONTINUE;
	if (event->type == SCION_EVENT_EXEC)
		follow->launched_execed = true;
	if (event->type == SCION_EVENT_EXIT) {
		follow->launched_status = event->status;
		follow->launched = 0;
	}
	return SCION_CONTINUE;
}

static void on_log(enum scion_log_level level, const char *line, void *arg)
{
	struct follow *follow = arg;

	if (follow->log == FOLLOW_LOG_PTRACE && level == SCION_LOG_STOPS)
		return;
	fprintf(stderr, "%13s[%d] %s\n", "scion", getpid(), line);
}

/* --- open and close --- */

static FILE *open_output(const char *path, int *code)
{
	FILE *file = fopen(path, "we");

	if (!file)
		*code = cli_complain(CLI_FAILED, path, strerror(errno),
				     "name a file that can be written");
	return file;
}

static int open_files(struct follow *follow)
{
	int code = CLI_OK;

	follow->out = follow->output ? open_output(follow->output, &code) : stderr;
	if (!code && follow->trace_output)
		follow->trace = open_output(follow->trace_output, &code);
	return code;
}

static int open_report(struct follow *follow)
{
	struct report_options options = {
		.json = follow->json,
		.tree = follow->tree && !follow->json,
		.table = !follow->json,
		.out = follow->out,
		.trace = follow->trace,
	};

	for (size_t i = 0; i < follow->at_count; i++) {
		const struct at_spec *spec = &follow->at[i];
		bool thread = spec->at == SCION_AT_THREAD;

		options.payloads_at_fork = options.payloads_at_fork || spec->sides;
		if (spec->sides & SCION_PARENT)
			options.expected[thread][0]++;
		if (spec->sides & SCION_CHILD)
			options.expected[thread][1]++;
	}
	follow->report = report_new(&options);
	return follow->report ?
		       CLI_OK :
		       cli_complain(CLI_FAILED, "report", "out of memory", "free some memory");
}

static int open_session(struct follow *follow)
{
	struct scion_options options = {
		.size = sizeof(options),
		.on_event = on_event,
		.arg = follow,
		.fork_stop = follow->event_stop ? SCION_FORK_STOP_EVENT : SCION_FORK_STOP_EXIT,
		.placement = follow->placement,
		.kill_on_exit = follow->kill_on_exit,
		.placement_cpu = follow->placement_cpu,
		.payload_limit_ms = follow->limit_ms,
	};
	int error;

	if (follow->log) {
		options.on_log = on_log;
		options.log_level = follow->log == FOLLOW_LOG_PTRACE ? SCION_LOG_PTRACE :
								       SCION_LOG_STOPS;
	}
	error = scion_session_new(&options, &follow->session);
	if (error == SCION_EINVAL && follow->placement == SCION_PLACEMENT_CPU)
		return cli_complainf(CLI_USAGE,
				     "--placement: scion may not run on CPU %d; see taskset -cp $$",
				     follow->placement_cpu);
	return error ? cli_complain(CLI_FAILED, "no session", scion_error_name(error),
				    "`scion doctor` tells what is missing") :
		       CLI_OK;
}

int follow_open(struct follow *follow)
{
	int code;

	if (follow->event_stop && !follow->want_bug)
		return cli_complain(CLI_USAGE, "--fork-stop=event",
				    "makes fork return a wrong value in the program",
				    "add --i-want-the-bug if that is wanted");
	code = open_session(follow);
	for (size_t i = 0; i < follow->at_count && !code; i++)
		code = target_open(follow->session, follow->at[i].payload, &follow->payload[i]);
	if (!code)
		code = open_files(follow);
	return code ? code : open_report(follow);
}

int follow_arm(struct follow *follow, pid_t pid)
{
	for (size_t i = 0; i < follow->at_count; i++) {
		const struct at_spec *spec = &follow->at[i];
		int code = target_set_words(follow->session, pid, follow->payload[i], spec->words,
					    spec->word_count);

		if (code)
			return code;
		if (scion_at(follow->session, spec->at, spec->sides, follow->payload[i]))
			return cli_complain_session(CLI_FAILED, follow->session);
	}
	return CLI_OK;
}

void follow_let_go(struct follow *follow)
{
	scion_detach(follow->session);
	scion_session_run(follow->session);
}

/* What went wrong is said on stderr even if the report went elsewhere, or was not wanted. */
static void warn_elsewhere(const struct follow *follow)
{
	const struct report_counts *c = &follow->report->counts;

	if (report_good(follow->report) || (!follow->output && !follow->quiet && !follow->json))
		return;
	cli_complainf(0,
		      "%llu calls returned a wrong value, %llu payloads failed, %llu tasks have no "
		      "known end; %s",
		      (unsigned long long)c->wrong, (unsigned long long)c->payloads_failed,
		      (unsigned long long)c->lost,
		      follow->output ? "the report has the rest" : "run without -q to see which");
}

static int close_file(FILE **file, const char *path)
{
	bool written = *file && fflush(*file) == 0 && !ferror(*file);
	FILE *old = *file;

	*file = NULL;
	if (old && old != stderr && fclose(old))
		written = false;
	/* nobody can be told that stderr is closed: the program's exit code is worth more */
	if (written || !old || old == stderr)
		return CLI_OK;
	return cli_complain(CLI_FAILED, path, "the report could not be written", "free some space");
}

int follow_report(struct follow *follow)
{
	int code, trace_code;

	if (follow->quiet && !follow->output)
		follow->report->options.out = NULL;
	report_finish(follow->report, scion_session_tasks(follow->session));
	warn_elsewhere(follow);
	code = close_file(&follow->out, follow->output);
	trace_code = close_file(&follow->trace, follow->trace_output);
	return code ? code : trace_code;
}

void follow_close(struct follow *follow)
{
	scion_session_free(follow->session);
	report_free(follow->report);
	for (size_t i = 0; i < follow->at_count; i++) {
		scion_payload_free(follow->payload[i]);
		at_free(&follow->at[i]);
	}
	if (follow->out && follow->out != stderr)
		fclose(follow->out);
	if (follow->trace)
		fclose(follow->trace);
}
