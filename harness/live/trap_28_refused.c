/* SPDX-License-Identifier: MIT */
/*
 * A task with a user shadow stack, as the kernel layer tells it (here it is made to): every payload is
 * refused with the reason, at forks and on demand; nothing is put into the program, which is followed
 * all the same.
 */
#include "core/session.h"
#include "lib/target.h"

static int pretend(struct kernel *k, pid_t tid)
{
	(void)k;
	(void)tid;
	return 1;
}

static int run(void)
{
	struct kernel_ops ops;
	struct target t = { 0 };

	target_open(&t, NULL);
	ops = *t.f.session->kernel->ops;
	ops.has_shadow_stack = pretend;
	t.f.session->kernel->ops = &ops;
	target_at(&t, SCION_AT_FORK, SCION_BOTH, "whoami");
	target_at(&t, SCION_AT_EXEC, 0, "nop");
	follow_mutatee(&t.f, "fork", "2");
	CHECK_LT(0, follow_check(&t.f, false));
	CHECK_EQ(follow_count(&t.f, SCION_EVENT_PAYLOAD),
		 1 + 2 * follow_count(&t.f, SCION_EVENT_FORK));
	for (size_t i = 0; i < t.f.count; i++) {
		const struct follow_event *kept = &t.f.events[i];

		if (kept->event.type != SCION_EVENT_PAYLOAD)
			continue;
		CHECK_EQ(kept->event.error, SCION_ENOTSUP);
		CHECK_CONTAINS(kept->text, "shadow stack");
	}
	follow_close(&t.f);
	return 0;
}

static const char *const mutatees[] = { "fork", NULL };

const struct scion_test scion_test = {
	.name = "trap_28_refused",
	.trap = "28",
	.needs_mutatees = mutatees,
	.run = run,
};
