/* SPDX-License-Identifier: MIT */
/*
 * Trap 17: who detaches while a fork event is pending leaks a stopped child that nobody sees. Here
 * the session is told to detach after the first, second, third, … stop of a program that forks, so at
 * every point of a fork, and in both orders of its two first stops. The program must live on, with
 * every child: it waits for each of them.
 */
#include "live/trap_steps.h"

#define FORKS  6
#define SWEEPS 30

static int workload(void)
{
	for (int i = 0; i < FORKS; i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0)
			_exit(i);
		if (waitpid(pid, &status, 0) != pid || status != i << 8)
			return 1;
	}
	return 0;
}

struct sweep {
	unsigned at_unborn, at_early, at_other; /* where the detaching came */
	bool child_first;
};

/* The child's first stop before its creator's event, as the session sees it. */
static void swap_stops(struct follow *f, const struct kernel_wait *parent)
{
	unsigned long message;
	int status;
	pid_t got;

	CHECK_EQ(kernel_event_msg(f->session->kernel, parent->tid, &message), 0);
	if (task_find(&f->session->tasks, (pid_t)message))
		return;
	do
		got = waitpid((pid_t)message, &status, __WALL);
	while (got < 0 && errno == EINTR);
	CHECK_EQ(got, message);
	session_dispatch(f->session, got, status);
}

static void note_point(const struct follow *f, struct sweep *sweep)
{
	struct task *task, *next;
	bool unborn = false;

	TASK_EACH(&f->session->tasks, task, next)
	unborn = unborn || task->state == FOLLOW_UNBORN;
	if (f->session->early)
		sweep->at_early++;
	else if (unborn)
		sweep->at_unborn++;
	else
		sweep->at_other++;
}

static void detach_after(unsigned stops, struct sweep *sweep)
{
	struct follow f = { 0 };
	struct kernel_wait wait;
	unsigned seen = 0;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	steps_child(&f, workload);
	while (f.session->mode == SESSION_RUNNING && steps_wait(&f, &wait)) {
		bool fork = stop_classify(wait.status).kind == STOP_FORK;

		if (fork && sweep->child_first)
			swap_stops(&f, &wait);
		if (fork && sweep->child_first && ++seen >= stops) {
			/* its creator's event has not been handled yet */
			note_point(&f, sweep);
			CHECK_EQ(scion_detach(f.session), SCION_OK);
		}
		session_dispatch(f.session, wait.tid, wait.status);
		if (++seen >= stops && f.session->mode == SESSION_RUNNING) {
			note_point(&f, sweep);
			CHECK_EQ(scion_detach(f.session), SCION_OK);
		}
	}
	follow_run(&f);
	follow_check(&f, true);
	CHECK_LT(0, follow_count(&f, SCION_EVENT_DETACH));
	follow_close(&f);
	CHECK_EQ(steps_end(f.pid), 0);
}

static int run(void)
{
	struct sweep parent_first = { 0 }, child_first = { .child_first = true };

	for (unsigned stops = 1; stops <= SWEEPS; stops++) {
		detach_after(stops, &parent_first);
		detach_after(stops, &child_first);
	}
	test_note("detached with an unborn child %u times, with an early one %u times, else %u",
		  parent_first.at_unborn + child_first.at_unborn,
		  parent_first.at_early + child_first.at_early,
		  parent_first.at_other + child_first.at_other);
	/* which of the two it is, if nobody lends a hand, is up to the machine */
	CHECK_LT(0, parent_first.at_unborn + parent_first.at_early);
	CHECK_LT(0, child_first.at_early);
	return 0;
}

const struct scion_test scion_test = { .name = "trap_17_detach_mid_fork",
				       .trap = "17",
				       .run = run };
