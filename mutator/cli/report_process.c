/* SPDX-License-Identifier: MIT */
/* report_process.c - the processes that were followed: names, threads, ends; as a tree. */
#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "cli/report.h"
#include "cli/report_process.h"

void report_comm(pid_t tid, char name[REPORT_NAME])
{
	char path[40];
	size_t length = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", tid);
	file = fopen(path, "re");
	if (file) {
		length = fread(name, 1, REPORT_NAME - 1, file);
		fclose(file);
	}
	while (length && name[length - 1] == '\n')
		length--;
	name[length] = '\0';
	if (!length)
		strcpy(name, "?");
	/* prctl(PR_SET_NAME) takes any bytes; JSON and terminals do not */
	for (size_t i = 0; name[i]; i++)
		if (name[i] < ' ' || name[i] > '~')
			name[i] = '?';
}

struct report_process *report_process_find(const struct report *r, pid_t pid)
{
	struct report_process *process;

	HASH_FIND_INT(r->processes, &pid, process);
	return process;
}

static struct report_process *add(struct report *r, pid_t pid, struct report_process *parent)
{
	struct report_process *process = calloc(1, sizeof(*process)), **end, *old;

	if (!process) {
		r->failed = true;
		return NULL;
	}
	process->pid = pid;
	process->parent = parent;
	old = report_process_find(r, pid);
	if (old)
		HASH_DEL(r->processes, old); /* the number is used again; it stays in the tree */
	HASH_ADD_INT(r->processes, pid, process);
	end = parent ? &parent->last_child : &r->last_root;
	if (*end)
		(*end)->sibling = process;
	else if (parent)
		parent->child = process;
	else
		r->roots = process;
	*end = process;
	return process;
}

static pid_t parent_of(pid_t pid)
{
	char path[40], line[128];
	int parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	fclose(file);
	return parent;
}

/* Attached: its threads come one by one, in any order. */
static void on_attach(struct report *r, const struct scion_event *event)
{
	struct report_process *process = report_process_find(r, event->pid);

	if (!process) {
		process = add(r, event->pid, report_process_find(r, parent_of(event->pid)));
		if (process)
			report_comm(event->pid, process->name);
	} else if (event->tid != event->pid) {
		process->threads++;
	}
}

static void on_child(struct report *r, const struct scion_event *event)
{
	struct report_process *parent, *process;

	if (event->thread) {
		process = report_process_find(r, event->pid);
		if (process)
			process->threads++;
		return;
	}
	parent = report_process_find(r, report_group(r, event->peer));
	process = add(r, event->pid, parent);
	if (process && parent)
		strcpy(process->name, parent->name);
	else if (process)
		report_comm(event->pid, process->name);
}

static void on_exec(struct report *r, const struct scion_event *event)
{
	struct report_process *process = report_process_find(r, event->pid);
	char *execs;

	if (!process)
		return;
	report_comm(event->pid, process->name);
	if (!process->execs) {
		process->execs = strdup(process->name);
		return;
	}
	if (process->exec_count++ >= REPORT_EXECS)
		return;
	if (asprintf(&execs, "%s > %s", process->execs,
		     process->exec_count == REPORT_EXECS ? "..." : process->name) < 0)
		return;
	free(process->execs);
	process->execs = execs;
}

static void on_exit_event(struct report *r, const struct scion_event *event)
{
	struct report_process *process = report_process_find(r, event->pid);

	/* the leader's end is reported last, with the status of the whole process */
	if (!process || event->pid != event->tid)
		return;
	process->ended = event->type == SCION_EVENT_EXIT ? REPORT_ENDED : REPORT_LET_GO;
	process->status = event->status;
}

void report_process_event(struct report *r, const struct scion_event *event)
{
	switch (event->type) {
	case SCION_EVENT_ATTACH:
		on_attach(r, event);
		break;
	case SCION_EVENT_CHILD:
		on_child(r, event);
		break;
	case SCION_EVENT_EXEC:
		on_exec(r, event);
		break;
	case SCION_EVENT_EXIT:
	case SCION_EVENT_DETACH:
		on_exit_event(r, event);
		break;
	default:
		break;
	}
}

