/* SPDX-License-Identifier: MIT */
/*
 * A payload at every signal of a storm: queued signals of one number keep their order, none is lost
 * or doubled; the mutatee checks their values. Blocked for a payload and sent back into the queue
 * they would come behind those that were sent meanwhile.
 */
#include "lib/follow.h"

static int run(void)
{
	for (int i = 0; i < 3; i++) {
		struct follow f = { .skip_signals = true };

		follow_open(&f, NULL);
		follow_at(&f, SCION_AT_SIGNAL, 0, "count");
		follow_mutatee(&f, "fork_storm", NULL);
		CHECK_LT(0, follow_check(&f, true));
		CHECK_LT(0, scion_block_count(f.session));
		follow_close(&f);
	}
	return 0;
}

static const char *const mutatees[] = { "fork_storm", NULL };

const struct scion_test scion_test = {
	.name = "trap_24_storm_at_handlers",
	.trap = "24",
	.timeout_s = 60,
	.needs_mutatees = mutatees,
	.run = run,
};
