/* SPDX-License-Identifier: MIT */
/* report_json.c - JSON lines: one object per line, in the order in which things are complete. */
#include "cli/report.h"

#include "cli/at.h"
#include "cli/cli.h"

#include <sys/wait.h>

static void put(struct report *r, struct json_object *item)
{
	if (r->options.out)
		fprintf(r->options.out, "%s\n",
			json_object_to_json_string_ext(
				item, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(item);
}

static struct json_object *new_line(const char *type)
{
	struct json_object *item = json_object_new_object();

	json_object_object_add(item, "type", json_object_new_string(type));
	return item;
}

static void add_int(struct json_object *item, const char *name, int64_t value)
{
	json_object_object_add(item, name, json_object_new_int64(value));
}

static struct json_object *side_json(const struct report_side *side)
{
	struct json_object *item = json_object_new_object();
	struct json_object *payloads = json_object_new_array();
	char held[32];

	add_int(item, "pid", side->pid);
	add_int(item, "tid", side->tid);
	json_object_object_add(item, "seen", json_object_new_boolean(side->seen));
	if (side->released) {
		snprintf(held, sizeof(held), "%.3f", (double)side->held_ns / 1e3);
		json_object_object_add(item, "held_us",
				       json_object_new_double_s((double)side->held_ns / 1e3, held));
	}
	for (const struct report_payload *p = side->payloads; p; p = p->next)
		json_object_array_add(payloads, report_payload_json(p));
	json_object_object_add(item, "payloads", payloads);
	return item;
}

void report_json_fork(struct report *r, const struct report_fork *fork)
{
	struct json_object *item = new_line("fork");
	struct report_fork plain = { .kind = fork->kind };
	char text[32];

	add_int(item, "id", (int64_t)fork->id);
	json_object_object_add(item, "kind",
			       json_object_new_string(report_kind(&plain, text, sizeof(text))));
	json_object_object_add(item, "vfork", json_object_new_boolean(fork->vfork));
	json_object_object_add(item, "thread", json_object_new_boolean(fork->thread));
	if (fork->parent.seen)
		add_int(item, "value", fork->value);
	if (fork->expected)
		add_int(item, "expected", fork->expected);
	json_object_object_add(item, "verdict",
			       json_object_new_string(report_verdict_name(report_judge(fork))));
	json_object_object_add(item, "parent", side_json(&fork->parent));
	json_object_object_add(item, "child", side_json(&fork->child));
	put(r, item);
}

void report_json_payload(struct report *r, const struct report_payload *payload)
{
	struct json_object *item = new_line("payload");
	struct json_object *what = report_payload_json(payload);
	struct json_object_iterator i = json_object_iter_begin(what);
	struct json_object_iterator end = json_object_iter_end(what);

	json_object_object_add(item, "at", json_object_new_string(at_name(payload->at)));
	add_int(item, "pid", payload->pid);
	add_int(item, "tid", payload->tid);
	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
		json_object_object_add(item, json_object_iter_peek_name(&i),
				       json_object_get(json_object_iter_peek_value(&i)));
	json_object_put(what);
	put(r, item);
}

void report_json_task(struct report *r, const struct scion_event *event)
{
	struct json_object *item = new_line(event->type == SCION_EVENT_EXEC ? "exec" : "exit");
	char name[CLI_SIGNAL_NAME];

	add_int(item, "pid", event->pid);
	add_int(item, "tid", event->tid);
	if (event->type == SCION_EVENT_EXEC) {
		char comm[REPORT_NAME];

		report_comm(event->tid, comm);
		json_object_object_add(item, "name", json_object_new_string(comm));
	} else if (WIFSIGNALED(event->status)) {
		json_object_object_add(
			item, "signal",
			json_object_new_string(cli_signal_name(WTERMSIG(event->status), name)));
	} else {
		add_int(item, "code", WEXITSTATUS(event->status));
	}
	put(r, item);
}

void report_json_summary(struct report *r)
{
	const struct report_counts *c = &r->counts;
	struct json_object *item = new_line("summary");

	json_object_object_add(item, "good", json_object_new_boolean(report_good(r)));
	add_int(item, "forks", (int64_t)c->forks);
	add_int(item, "threads", (int64_t)c->threads);
	add_int(item, "execs", (int64_t)c->execs);
	add_int(item, "exits", (int64_t)c->exits);
	add_int(item, "right", (int64_t)c->right);
	add_int(item, "wrong", (int64_t)c->wrong);
	add_int(item, "unknown", (int64_t)c->unknown);
	add_int(item, "payloads", (int64_t)c->payloads);
	add_int(item, "payloads_failed", (int64_t)c->payloads_failed);
	add_int(item, "whoami_wrong", (int64_t)c->whoami_wrong);
	add_int(item, "children_not_seen", (int64_t)c->child_lost);
	add_int(item, "detached", (int64_t)c->left);
	add_int(item, "unaccounted", (int64_t)c->lost);
	put(r, item);
}
