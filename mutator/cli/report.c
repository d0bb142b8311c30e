/* SPDX-License-Identifier: MIT */
#include "cli/report.h"
#include "cli/report_process.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

struct report *report_new(const struct report_options *options)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->options = *options;
	if (options->table)
		r->kept = calloc(1, sizeof(*r->kept));
	if (options->table && !r->kept) {
		free(r);
		return NULL;
	}
	return r;
}

static void free_payloads(struct report_payload *list)
{
	while (list) {
		struct report_payload *next = list->next;

		report_payload_free(list);
		list = next;
	}
}

static void free_fork(struct report_fork *fork)
{
	if (!fork)
		return;
	free_payloads(fork->parent.payloads);
	free_payloads(fork->child.payloads);
	free(fork);
}

void report_free(struct report *r)
{
	struct report_fork *fork, *next;

	if (!r)
		return;
	HASH_ITER(hh, r->pending, fork, next)
	{
		HASH_DEL(r->pending, fork);
		free_fork(fork);
	}
	for (fork = r->wrong; fork; fork = next) {
		next = fork->next;
		free_fork(fork);
	}
	for (size_t i = 0; i < REPORT_KEPT; i++) {
		if (r->kept)
			free_fork(r->kept->fork[i]);
		report_payload_free(r->others[i]);
	}
	for (size_t i = 0; i < REPORT_FAILURES; i++)
		free(r->failures[i].why);
	report_process_free(r);
	free(r->kept);
	free(r);
}

enum report_verdict report_judge(const struct report_fork *fork)
{
	if (!fork->parent.seen || !fork->expected)
		return REPORT_UNKNOWN;
	return fork->value == fork->expected ? REPORT_RIGHT : REPORT_WRONG;
}

const char *report_verdict_name(enum report_verdict verdict)
{
	static const char *const names[] = { "unknown", "right", "wrong" };

	return names[verdict];
}

const char *report_kind(const struct report_fork *fork, char *text, size_t size)
{
	static const char *const names[] = {
		[SCION_FORK_NONE] = "unknown",  [SCION_FORK_FORK] = "fork",
		[SCION_FORK_VFORK] = "vfork",   [SCION_FORK_CLONE] = "clone",
		[SCION_FORK_CLONE3] = "clone3", [SCION_FORK_UNKNOWN] = "unknown",
	};
	bool said = fork->kind == SCION_FORK_VFORK;

	snprintf(text, size, "%s%s%s", names[fork->kind], fork->thread ? " thread" : "",
		 fork->vfork && !said ? " vfork" : "");
	return text;
}

/* --- records --- */

static struct report_fork *find_or_add(struct report *r, uint64_t id)
{
	struct report_fork *fork;

	HASH_FIND(hh, r->pending, &id, sizeof(id), fork);
	if (fork)
		return fork;
	fork = calloc(1, sizeof(*fork));
	if (!fork) {
		r->failed = true;
		return NULL;
	}
	fork->id = id;
	HASH_ADD(hh, r->pending, id, sizeof(fork->id), fork);
	return fork;
}

static void count_fork(struct report *r, const struct report_fork *fork)
{
	enum report_verdict verdict = report_judge(fork);

	if (fork->thread)
		r->counts.threads++;
	else
		r->counts.forks++;
	r->counts.right += verdict == REPORT_RIGHT;
	r->counts.wrong += verdict == REPORT_WRONG;
	r->counts.unknown += verdict == REPORT_UNKNOWN;
	r->counts.parent_lost += !fork->parent.seen && fork->child.seen;
	r->counts.child_lost += !fork->child.seen && !fork->child.gone;
}

static bool payloads_good(const struct report_payload *list)
{
	for (; list; list = list->next)
		if (list->error || list->verdict == REPORT_WRONG)
			return false;
	return true;
}

static bool fork_good(const struct report_fork *fork)
{
	return report_judge(fork) == REPORT_RIGHT && payloads_good(fork->parent.payloads) &&
	       payloads_good(fork->child.payloads) && (fork->child.seen || fork->child.gone);
}

static void keep(struct report *r, struct report_fork *fork)
{
	struct report_fork **slot;

	if (!fork_good(fork) && r->wrong_kept < REPORT_KEPT) {
		r->wrong_kept++;
		fork->next = r->wrong;
		r->wrong = fork;
		return;
	}
	slot = &r->kept->fork[r->kept->count++ % REPORT_KEPT];
	free_fork(*slot);
	*slot = fork;
}

static void complete(struct report *r, struct report_fork *fork)
{
	HASH_DEL(r->pending, fork);
	count_fork(r, fork);
	if (r->options.json)
		report_json_fork(r, fork);
	if (r->options.trace)
		report_trace_fork(r, fork);
	if (r->options.table)
		keep(r, fork);
	else
		free_fork(fork);
}

