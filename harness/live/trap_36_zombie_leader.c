/* SPDX-License-Identifier: MIT */
/*
 * Trap 36: a leader that has ended is a zombie while other threads live: the process is alive. It is
 * followed from its launch, and it can be attached to: the threads are seized, the zombie can't be.
 */
#include "live/trap_steps.h"

static void check_attach(void)
{
	const char *argv[] = { test_mutatee("zombie_leader"), "hold", NULL };
	struct follow f = { .skip_signals = true };
	struct test_child child;
	char line[64];

	test_spawn(&child, argv);
	CHECK_LT(0, test_read_line(child.out, line, sizeof(line)));
	CHECK_EQ(steps_state(child.pid), 'Z');
	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_ATTACH, 0, "whoami");
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	steps_attach(&f, child.pid, 0);
	do
		CHECK(steps_one(&f));
	while (!follow_count(&f, SCION_EVENT_ATTACH));
	CHECK_NE(follow_nth(&f, SCION_EVENT_ATTACH, 0)->tid, child.pid);
	CHECK_EQ(follow_nth(&f, SCION_EVENT_ATTACH, 0)->pid, child.pid);
	CHECK_EQ(write(child.in, "\n", 1), 1);
	follow_run(&f);
	CHECK_EQ(follow_check(&f, true), 8);
	CHECK_EQ(follow_count(&f, SCION_EVENT_PAYLOAD), 17);
	follow_close(&f);
	CHECK_EQ(test_wait(&child), 0);
}

static void check_launch(void)
{
	struct follow f = { .skip_signals = true };

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_at(&f, SCION_AT_THREAD, SCION_BOTH, "whoami");
	follow_mutatee(&f, "zombie_leader", NULL);
	CHECK_EQ(follow_check(&f, true), 9);
	follow_close(&f);
}

static const char *const mutatees[] = { "zombie_leader", NULL };

static int run(void)
{
	check_launch();
	check_attach();
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_36_zombie_leader", .trap = "36", .needs_mutatees = mutatees, .run = run
};
