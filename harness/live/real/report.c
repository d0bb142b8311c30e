/* SPDX-License-Identifier: MIT */
/* The report of scion run, line by line: is every fork accounted for? */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/real/real.h"

struct lines {
	struct json_object **line;
	size_t count, room;
};

static struct json_object *get(struct json_object *item, const char *name)
{
	return json_object_object_get(item, name);
}

static int64_t number(struct json_object *item, const char *name)
{
	CHECK_MSG(get(item, name), "no %s in %s", name, json_object_to_json_string(item));
	return json_object_get_int64(get(item, name));
}

static bool is(struct json_object *item, const char *name, const char *value)
{
	const char *text = json_object_get_string(get(item, name));

	return text && !strcmp(text, value);
}

static void read_lines(struct lines *lines, const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	CHECK_MSG(file, "%s: %s", path, strerror(errno));
	while (getline(&text, &size, file) > 0) {
		if (lines->count == lines->room) {
			lines->room = lines->room * 2 + 64;
			lines->line = reallocarray(lines->line, lines->room, sizeof(*lines->line));
			CHECK(lines->line);
		}
		lines->line[lines->count] = json_tokener_parse(text);
		CHECK_MSG(lines->line[lines->count], "no JSON: %s", text);
		lines->count++;
	}
	free(text);
	fclose(file);
	CHECK_LT(0, lines->count);
}

static void free_lines(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		json_object_put(lines->line[i]);
	free(lines->line);
}

/* The line that tells of a task's end; NULL if there is none. */
static struct json_object *find_exit(const struct lines *lines, int64_t tid)
{
	for (size_t i = 0; i < lines->count; i++) {
		if (is(lines->line[i], "type", "exit") && number(lines->line[i], "tid") == tid)
			return lines->line[i];
	}
	return NULL;
}

/* Nothing but SIGKILL ends a task that is held. */
static bool killed(const struct lines *lines, struct json_object *side)
{
	struct json_object *end = find_exit(lines, number(side, "tid"));

	return end && is(end, "signal", "SIGKILL");
}

/* True if all is known of this side; false if it can't be, as it was killed. */
static bool check_side(const struct lines *lines, struct json_object *fork, const char *name)
{
	struct json_object *side = get(fork, name);
	struct json_object *payload = json_object_array_get_idx(get(side, "payloads"), 0);
	size_t payloads = json_object_array_length(get(side, "payloads"));
	bool seen = json_object_get_boolean(get(side, "seen"));

	CHECK_LT(0, number(side, "tid"));
	CHECK_LE(payloads, 1);
	if (seen && payload && json_object_get_boolean(get(payload, "ok"))) {
		CHECK_MSG(is(payload, "verdict", "right"), "whoami in the %s: %s", name,
			  json_object_to_json_string(fork));
		CHECK_MSG(get(side, "held_us"), "the %s is still held: %s", name,
			  json_object_to_json_string(fork));
		return true;
	}
	CHECK_MSG(killed(lines, side) && (!payload || is(payload, "error", "SCION_ESRCH")),
		  "the %s was not killed, and not all is known: %s", name,
		  json_object_to_json_string(fork));
	return false;
}

/*
 * Killed before it could say that it forked: nobody knows whose child this is (its parent by now is
 * who gets orphans).
 */
static bool nobodys(struct json_object *fork)
{
	return number(get(fork, "parent"), "tid") == 0 && is(fork, "verdict", "unknown") &&
	       !json_object_get_boolean(get(get(fork, "parent"), "seen"));
}

static void check_fork(const struct lines *lines, struct json_object *fork,
		       struct real_counts *counts)
{
	bool orphan = nobodys(fork);
	bool parent = !orphan && check_side(lines, fork, "parent");
	bool child = check_side(lines, fork, "child");

	if (is(fork, "verdict", "right"))
		CHECK_EQ(number(fork, "value"), number(fork, "expected"));
	else
		CHECK_MSG(!parent && is(fork, "verdict", "unknown"), "value: %s",
			  json_object_to_json_string(fork));
	CHECK_MSG(find_exit(lines, number(get(fork, "child"), "tid")), "no end: %s",
		  json_object_to_json_string(fork));
	counts->forks++;
	counts->vforks += is(fork, "vfork", "true");
	counts->killed += !parent || !child;
	counts->orphans += orphan;
}

/* No payload runs at the making of a thread: its value has to be right all the same. */
static void check_thread(struct json_object *thread, struct real_counts *counts)
{
	CHECK_MSG(is(thread, "verdict", "right"), "value: %s", json_object_to_json_string(thread));
	counts->threads++;
}

/* Processes that SIGKILL has ended. */
static size_t count_killed(const struct lines *lines)
{
	size_t count = 0;

	for (size_t i = 0; i < lines->count; i++)
		count += is(lines->line[i], "type", "exit") &&
			 is(lines->line[i], "signal", "SIGKILL");
	return count;
}

static void check_summary(struct json_object *summary, const struct real_counts *counts,
			  size_t exits)
{
	static const char *const zero[] = {
		"wrong", "whoami_wrong", "children_not_seen", "detached", "unaccounted",
	};

	CHECK(is(summary, "type", "summary"));
	CHECK_EQ(number(summary, "forks"), counts->forks);
	CHECK_EQ(number(summary, "threads"), counts->threads);
	CHECK_EQ(number(summary, "execs"), counts->execs);
	/* each process that was made has ended, and the one that was launched */
	CHECK_EQ(exits, counts->forks + 1);
	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		CHECK_MSG(number(summary, zero[i]) == 0, "%s: %s", zero[i],
			  json_object_to_json_string(summary));
	if (!counts->killed)
		CHECK_MSG(json_object_get_boolean(get(summary, "good")), "not good: %s",
			  json_object_to_json_string(summary));
}

void real_report(const char *path, struct real_counts *counts)
{
	struct lines lines = { .line = NULL };
	size_t exits = 0;

	memset(counts, 0, sizeof(*counts));
	read_lines(&lines, path);
	for (size_t i = 0; i < lines.count; i++) {
		struct json_object *line = lines.line[i];

		if (is(line, "type", "exec"))
			counts->execs++;
		else if (is(line, "type", "exit"))
			exits += number(line, "pid") == number(line, "tid");
		else if (!is(line, "type", "fork"))
			CHECK_MSG(i + 1 == lines.count, "a line too many: %s",
				  json_object_to_json_string(line));
		else if (json_object_get_boolean(get(line, "thread")))
			check_thread(line, counts);
		else
			check_fork(&lines, line, counts);
	}
	CHECK_LE(counts->orphans, count_killed(&lines));
	check_summary(lines.line[lines.count - 1], counts, exits);
	test_note("%zu forks (%zu vfork, %zu killed), %zu threads, %zu execs", counts->forks,
		  counts->vforks, counts->killed, counts->threads, counts->execs);
	free_lines(&lines);
}
