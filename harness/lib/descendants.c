/* SPDX-License-Identifier: MIT */
/* Who descends from this process, told by /proc. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/internal.h"

struct process {
	pid_t pid;
	pid_t parent;
	char state;
};

struct table {
	struct process *rows;
	size_t count;
};

/* Reads a small file of /proc as a string; empty if it is gone. Control characters become spaces. */
static void slurp(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[got < 0 ? 0 : got] = '\0';
	for (ssize_t i = 0; i < got; i++) {
		if (iscntrl((unsigned char)text[i]))
			text[i] = ' ';
	}
}

static bool process_read(pid_t pid, struct process *process)
{
	char path[64];
	char text[512];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	slurp(path, text, sizeof(text));
	/* The command may contain anything: its end is the last parenthesis. */
	end = strrchr(text, ')');
	process->pid = pid;
	return end && sscanf(end + 1, " %c %d", &process->state, &process->parent) == 2;
}

static void table_read(struct table *table)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t room = 0;

	memset(table, 0, sizeof(*table));
	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		if (table->count == room) {
			struct process *rows;

			room = room ? 2 * room : 256;
			rows = realloc(table->rows, room * sizeof(*rows));
			if (!rows)
				break;
			table->rows = rows;
		}
		table->count += process_read(pid, &table->rows[table->count]);
	}
	if (proc)
		closedir(proc);
}

static void task_print(const struct process *process, const char *tid)
{
	char path[320];
	char command[64];
	char waits[64];
	char call[192];
	char status[4096];
	const char *tracer;
	char state = '?';

	snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", process->pid, tid);
	slurp(path, command, sizeof(command));
	snprintf(path, sizeof(path), "/proc/%d/task/%s/wchan", process->pid, tid);
	slurp(path, waits, sizeof(waits));
	snprintf(path, sizeof(path), "/proc/%d/task/%s/syscall", process->pid, tid);
	slurp(path, call, sizeof(call));
	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", process->pid, tid);
	slurp(path, status, sizeof(status));
	tracer = strstr(status, "State:");
	if (tracer)
		sscanf(tracer, "State: %c", &state);
	tracer = strstr(status, "TracerPid:");
	test_note("  pid %d tid %s parent %d tracer %d state %c waits in %s syscall %s: %s",
		  process->pid, tid, process->parent, tracer ? atoi(tracer + 10) : 0, state,
		  *waits ? waits : "-", *call ? call : "-", command);
}

static void process_print(const struct process *process)
{
	struct dirent *entry;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", process->pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			task_print(process, entry->d_name);
	}
	if (tasks)
		closedir(tasks);
}

static void children_print(const struct table *table, pid_t parent, unsigned depth)
{
	/* The table is no snapshot: reused PIDs could make a circle. */
	if (depth > 64)
		return;
	for (size_t i = 0; i < table->count; i++) {
		if (table->rows[i].parent != parent)
			continue;
		process_print(&table->rows[i]);
		children_print(table, table->rows[i].pid, depth + 1);
	}
}

void descendants_print(void)
{
	struct table table;

	table_read(&table);
	children_print(&table, getpid(), 0);
	free(table.rows);
}

unsigned children_kill(void)
{
	pid_t self = getpid();
	unsigned alive = 0;
	struct table table;

	table_read(&table);
	for (size_t i = 0; i < table.count; i++) {
		if (table.rows[i].parent != self)
			continue;
		alive += table.rows[i].state != 'Z';
		kill(table.rows[i].pid, SIGKILL);
	}
	free(table.rows);
	return alive;
}
