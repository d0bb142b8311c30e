/* SPDX-License-Identifier: MIT */
/* report_text.c - what payloads reported. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/at.h"
#include "cli/report.h"

/* The last number of a line "NSpid:\t18304\t12" is the one in the task's own namespace. */
static bool own_id(pid_t tid, const char *field, int64_t *id)
{
	char path[40], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		char *last;

		if (strncmp(line, field, strlen(field)))
			continue;
		last = strrchr(line, '\t');
		found = last != NULL;
		if (found)
			*id = strtoll(last, NULL, 10);
	}
	fclose(file);
	return found;
}

bool report_own_ids(pid_t tid, int64_t *own_pid, int64_t *own_tid)
{
	return own_id(tid, "NStgid:", own_pid) && own_id(tid, "NSpid:", own_tid);
}

/*
 * In the tracer's PID namespace the numbers are the same. In a nested one /proc knows the task's own,
 * as long as it is there; a task that is gone by then can't be asked.
 */
static enum report_verdict judge_whoami(const struct scion_event *event)
{
	int64_t pid, tid;
	int64_t said_pid = (int64_t)event->result[0], said_tid = (int64_t)event->result[1];

	if (said_pid == event->pid && said_tid == event->tid)
		return REPORT_RIGHT;
	if (!report_own_ids(event->tid, &pid, &tid))
		return REPORT_UNKNOWN;
	return said_pid == pid && said_tid == tid ? REPORT_RIGHT : REPORT_WRONG;
}

struct report_payload *report_payload_new(const struct scion_event *event)
{
	struct report_payload *payload = calloc(1, sizeof(*payload));

	if (!payload)
		return NULL;
	payload->at = event->at;
	payload->pid = event->pid;
	payload->tid = event->tid;
	payload->name = scion_payload_name(event->payload);
	payload->error = event->error;
	payload->signo = event->signo;
	payload->status = event->payload_status;
	memcpy(payload->result, event->result, sizeof(payload->result));
	payload->address = event->address;
	if (event->message)
		payload->message = strdup(event->message);
	if (!payload->error && !strcmp(payload->name, "whoami"))
		payload->verdict = judge_whoami(event);
	return payload;
}

void report_payload_free(struct report_payload *payload)
{
	if (!payload)
		return;
	free(payload->message);
	free(payload);
}

static void whoami_text(const struct report_payload *payload, char *text, size_t size)
{
	static const char *const marks[] = {
		[REPORT_UNKNOWN] = " (?)",
		[REPORT_RIGHT] = "",
		[REPORT_WRONG] = " WRONG",
	};
	uint64_t pid = payload->result[0], tid = payload->result[1];
	size_t length = (size_t)snprintf(text, size, "whoami %" PRId64, (int64_t)pid);

	if (tid != pid)
		length += (size_t)snprintf(text + length, size - length, "/%" PRId64, (int64_t)tid);
	snprintf(text + length, size - length, "%s", marks[payload->verdict]);
}

void report_payload_text(const struct report_payload *payload, char *text, size_t size)
{
	size_t length, last = SCION_PAYLOAD_RESULTS;

	if (payload->error) {
		snprintf(text, size, "%s FAILED: %s", payload->name,
			 scion_error_name(payload->error) + strlen("SCION_"));
		return;
	}
	if (!strcmp(payload->name, "whoami")) {
		whoami_text(payload, text, size);
		return;
	}
	length = (size_t)snprintf(text, size, "%s %" PRId64, payload->name, payload->status);
	while (last && !payload->result[last - 1])
		last--;
	for (size_t i = 0; i < last && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%#" PRIx64 "%s",
					   i ? " " : " [", payload->result[i],
					   i + 1 == last ? "]" : "");
}

static void add_failure(struct json_object *item, const struct report_payload *payload)
{
	json_object_object_add(item, "error",
			       json_object_new_string(scion_error_name(payload->error)));
	if (payload->message)
		json_object_object_add(item, "message", json_object_new_string(payload->message));
	if (payload->signo)
		json_object_object_add(item, "signal", json_object_new_int(payload->signo));
	if (payload->address)
		json_object_object_add(item, "address", json_object_new_uint64(payload->address));
}

struct json_object *report_payload_json(const struct report_payload *payload)
{
	struct json_object *item = json_object_new_object();
	struct json_object *results;

	json_object_object_add(item, "payload", json_object_new_string(payload->name));
	json_object_object_add(item, "ok", json_object_new_boolean(!payload->error));
	if (payload->error) {
		add_failure(item, payload);
		return item;
	}
	results = json_object_new_array_ext(SCION_PAYLOAD_RESULTS);
	for (size_t i = 0; i < SCION_PAYLOAD_RESULTS; i++)
		json_object_array_add(results, json_object_new_uint64(payload->result[i]));
	json_object_object_add(item, "status", json_object_new_int64(payload->status));
	json_object_object_add(item, "results", results);
	if (!strcmp(payload->name, "whoami"))
		json_object_object_add(
			item, "verdict",
			json_object_new_string(report_verdict_name(payload->verdict)));
	return item;
}