static bool side_done(const struct report_side *side, unsigned payloads)
{
	return side->gone || (side->seen && side->released && side->payload_count >= payloads);
}

static void complete_if_done(struct report *r, struct report_fork *fork)
{
	const unsigned *expected = r->options.expected[fork->thread];

	if (side_done(&fork->parent, expected[0]) && side_done(&fork->child, expected[1]))
		complete(r, fork);
}

/* --- events --- */

static void on_child(struct report *r, const struct scion_event *event)
{
	struct report_fork *fork = find_or_add(r, event->fork_id);

	if (!fork)
		return;
	fork->child.seen = true;
	fork->child.pid = event->pid;
	fork->child.tid = event->tid;
	if (!fork->parent.seen) {
		fork->kind = event->kind;
		fork->vfork = event->vfork;
		fork->thread = event->thread;
		fork->parent.tid = event->peer;
		fork->parent.pid = event->thread ? event->pid : event->peer;
	}
	if (!event->peer)
		fork->parent.gone = true; /* nobody announced it: no FORK will come */
	complete_if_done(r, fork);
}

/* A payload's answer may come when its task is gone: what /proc knows is asked while it stands here. */
static void note_namespace(struct report_fork *fork)
{
	if (!report_own_ids(fork->parent.tid, &fork->parent.own_pid, &fork->parent.own_tid))
		return;
	if (fork->value != fork->expected)
		return;
	fork->child.own_tid = fork->value;
	fork->child.own_pid = fork->thread ? fork->parent.own_pid : fork->value;
}

static void judge_again(struct report_payload *payload, const struct report_side *side)
{
	if (payload->error || payload->verdict != REPORT_UNKNOWN || !side->own_tid ||
	    strcmp(payload->name, "whoami"))
		return;
	payload->verdict = (int64_t)payload->result[0] == side->own_pid &&
					   (int64_t)payload->result[1] == side->own_tid ?
				   REPORT_RIGHT :
				   REPORT_WRONG;
}

static void on_fork(struct report *r, const struct scion_event *event)
{
	struct report_fork *fork = find_or_add(r, event->fork_id);

	if (!fork)
		return;
	fork->parent.seen = true;
	fork->parent.pid = event->pid;
	fork->parent.tid = event->tid;
	fork->kind = event->kind;
	fork->vfork = event->vfork;
	fork->thread = event->thread;
	fork->value = event->value;
	fork->expected = event->expected;
	if (!fork->child.seen) {
		fork->child.tid = event->peer;
		fork->child.pid = event->thread ? event->pid : event->peer;
	}
	if (event->value != event->peer && r->options.payloads_at_fork)
		note_namespace(fork);
	complete_if_done(r, fork);
}

static void on_release(struct report *r, const struct scion_event *event)
{
	struct report_side *side;
	struct report_fork *fork;

	HASH_FIND(hh, r->pending, &event->fork_id, sizeof(event->fork_id), fork);
	if (!fork)
		return;
	side = event->side == SCION_SIDE_CHILD ? &fork->child : &fork->parent;
	side->released = true;
	side->held_ns = event->held_ns;
	side->released_ns = r->end_ns;
	complete_if_done(r, fork);
}

/* The reason stands once below the tables, however many payloads it stopped. */
static void note_failure(struct report *r, const struct report_payload *payload)
{
	const char *why = payload->message ? payload->message : scion_error_name(payload->error);
	struct report_failure *failure = r->failures;

	while (failure < r->failures + REPORT_FAILURES && failure->why &&
	       (failure->name != payload->name || strcmp(failure->why, why)))
		failure++;
	if (failure == r->failures + REPORT_FAILURES)
		return;
	if (!failure->why) {
		failure->name = payload->name;
		failure->tid = payload->tid;
		failure->why = strdup(why);
	}
	failure->count++;
}

static void count_payload(struct report *r, const struct report_payload *payload)
{
	r->counts.payloads++;
	if (payload->error) {
		r->counts.payloads_failed++;
		note_failure(r, payload);
	}
	if (payload->verdict == REPORT_WRONG)
		r->counts.whoami_wrong++;
	if (!payload->error && !strcmp(payload->name, "whoami") &&
	    payload->verdict == REPORT_UNKNOWN)
		r->counts.whoami_unknown++;
}

static void add_other(struct report *r, struct report_payload *payload)
{
	struct report_payload **slot;

	if (r->options.json)
		report_json_payload(r, payload);
	if (!r->options.table) {
		report_payload_free(payload);
		return;
	}
	slot = &r->others[r->other_count++ % REPORT_KEPT];
	report_payload_free(*slot);
	*slot = payload;
}

