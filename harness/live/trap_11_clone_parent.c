/* SPDX-License-Identifier: MIT */
/*
 * Trap 11: after CLONE_PARENT the child's parent is its maker's parent. So ancestry is taken from the
 * creation event, never from PPid; and when the child ends it is the other process that reaps it.
 */
#include "live/trap_steps.h"

static size_t strangers; /* children whose PPid is not the task that made them */

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	const struct task *maker;

	if (event->type != SCION_EVENT_CHILD)
		return SCION_CONTINUE;
	maker = task_find(&f->session->tasks, event->peer);
	CHECK(maker != NULL);
	strangers += steps_proc(event->tid, "PPid") != maker->tgid;
	return SCION_CONTINUE;
}

/* The one that was named as the maker is the one whose call returned. */
static void check_makers(const struct follow *f)
{
	for (size_t i = 0; i < follow_count(f, SCION_EVENT_CHILD); i++) {
		const struct scion_event *child = follow_nth(f, SCION_EVENT_CHILD, i), *fork;
		size_t n = 0;

		while ((fork = follow_nth(f, SCION_EVENT_FORK, n++)) &&
		       fork->fork_id != child->fork_id)
			;
		CHECK(fork != NULL);
		CHECK_EQ(fork->tid, child->peer);
		CHECK_EQ(fork->peer, child->tid);
	}
}

static const char *const mutatees[] = { "clone_parent", NULL };

static int run(void)
{
	struct follow f = { .on_event = on_event, .skip_signals = true };

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_mutatee(&f, "clone_parent", NULL);
	CHECK_LT(0, follow_check(&f, true));
	CHECK_LT(0, strangers);
	check_makers(&f);
	follow_close(&f);
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_11_clone_parent", .trap = "11", .needs_mutatees = mutatees, .run = run
};