/* --- tasks: which group a creator belongs to, and since when it lives --- */

struct report_task *report_task_find(const struct report *r, pid_t tid)
{
	struct report_task *task;

	HASH_FIND_INT(r->tasks, &tid, task);
	return task;
}

pid_t report_group(const struct report *r, pid_t tid)
{
	struct report_task *task = report_task_find(r, tid);

	return task ? task->pid : tid;
}

void report_task_add(struct report *r, const struct scion_event *event)
{
	struct report_task *task = report_task_find(r, event->tid);

	if (!task) {
		task = calloc(1, sizeof(*task));
		if (!task) {
			r->failed = true;
			return;
		}
		task->tid = event->tid;
		HASH_ADD_INT(r->tasks, tid, task);
	}
	task->pid = event->pid;
	task->since_ns = event->time_ns;
}

void report_task_remove(struct report *r, pid_t tid)
{
	struct report_task *task = report_task_find(r, tid);

	if (!task)
		return;
	HASH_DEL(r->tasks, task);
	free(task);
}

/* Depth first without recursion: a chain of a million forks must not end the stack. */
static void free_tree(struct report_process *process)
{
	while (process) {
		struct report_process *next = process->child;

		if (next) {
			/* the children's list is put before the siblings */
			process->last_child->sibling = process->sibling;
		} else {
			next = process->sibling;
		}
		free(process->execs);
		free(process);
		process = next;
	}
}

void report_process_free(struct report *r)
{
	struct report_task *task, *next;

	HASH_ITER(hh, r->tasks, task, next)
	{
		HASH_DEL(r->tasks, task);
		free(task);
	}
	HASH_CLEAR(hh, r->processes);
	free_tree(r->roots);
	r->roots = NULL;
}

/* --- the tree --- */

static void end_text(const struct report_process *process, char *text, size_t size)
{
	char name[CLI_SIGNAL_NAME];

	if (process->ended == REPORT_RUNNING)
		snprintf(text, size, "no end seen");
	else if (process->ended == REPORT_LET_GO)
		snprintf(text, size, "let go");
	else if (WIFSIGNALED(process->status))
		snprintf(text, size, "%s", cli_signal_name(WTERMSIG(process->status), name));
	else
		snprintf(text, size, "exit %d", WEXITSTATUS(process->status));
}

static struct libscols_line *add_line(struct libscols_table *table,
				      const struct report_process *process,
				      struct libscols_line *parent)
{
	struct libscols_line *line = scols_table_new_line(table, parent);
	char text[48];
	char *label;

	if (!line || asprintf(&label, "%d %s", process->pid,
			      process->execs ? process->execs : process->name) < 0)
		return NULL;
	scols_line_refer_data(line, 0, label);
	snprintf(text, sizeof(text), "%u", process->threads + 1);
	scols_line_set_data(line, 1, text);
	end_text(process, text, sizeof(text));
	scols_line_set_data(line, 2, text);
	return line;
}

/* Lines are made before their children's; siblings and parents by `line`. */
static int add_lines(struct libscols_table *table, struct report_process *roots)
{
	struct report_process *at = roots;

	while (at) {
		struct libscols_line *above = at->parent ? at->parent->line : NULL;

		at->line = add_line(table, at, above);
		if (!at->line)
			return -ENOMEM;
		if (at->child) {
			at = at->child;
			continue;
		}
		while (at && !at->sibling)
			at = at->parent;
		if (at)
			at = at->sibling;
	}
	return 0;
}

void report_tree(struct report *r)
{
	struct libscols_table *table = scols_new_table();
	int error = table ? 0 : -ENOMEM;

	if (!error && (!scols_table_new_column(table, "PROCESS", 0, SCOLS_FL_TREE) ||
		       !scols_table_new_column(table, "THREADS", 0, SCOLS_FL_RIGHT) ||
		       !scols_table_new_column(table, "END", 0, 0)))
		error = -ENOMEM;
	if (!error) {
		scols_table_set_stream(table, r->options.out);
		scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
		error = add_lines(table, r->roots);
	}
	if (!error)
		error = scols_print_table(table);
	if (error)
		r->failed = true;
	scols_unref_table(table);
}
