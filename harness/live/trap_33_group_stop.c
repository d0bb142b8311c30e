/* SPDX-License-Identifier: MIT */
/*
 * Trap 33: a group-stop is PTRACE_EVENT_STOP with the stopping signal, and is left by PTRACE_LISTEN:
 * the program stays stopped, SIGCONT wakes it, and its parent's waitpid sees both. Launched, attached
 * while it is stopped, and detached while it is stopped.
 */
#include "live/trap_steps.h"

/* A child of the test that has stopped itself; the test's own waitpid has seen that. */
static void start_stopped(struct test_child *child)
{
	const char *argv[] = { test_mutatee("stopped_target"), NULL };
	char line[64];
	int status;

	test_spawn(child, argv);
	CHECK_LT(0, test_read_line(child->out, line, sizeof(line)));
	CHECK_EQ(waitpid(child->pid, &status, WUNTRACED), child->pid);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
}

static void expect_continued(struct test_child *child)
{
	char line[64];

	CHECK_LT(0, test_read_line(child->out, line, sizeof(line)));
	CHECK_STR(line, "continued");
}

/* Attached to: it is stopped before and after, until the SIGCONT. */
static void check_attach(void)
{
	struct test_child child;
	struct follow f = { 0 };

	start_stopped(&child);
	follow_open(&f, NULL);
	steps_attach(&f, child.pid, 0);
	do
		CHECK(steps_one(&f));
	while (!follow_count(&f, SCION_EVENT_ATTACH));
	CHECK_EQ(task_find(&f.session->tasks, child.pid)->state, FOLLOW_LISTENING);
	CHECK_EQ(follow_count(&f, SCION_EVENT_CONTINUED), 0);
	CHECK(steps_state(child.pid) == 't' || steps_state(child.pid) == 'T');
	CHECK_CALL(kill(child.pid, SIGCONT));
	follow_run(&f);
	CHECK_EQ(f.status, 0);
	CHECK_EQ(follow_count(&f, SCION_EVENT_CONTINUED), 1);
	expect_continued(&child);
	follow_close(&f);
}

/* A payload in one that is stopped: it runs, and the program is stopped as before. */
static void check_payload(void)
{
	struct test_child child;
	struct follow f = { 0 };

	start_stopped(&child);
	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_ATTACH, 0, "whoami");
	steps_attach(&f, child.pid, 0);
	do
		CHECK(steps_one(&f));
	while (task_find(&f.session->tasks, child.pid)->run ||
	       !follow_count(&f, SCION_EVENT_PAYLOAD));
	CHECK_EQ(task_find(&f.session->tasks, child.pid)->state, FOLLOW_LISTENING);
	CHECK(steps_state(child.pid) == 't' || steps_state(child.pid) == 'T');
	CHECK_CALL(kill(child.pid, SIGCONT));
	follow_run(&f);
	CHECK_EQ(f.status, 0);
	expect_continued(&child);
	CHECK_EQ(follow_count(&f, SCION_EVENT_PAYLOAD), 1);
	follow_check(&f, true);
	follow_close(&f);
}

static void check_detach(void)
{
	struct test_child child;
	struct follow f = { 0 };

	start_stopped(&child);
	follow_open(&f, NULL);
	steps_attach(&f, child.pid, 0);
	do
		CHECK(steps_one(&f));
	while (!follow_count(&f, SCION_EVENT_ATTACH));
	CHECK_EQ(scion_detach(f.session), SCION_OK);
	follow_run(&f);
	CHECK_EQ(follow_count(&f, SCION_EVENT_DETACH), 1);
	follow_close(&f);
	steps_await_state(child.pid, "T");
	CHECK_EQ(steps_proc(child.pid, "TracerPid"), 0);
	CHECK_CALL(kill(child.pid, SIGCONT));
	expect_continued(&child);
	CHECK_EQ(test_wait(&child), 0);
}

/* The parent inside the session waits for its child's stops: group_stop and `self` check all. */
static void check_inside(const char *mutatee, const char *argument)
{
	struct follow f = { .skip_signals = true };

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_mutatee(&f, mutatee, argument);
	CHECK_LT(0, follow_check(&f, true));
	CHECK_LT(0, follow_count(&f, SCION_EVENT_STOPPED));
	CHECK_LT(0, follow_count(&f, SCION_EVENT_CONTINUED));
	follow_close(&f);
}

static const char *const mutatees[] = { "group_stop", "stopped_target", NULL };

static int run(void)
{
	check_inside("group_stop", NULL);
	check_inside("stopped_target", "self");
	check_attach();
	check_detach();
	check_payload();
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_33_group_stop", .trap = "33", .needs_mutatees = mutatees, .run = run
};