static void on_payload(struct report *r, const struct scion_event *event)
{
	struct report_payload *payload = report_payload_new(event), **end;
	struct report_fork *fork = NULL;
	struct report_side *side;

	if (!payload) {
		r->failed = true;
		return;
	}
	if (event->at == SCION_AT_FORK || event->at == SCION_AT_THREAD)
		HASH_FIND(hh, r->pending, &event->fork_id, sizeof(event->fork_id), fork);
	if (!fork) {
		count_payload(r, payload);
		add_other(r, payload);
		return;
	}
	side = event->side == SCION_SIDE_CHILD ? &fork->child : &fork->parent;
	judge_again(payload, side);
	count_payload(r, payload);
	for (end = &side->payloads; *end; end = &(*end)->next)
		;
	*end = payload;
	side->payload_count++;
	complete_if_done(r, fork);
}

/* What is still pending of a task that is gone will not come. Few forks are pending at a time. */
static void forget_task(struct report *r, pid_t tid)
{
	struct report_fork *fork, *next;

	HASH_ITER(hh, r->pending, fork, next)
	{
		if (fork->child.tid == tid) {
			fork->child.gone = true;
		} else if (fork->parent.tid == tid) {
			fork->parent.gone = true;
		} else {
			continue;
		}
		complete_if_done(r, fork);
	}
	report_task_remove(r, tid);
}

/* After execve, and when its leader is gone, a process has no other threads: some end in silence. */
static void forget_others(struct report *r, pid_t pid, pid_t tid)
{
	struct report_task *task, *next;

	HASH_ITER(hh, r->tasks, task, next)
	if (task->pid == pid && task->tid != tid)
		forget_task(r, task->tid);
}

static void on_end(struct report *r, const struct scion_event *event)
{
	forget_task(r, event->tid);
	if (event->type == SCION_EVENT_EXIT && event->pid == event->tid &&
	    WIFSIGNALED(event->status))
		forget_others(r, event->pid, 0);
	if (event->type == SCION_EVENT_DETACH) {
		r->counts.left++;
		return;
	}
	if (event->pid == event->tid)
		r->counts.exits++;
	else
		r->counts.thread_exits++;
	if (r->options.json)
		report_json_task(r, event);
}

static void on_exec(struct report *r, const struct scion_event *event)
{
	r->counts.execs++;
	if (event->former && event->former != event->tid) /* not the leader: it takes its id */
		forget_others(r, event->pid, event->tid);
	if (r->options.json)
		report_json_task(r, event);
}

static void count_event(struct report *r, const struct scion_event *event)
{
	switch (event->type) {
	case SCION_EVENT_CHILD:
		on_child(r, event);
		break;
	case SCION_EVENT_FORK:
		on_fork(r, event);
		break;
	case SCION_EVENT_EXEC:
		on_exec(r, event);
		break;
	case SCION_EVENT_EXIT:
	case SCION_EVENT_DETACH:
		on_end(r, event);
		break;
	case SCION_EVENT_SIGNAL:
		r->counts.signals++;
		break;
	case SCION_EVENT_PAYLOAD:
		on_payload(r, event);
		break;
	case SCION_EVENT_RELEASE:
		on_release(r, event);
		break;
	case SCION_EVENT_ATTACH:
	case SCION_EVENT_STOPPED:
	case SCION_EVENT_CONTINUED:
		break;
	}
}

void report_launched(struct report *r, pid_t pid)
{
	struct scion_event event = { .type = SCION_EVENT_ATTACH, .pid = pid, .tid = pid };

	report_task_add(r, &event);
	if (r->options.tree || r->options.trace)
		report_process_event(r, &event);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void report_event(struct report *r, const struct scion_event *event)
{
	if (!r->start_ns)
		r->start_ns = event->time_ns;
	r->end_ns = r->options.trace ? now_ns() : event->time_ns;
	if (event->type == SCION_EVENT_ATTACH || event->type == SCION_EVENT_CHILD)
		report_task_add(r, event);
	if (r->options.tree || r->options.trace)
		report_process_event(r, event);
	if (r->options.trace)
		report_trace_event(r, event);
	count_event(r, event);
}

void report_finish(struct report *r, size_t attached)
{
	size_t live = HASH_COUNT(r->tasks);
	struct report_fork *fork, *next;

	HASH_ITER(hh, r->pending, fork, next)
	complete(r, fork);
	r->counts.left += live < attached ? live : attached;
	r->counts.lost = live < attached ? 0 : live - attached;
	if (r->options.trace)
		report_trace_end(r);
	if (!r->options.out)
		return;
	if (r->options.json) {
		report_json_summary(r);
		return;
	}
	if (r->options.table)
		report_table(r);
	if (r->options.tree)
		report_tree(r);
	report_summary(r);
}

bool report_good(const struct report *r)
{
	const struct report_counts *c = &r->counts;

	return !r->failed && !c->wrong && !c->payloads_failed && !c->whoami_wrong &&
	       !c->child_lost && !c->lost;
}
