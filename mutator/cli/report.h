/* SPDX-License-Identifier: MIT */
/*
 * report.h - what run and attach tell at their end: collected from events, without the session.
 *
 *	report.c          joins the events of each fork into one record, counts
 *	report_text.c     what payloads reported, as text and JSON (also of scion inject)
 *	report_json.c     a line of JSON for each record, as soon as it is complete
 *	report_table.c    the tables and the summary
 *	report_process.c  processes and their names; the tree
 *	report_trace.c    the timeline, as Chrome trace events
 *
 * Memory stays flat: complete records are written (JSON, timeline) or the newest REPORT_KEPT of them
 * are kept for the table, and up to REPORT_KEPT wrong ones. Only a tree or a timeline keep more: a
 * line for each process.
 */
#ifndef SCION_CLI_REPORT_H
#define SCION_CLI_REPORT_H

#include <json-c/json.h>
#include <stdio.h>
#include <uthash.h>

#include "scion/scion.h"

#define REPORT_KEPT 1000

enum report_verdict { REPORT_UNKNOWN, REPORT_RIGHT, REPORT_WRONG };

/** What a payload reported. */
struct report_payload {
	struct report_payload *next;
	uint64_t order; /* of its event; for the list of those that ran outside of forks */
	enum scion_payload_event at;
	pid_t pid, tid;
	const char *name; /* the payload's own: it outlives the report */
	int error, signo;
	int64_t status;
	uint64_t result[SCION_PAYLOAD_RESULTS];
	uint64_t address;
	char *message;
	enum report_verdict verdict; /* whoami: is it whom the tracer believes? */
};

struct report_side {
	pid_t pid, tid;
	int64_t own_pid, own_tid; /* in its own PID namespace, if that is nested and known; or 0 */
	bool seen;                /* its FORK or CHILD event came */
	bool released;            /* RELEASE came */
	bool gone;                /* it ended, or was detached, before all was known */
	uint64_t held_ns, released_ns;
	unsigned payload_count;
	struct report_payload *payloads;
};

/** A fork, or the making of a thread. */
struct report_fork {
	uint64_t id;
	enum scion_fork_kind kind;
	bool vfork, thread;
	int64_t value;
	pid_t expected;
	struct report_side parent, child;
	UT_hash_handle hh;
	struct report_fork *next;
};

struct report_counts {
	uint64_t forks, threads, execs, exits, thread_exits, signals;
	uint64_t payloads, payloads_failed, whoami_wrong, whoami_unknown;
	uint64_t right, wrong, unknown;
	uint64_t left; /* tasks that were let go */
	uint64_t lost; /* tasks without a known end */
	uint64_t parent_lost, child_lost;
};

/** A list that keeps its newest. */
struct report_ring {
	struct report_fork *fork[REPORT_KEPT];
	uint64_t count; /* ever added */
};

/** Payloads that failed for one reason. */
struct report_failure {
	const char *name;
	char *why;
	pid_t tid; /* of the first */
	uint64_t count;
};

#define REPORT_FAILURES 8

struct report_options {
	bool json, tree, table;
	bool payloads_at_fork;   /* the table has columns for them */
	unsigned expected[2][2]; /* payloads to wait for: [thread][child] */
	FILE *out;               /* JSON lines, tables; NULL: nowhere */
	FILE *trace;             /* the timeline; NULL: none */
};

struct report_process;

struct report {
	struct report_options options;
	struct report_counts counts;
	struct report_fork *pending; /* by id */
	struct report_ring *kept;    /* table: all that are right */
	struct report_fork *wrong;   /* table: newest first */
	uint64_t wrong_kept;
	struct report_payload *others[REPORT_KEPT]; /* payloads outside of forks */
	uint64_t other_count;
	struct report_failure failures[REPORT_FAILURES]; /* the first reasons */
	struct report_process *processes, *roots, *last_root;
	struct report_task *tasks; /* that live */
	uint64_t start_ns, end_ns;
	bool trace_begun;
	bool failed; /* out of memory: the report is not complete */
};

struct report *report_new(const struct report_options *options);
void report_free(struct report *report);

/** A program was launched: it is a task from now on. */
void report_launched(struct report *report, pid_t pid);

void report_event(struct report *report, const struct scion_event *event);

/**
 * No event will come: completes what is pending, writes tables and summary.
 * @param attached  tasks that are attached still, and will be let go in silence
 */
void report_finish(struct report *report, size_t attached);

/** True if all values were right, no payload failed and every task's end is known. */
bool report_good(const struct report *report);

enum report_verdict report_judge(const struct report_fork *fork);
const char *report_verdict_name(enum report_verdict verdict);

/** "fork", "clone3 thread", "clone vfork". */
const char *report_kind(const struct report_fork *fork, char *text, size_t size);

/* report_text.c */

struct report_payload *report_payload_new(const struct scion_event *event);
void report_payload_free(struct report_payload *payload);

/** A task's numbers in its own PID namespace; false if it is gone. */
bool report_own_ids(pid_t tid, int64_t *own_pid, int64_t *own_tid);

/** "whoami 18304", "count 7", "peek FAILED: EFAULT": why stands in report.failures */
void report_payload_text(const struct report_payload *payload, char *text, size_t size);
struct json_object *report_payload_json(const struct report_payload *payload);

/* report_json.c */

void report_json_fork(struct report *report, const struct report_fork *fork);
void report_json_payload(struct report *report, const struct report_payload *payload);
void report_json_task(struct report *report, const struct scion_event *event);
void report_json_summary(struct report *report);

/* report_table.c */

void report_table(struct report *report);
void report_summary(struct report *report);

/* report_process.c */

void report_process_event(struct report *report, const struct scion_event *event);
void report_process_free(struct report *report);
void report_tree(struct report *report);

/** The name of a process as ptrace's tracer sees it now, printable; "?" if it is gone. */
#define REPORT_NAME 17
void report_comm(pid_t tid, char name[REPORT_NAME]);

/* report_trace.c */

void report_trace_event(struct report *report, const struct scion_event *event);
void report_trace_fork(struct report *report, const struct report_fork *fork);
void report_trace_end(struct report *report);

#endif
