/* SPDX-License-Identifier: MIT */
#include "lib/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static enum scion_verdict keep(struct scion_session *session, const struct scion_event *event,
			       void *arg)
{
	struct follow *f = arg;
	struct follow_event *kept;

	(void)session;
	if (f->skip_signals && event->type == SCION_EVENT_SIGNAL)
		return f->on_event ? f->on_event(f, event) : SCION_CONTINUE;
	if (f->count == f->room) {
		f->room = f->room ? 2 * f->room : 256;
		f->events = realloc(f->events, f->room * sizeof(*f->events));
		CHECK(f->events != NULL);
	}
	kept = &f->events[f->count++];
	kept->event = *event;
	kept->event.message = NULL;
	snprintf(kept->text, sizeof(kept->text), "%s", event->message ? event->message : "");
	if (event->type == SCION_EVENT_EXIT && event->tid == f->pid)
		f->status = event->status;
	return f->on_event ? f->on_event(f, event) : SCION_CONTINUE;
}

static void say(enum scion_log_level level, const char *line, void *arg)
{
	(void)arg;
	test_note("log %d: %s", level, line);
}

void follow_open(struct follow *f, const struct scion_options *options)
{
	struct scion_options mine = { .size = sizeof(mine), .log_level = SCION_LOG_WARN };

	if (options)
		mine = *options;
	mine.on_event = keep;
	mine.on_log = say;
	mine.arg = f;
	f->events = NULL;
	f->count = f->room = f->payload_count = 0;
	f->status = -1;
	CHECK_EQ(scion_session_new(&mine, &f->session), SCION_OK);
}

struct scion_payload *follow_at(struct follow *f, enum scion_payload_event at, unsigned sides,
				const char *name)
{
	struct scion_payload *payload;
	int error = scion_payload_open(f->session, name, &payload);

	CHECK_MSG(error == SCION_OK, "%s", scion_errmsg(f->session));
	CHECK(f->payload_count < sizeof(f->payloads) / sizeof(f->payloads[0]));
	f->payloads[f->payload_count++] = payload;
	CHECK_EQ(scion_at(f->session, at, sides, payload), SCION_OK);
	return payload;
}

void follow_launch(struct follow *f, const char *const argv[])
{
	struct scion_launch what = { .size = sizeof(what), .argv = (char *const *)(uintptr_t)argv };
	int error = scion_launch(f->session, &what, &f->pid);

	CHECK_MSG(error == SCION_OK, "%s", scion_errmsg(f->session));
}

void follow_run(struct follow *f)
{
	int error = scion_session_run(f->session);

	CHECK_MSG(error == SCION_OK, "run: %d, %s", error, scion_errmsg(f->session));
	CHECK_EQ(scion_session_tasks(f->session), 0);
}

void follow_close(struct follow *f)
{
	scion_session_free(f->session);
	f->session = NULL;
	for (size_t i = 0; i < f->payload_count; i++)
		scion_payload_free(f->payloads[i]);
	f->payload_count = 0;
	free(f->events);
	f->events = NULL;
	f->count = f->room = 0;
}

void follow_mutatee(struct follow *f, const char *name, const char *argument)
{
	const char *argv[] = { test_mutatee(name), argument, NULL };

	follow_launch(f, argv);
	follow_run(f);
	CHECK_MSG(WIFEXITED(f->status) && WEXITSTATUS(f->status) == 0, "%s: wait status %#x", name,
		  (unsigned)f->status);
}

size_t follow_count(const struct follow *f, enum scion_event_type type)
{
	size_t count = 0;

	for (size_t i = 0; i < f->count; i++)
		count += f->events[i].event.type == type;
	return count;
}

const struct scion_event *follow_nth(const struct follow *f, enum scion_event_type type, size_t n)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->events[i].event.type == type && n-- == 0)
			return &f->events[i].event;
	return NULL;
}

static bool was_born(const struct follow *f, const struct scion_event *fork)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct scion_event *event = &f->events[i].event;

		if (event->type == SCION_EVENT_CHILD && event->tid == fork->peer &&
		    event->fork_id == fork->fork_id)
			return true;
	}
	return false;
}

size_t follow_check(const struct follow *f, bool payloads)
{
	size_t forks = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct scion_event *event = &f->events[i].event;

		if (event->type == SCION_EVENT_PAYLOAD && payloads)
			CHECK_MSG(event->error == SCION_OK, "payload %s in %d: %s",
				  scion_payload_name(event->payload), event->tid,
				  f->events[i].text);
		if (event->type != SCION_EVENT_FORK)
			continue;
		forks++;
		CHECK_MSG(event->value == event->expected, "fork in %d returned %lld, not %d",
			  event->tid, (long long)event->value, event->expected);
		CHECK_MSG(was_born(f, event), "%d was never seen", event->peer);
	}
	return forks;
}
