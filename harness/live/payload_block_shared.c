/* SPDX-License-Identifier: MIT */
/*
 * The block is shared by all offspring, the child of the very first fork too: with payloads that use
 * it the region is loaded before, with nothing else to run there. What the mutatee checks of its own
 * state (its signal mask above all) must hold after that as well.
 */
#include <stdlib.h>

#include "lib/follow.h"

#define SIDES 2

static const unsigned sides[SIDES] = { SCION_CHILD, SCION_BOTH };
static const char *const mutatees[] = { "fork", "nested_forks", "many_forks", NULL };

/* `count` returns the new value: with one block for all, each value is seen once. */
static void check_values(const struct follow *f, uint64_t total)
{
	bool *seen = calloc(total + 1, sizeof(*seen));
	const struct scion_event *event;

	CHECK(seen != NULL);
	for (size_t i = 0; (event = follow_nth(f, SCION_EVENT_PAYLOAD, i)) != NULL; i++) {
		CHECK_LT(0, event->payload_status);
		CHECK_LE(event->payload_status, total);
		CHECK_MSG(!seen[event->payload_status], "two payloads counted to %lld",
			  (long long)event->payload_status);
		seen[event->payload_status] = true;
	}
	free(seen);
}

static int run(void)
{
	for (size_t i = 0; mutatees[i]; i++)
		for (size_t j = 0; j < SIDES; j++) {
			struct follow f = { .skip_signals = true };
			uint64_t forks;

			follow_open(&f, NULL);
			follow_at(&f, SCION_AT_FORK, sides[j], "count");
			follow_mutatee(&f, mutatees[i], i == 2 ? "100" : NULL);
			forks = follow_check(&f, true);
			CHECK_EQ(scion_block_count(f.session),
				 sides[j] == SCION_BOTH ? 2 * forks : forks);
			check_values(&f, scion_block_count(f.session));
			follow_close(&f);
		}
	return 0;
}

const struct scion_test scion_test = {
	.name = "payload_block_shared",
	.trap = "19",
	.timeout_s = 60,
	.needs_mutatees = mutatees,
	.run = run,
};
