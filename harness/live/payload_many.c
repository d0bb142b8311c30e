/* SPDX-License-Identifier: MIT */
/*
 * More of everything than there is room for: 200 threads that all get payloads at once (an address
 * space has 32 slots, and one large), eight payloads at one event and a ninth that is refused, and
 * more payloads in flight in processes that share a board than it has reports (512).
 */
#include <string.h>

#include "lib/target.h"

static size_t payloads_right(const struct target *t)
{
	size_t right = 0;

	for (size_t i = 0; i < t->f.count; i++) {
		const struct scion_event *event = &t->f.events[i].event;

		if (event->type != SCION_EVENT_PAYLOAD)
			continue;
		CHECK_MSG(event->error == SCION_OK, "%d: %s", event->tid, t->f.events[i].text);
		if (strcmp(scion_payload_name(event->payload), "whoami") == 0) {
			CHECK_EQ(event->result[0], event->pid);
			CHECK_EQ(event->result[1], event->tid);
		}
		right++;
	}
	return right;
}

static void threads(void)
{
	struct target t;
	size_t tasks;

	target_start(&t, (const char *const[]){ "many_tasks", "200", "threads", "hold", NULL });
	target_open(&t, NULL);
	for (int i = 0; i < 4; i++)
		target_at(&t, SCION_AT_ATTACH, 0, "whoami");
	target_attach(&t, NULL);
	tasks = scion_session_tasks(t.f.session);
	CHECK_LE(200, tasks);
	target_run_until(&t, SCION_EVENT_PAYLOAD,
			 4 * tasks - follow_count(&t.f, SCION_EVENT_PAYLOAD));
	CHECK_EQ(payloads_right(&t), 4 * tasks);
	target_detach(&t);
	target_release(&t);
	CHECK(target_end(&t));
}

static const char calling[] = "SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);\n"
			      "int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
			      "{ return ctx->tid; }\n";

/* Payloads that may call the target need the large slot, and an address space has one. */
static void one_large_slot(void)
{
	struct target t;
	size_t tasks;

	target_start(&t, (const char *const[]){ "many_tasks", "60", "threads", "hold", NULL });
	target_open(&t, NULL);
	target_at(&t, SCION_AT_ATTACH, 0, calling);
	target_attach(&t, NULL);
	tasks = scion_session_tasks(t.f.session);
	target_run_until(&t, SCION_EVENT_PAYLOAD, tasks - follow_count(&t.f, SCION_EVENT_PAYLOAD));
	CHECK_EQ(payloads_right(&t), tasks);
	target_detach(&t);
	target_release(&t);
	CHECK(target_end(&t));
}

static void processes(void)
{
	struct target t = { 0 };
	size_t forks;

	target_open(&t, NULL);
	for (int i = 0; i < 8; i++)
		target_at(&t, SCION_AT_FORK, SCION_BOTH, i % 2 ? "count" : "whoami");
	follow_mutatee(&t.f, "many_tasks", "150");
	forks = follow_check(&t.f, true);
	CHECK_LE(150, forks);
	CHECK_EQ(payloads_right(&t), 16 * forks);
	CHECK_EQ(scion_block_count(t.f.session), 8 * forks);
	follow_close(&t.f);
}

static void too_many(void)
{
	struct scion_payload *payload;
	struct target t = { 0 };

	target_open(&t, NULL);
	payload = target_payload(&t, "nop");
	for (int i = 0; i < 8; i++)
		CHECK_EQ(scion_at(t.f.session, SCION_AT_FORK, SCION_PARENT, payload), SCION_OK);
	CHECK_EQ(scion_at(t.f.session, SCION_AT_FORK, SCION_BOTH, payload), SCION_EINVAL);
	CHECK_CONTAINS(scion_errmsg(t.f.session), "8 payloads");
	CHECK_EQ(scion_at(t.f.session, SCION_AT_FORK, SCION_CHILD, payload), SCION_OK);
	CHECK_EQ(scion_at(t.f.session, SCION_AT_EXEC, 0, payload), SCION_OK);
	follow_close(&t.f);
}

static int run(void)
{
	threads();
	one_large_slot();
	processes();
	too_many();
	return 0;
}

static const char *const mutatees[] = { "many_tasks", NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "payload_many",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
