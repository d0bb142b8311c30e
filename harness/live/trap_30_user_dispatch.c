/* SPDX-License-Identifier: MIT */
/*
 * Syscall User Dispatch with every call blocked: the payload's calls are made all the same, the calls
 * that load and remove its memory too, and dispatch is on again afterwards (the mutatee counts what
 * was dispatched, and goes on to use it).
 */
#include "lib/target.h"

static int run(void)
{
	struct target t;

	target_start(&t, (const char *const[]){ "sud", "hold", NULL });
	for (int i = 0; i < 3; i++) {
		struct scion_payload *payload;

		target_attach(&t, NULL);
		payload = target_payload(&t, "whoami");
		for (int k = 0; k < 3; k++) {
			const struct scion_event *event = target_inject(&t, t.pid, payload);

			CHECK_MSG(event->error == SCION_OK, "%s", target_message(&t));
			CHECK_EQ(event->result[0], t.pid);
		}
		target_detach(&t);
	}
	target_release(&t);
	CHECK(target_end(&t));
	return 0;
}

static const char *const mutatees[] = { "sud", NULL };

const struct scion_test scion_test = {
	.name = "trap_30_user_dispatch",
	.trap = "30",
	.min_kver = "5.11",
	.needs_mutatees = mutatees,
	.run = run,
};
