/* SPDX-License-Identifier: MIT */
/*
 * report_trace.c - the timeline in Chrome's trace event format: a JSON object whose traceEvents are
 * written as they come. Times are microseconds since the first event.
 *
 *	M  name of a process             X  "life" of a task; "held" at a fork, in parent and child
 *	s → f  from parent to child      i  exec, exit, signal
 */
#include <inttypes.h>
#include <stdarg.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "cli/report_process.h"

static double micros(const struct report *r, uint64_t ns)
{
	return ns > r->start_ns ? (double)(ns - r->start_ns) / 1e3 : 0;
}

static void put(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One event: the format holds the members of its object. */
static void put(struct report *r, const char *format, ...)
{
	FILE *out = r->options.trace;
	va_list args;

	fputs(r->trace_begun ? ",\n{" : "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{", out);
	r->trace_begun = true;
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fputc('}', out);
}

#define TASK    "\"pid\":%d,\"tid\":%d"
#define TASK_AT TASK ",\"ts\":%.3f"

/* Names are printable (report_comm); only quotes and backslashes are left to take care of. */
static const char *quoted(const char *name, char text[2 * REPORT_NAME])
{
	char *out = text;

	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			*out++ = '\\';
		*out++ = *name;
	}
	*out = '\0';
	return text;
}

static void put_name(struct report *r, pid_t pid)
{
	struct report_process *process = report_process_find(r, pid);
	char text[2 * REPORT_NAME];

	if (process)
		put(r, "\"ph\":\"M\",\"name\":\"process_name\"," TASK ",\"args\":{\"name\":\"%s\"}",
		    pid, pid, quoted(process->name, text));
}

static void put_instant(struct report *r, const struct scion_event *event, const char *what)
{
	put(r, "\"ph\":\"i\",\"s\":\"t\",\"name\":\"%s\"," TASK_AT, what, event->pid, event->tid,
	    micros(r, event->time_ns));
}

static void put_life(struct report *r, const struct scion_event *event)
{
	struct report_task *task = report_task_find(r, event->tid);
	double from, to = micros(r, event->time_ns);

	if (!task)
		return;
	from = micros(r, task->since_ns);
	put(r, "\"ph\":\"X\",\"cat\":\"life\",\"name\":\"%s\"," TASK_AT ",\"dur\":%.3f",
	    event->pid == event->tid ? "process" : "thread", event->pid, event->tid, from,
	    to > from ? to - from : 0);
}

static void put_end(struct report *r, const struct scion_event *event)
{
	char what[64], name[CLI_SIGNAL_NAME];

	if (event->type == SCION_EVENT_DETACH)
		snprintf(what, sizeof(what), "let go");
	else if (WIFSIGNALED(event->status))
		snprintf(what, sizeof(what), "ended by %s",
			 cli_signal_name(WTERMSIG(event->status), name));
	else
		snprintf(what, sizeof(what), "exit %d", WEXITSTATUS(event->status));
	put_life(r, event);
	put_instant(r, event, what);
}

void report_trace_event(struct report *r, const struct scion_event *event)
{
	char name[CLI_SIGNAL_NAME];

	switch (event->type) {
	case SCION_EVENT_ATTACH:
	case SCION_EVENT_CHILD:
		if (event->pid == event->tid)
			put_name(r, event->pid);
		break;
	case SCION_EVENT_EXEC:
		put_name(r, event->pid);
		put_instant(r, event, "exec");
		break;
	case SCION_EVENT_EXIT:
	case SCION_EVENT_DETACH:
		put_end(r, event);
		break;
	case SCION_EVENT_SIGNAL:
		put_instant(r, event, cli_signal_name(event->signo, name));
		break;
	default:
		break;
	}
}

/* The arrow begins and ends inside the two slices, as the format asks. */
static void put_held(struct report *r, const struct report_fork *fork,
		     const struct report_side *side, const char *arrow)
{
	double dur = (double)side->held_ns / 1e3;
	double from = micros(r, side->released_ns) - dur;
	char kind[32];

	if (from < 0)
		from = 0;
	put(r,
	    "\"ph\":\"X\",\"cat\":\"held\",\"name\":\"%s held\"," TASK_AT
	    ",\"dur\":%.3f,\"args\":{\"fork\":%" PRIu64 ",\"value\":%" PRId64
	    ",\"verdict\":\"%s\"}",
	    report_kind(fork, kind, sizeof(kind)), side->pid, side->tid, from, dur, fork->id,
	    fork->value, report_verdict_name(report_judge(fork)));
	put(r,
	    "\"ph\":\"%s\",\"bp\":\"e\",\"cat\":\"fork\",\"name\":\"fork\",\"id\":%" PRIu64
	    "," TASK_AT,
	    arrow, fork->id, side->pid, side->tid, from + dur / 2);
}

void report_trace_fork(struct report *r, const struct report_fork *fork)
{
	if (fork->parent.released)
		put_held(r, fork, &fork->parent, "s");
	if (fork->child.released)
		put_held(r, fork, &fork->child, "f");
}

void report_trace_end(struct report *r)
{
	fputs(r->trace_begun ? "\n]}\n" : "{\"traceEvents\":[]}\n", r->options.trace);
}
