/* SPDX-License-Identifier: MIT */
/*
 * Trap 18: a fork by one thread copies what another thread is in the middle of: half-loaded code, a
 * payload's stack, a report that is being written. Four threads fork at once, each with payloads in
 * both processes, from the first moment on, when the region is not loaded yet. Every payload is
 * counted, none fails, and the children's copies work.
 */
#include "live/trap_steps.h"

static const char *const mutatees[] = { "fork_threads", NULL };

static size_t overlaps; /* forks that came while another thread of the process had a payload */

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	struct task *task, *next;
	bool other = false;

	if (event->type != SCION_EVENT_CHILD || event->thread)
		return SCION_CONTINUE;
	TASK_EACH(&f->session->tasks, task, next)
	other = other || (task->run && task->tid != event->peer && task->tgid == f->pid);
	overlaps += other;
	return SCION_CONTINUE;
}

static void follow_threads(void)
{
	struct follow f = { .skip_signals = true, .on_event = on_event };
	size_t births;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "count");
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_at(&f, SCION_AT_THREAD, SCION_BOTH, "count");
	follow_mutatee(&f, "fork_threads", "20");
	births = follow_check(&f, true);
	CHECK_LT(4 * 20, births);
	CHECK_EQ(scion_block_count(f.session), 2 * births);
	follow_close(&f);
}

static int run(void)
{
	for (int i = 0; i < 3; i++)
		follow_threads();
	test_note("%zu forks came while another thread ran a payload", overlaps);
	CHECK_LT(0, overlaps);
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_18_fork_amid_payloads", .trap = "18", .needs_mutatees = mutatees, .run = run
};
