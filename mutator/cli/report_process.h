/* SPDX-License-Identifier: MIT */
/* report_process.h - processes and tasks as tree and timeline need them. */
#ifndef SCION_CLI_REPORT_PROCESS_H
#define SCION_CLI_REPORT_PROCESS_H

#include <sys/types.h>
#include <uthash.h>

#include "cli/report.h"

#define REPORT_EXECS 8 /* names of one process that are told */

enum report_end { REPORT_RUNNING, REPORT_ENDED, REPORT_LET_GO };

struct libscols_line;

struct report_process {
	pid_t pid;
	char name[REPORT_NAME]; /* as it is now */
	char *execs;            /* "sh > make"; NULL: it never called execve */
	unsigned exec_count;
	unsigned threads; /* made besides the first */
	enum report_end ended;
	int status;
	struct report_process *parent, *child, *last_child, *sibling;
	struct libscols_line *line;
	UT_hash_handle hh; /* by pid: the newest of that number */
};

/** A live task. */
struct report_task {
	pid_t tid, pid;
	uint64_t since_ns;
	UT_hash_handle hh;
};

struct report_process *report_process_find(const struct report *r, pid_t pid);
struct report_task *report_task_find(const struct report *r, pid_t tid);
pid_t report_group(const struct report *r, pid_t tid);
void report_task_add(struct report *r, const struct scion_event *event);
void report_task_remove(struct report *r, pid_t tid);

#endif
