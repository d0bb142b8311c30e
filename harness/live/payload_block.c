/* SPDX-License-Identifier: MIT */
/*
 * The block that offspring share: `count` adds up exactly and `ring` has one whole record for each
 * payload, whoever ran it: forks of forks, forks from four threads at once, threads, and processes
 * that are gone.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/target.h"

/* A record belongs to one event; each is found once. */
static void check_ring(struct target *t, const struct scion_payload *ring)
{
	struct scion_ring_record record;
	bool *found = calloc(t->f.count, sizeof(*found));
	size_t records = 0, events = 0;

	CHECK(found);
	for (; scion_block_ring(t->f.session, records, &record) == SCION_OK; records++) {
		size_t i;

		CHECK_NE(record.seq, 0);
		CHECK_NE(record.time, 0);
		for (i = 0; i < t->f.count; i++) {
			const struct scion_event *event = &t->f.events[i].event;

			if (!found[i] && event->type == SCION_EVENT_PAYLOAD &&
			    event->payload == ring && event->pid == record.pid &&
			    event->tid == record.tid && event->at == record.event &&
			    event->side == record.side)
				break;
		}
		CHECK_MSG(i < t->f.count, "no payload ran in %d that is in the ring", record.tid);
		found[i] = true;
	}
	for (size_t i = 0; i < t->f.count; i++)
		events += t->f.events[i].event.type == SCION_EVENT_PAYLOAD &&
			  t->f.events[i].event.payload == ring;
	CHECK_LT(0, events);
	CHECK_EQ(records, events);
	free(found);
}

static void one(const char *mutatee, const char *argument)
{
	struct scion_payload *count, *ring;
	struct target t = { 0 };
	uint64_t counted = 0;

	test_note("%s", mutatee);
	target_open(&t, NULL);
	count = target_at(&t, SCION_AT_FORK, SCION_BOTH, "count");
	ring = target_at(&t, SCION_AT_FORK, SCION_BOTH, "ring");
	CHECK_EQ(scion_at(t.f.session, SCION_AT_THREAD, SCION_BOTH, ring), SCION_OK);
	CHECK_EQ(scion_at(t.f.session, SCION_AT_THREAD, SCION_BOTH, count), SCION_OK);
	follow_mutatee(&t.f, mutatee, argument);
	CHECK_LT(0, follow_check(&t.f, true));
	for (size_t i = 0; i < t.f.count; i++)
		counted += t.f.events[i].event.type == SCION_EVENT_PAYLOAD &&
			   t.f.events[i].event.payload == count;
	CHECK_EQ(counted, 2 * follow_count(&t.f, SCION_EVENT_FORK));
	CHECK_EQ(scion_block_count(t.f.session), counted);
	check_ring(&t, ring);
	follow_close(&t.f);
}

static int run(void)
{
	one("nested_forks", "5");
	one("fork_threads", "20");
	one("vfork_exec", NULL);
	one("zombie_leader", NULL);
	one("daemon", NULL);
	return 0;
}

static const char *const mutatees[] = { "nested_forks",  "fork_threads", "vfork_exec",
					"zombie_leader", "daemon",       NULL };

const struct scion_test scion_test = {
	.name = "payload_block",
	.needs_mutatees = mutatees,
	.run = run,
};
