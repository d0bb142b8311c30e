/* SPDX-License-Identifier: MIT */
/*
 * Trap 37: SIGKILL can come at any stop; then requests fail with ESRCH, and the exit status is still
 * to come. A task is killed at the first, second, third, … stop of the session, while it stands in
 * the stop, and the session must come to its end: every task that was announced ends once.
 */
#include "inject/run.h"
#include "live/trap_steps.h"

#define AFTER 25 /* stops later all the others are killed: their plans have changed */

struct kills {
	unsigned in_stop, done;
};

static void kill_all(struct follow *f)
{
	struct task *task, *next;

	TASK_EACH(&f->session->tasks, task, next)
	kill(task->tgid, SIGKILL);
}

/* Every task has one end, or vanished in an exec. */
static void check_ends(const struct follow *f)
{
	for (size_t i = 0; i < f->count; i++) {
		unsigned births = 0, ends = 0;
		pid_t tid = f->events[i].event.tid;

		if (f->events[i].event.type != SCION_EVENT_CHILD)
			continue;
		for (size_t j = 0; j < f->count; j++) {
			const struct scion_event *other = &f->events[j].event;

			births += other->type == SCION_EVENT_CHILD && other->tid == tid;
			ends += other->type == SCION_EVENT_EXIT && other->tid == tid;
			ends += other->type == SCION_EVENT_EXEC && other->former == tid &&
				other->tid != tid;
		}
		/* its exec may have been killed before its event: then the leader's end is its own */
		CHECK_MSG(ends <= births, "%d has %u births and %u ends", tid, births, ends);
	}
}

static bool kill_at(const char *mutatee, const char *argument, unsigned stops, struct kills *kills)
{
	const char *argv[] = { test_mutatee(mutatee), argument, NULL };
	struct scion_options options = { .size = sizeof(options), .log_level = SCION_LOG_ERROR };
	struct follow f = { .skip_signals = true };
	struct kernel_wait wait;
	unsigned seen = 0;

	follow_open(&f, &options);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_at(&f, SCION_AT_THREAD, SCION_BOTH, "whoami");
	follow_launch(&f, argv);
	while (steps_wait(&f, &wait)) {
		if (++seen == stops && WIFSTOPPED(wait.status)) {
			const struct task *task = task_find(&f.session->tasks, wait.tid);

			kills->in_stop++;
			CHECK_CALL(kill(task ? task->tgid : wait.tid, SIGKILL));
		}
		session_dispatch(f.session, wait.tid, wait.status);
		if (seen == stops + AFTER)
			kill_all(&f);
	}
	CHECK_EQ(scion_session_tasks(f.session), 0);
	CHECK_EQ(f.session->inject->undone, 0);
	check_ends(&f);
	kills->done++;
	follow_close(&f);
	return seen >= stops;
}

static void sweep(const char *mutatee, const char *argument, unsigned from, unsigned to,
		  unsigned step)
{
	struct kills kills = { 0 };

	for (unsigned stops = from; stops <= to && kill_at(mutatee, argument, stops, &kills);
	     stops += step)
		;
	test_note("%s: %u sessions, killed in a stop in %u", mutatee, kills.done, kills.in_stop);
	CHECK_LT(0, kills.in_stop);
}

static const char *const mutatees[] = { "many_forks",   "vfork_exit",  "fork_threads",
					"nested_forks", "exec_thread", NULL };

static int run(void)
{
	sweep("many_forks", "3", 1, 40, 1);
	sweep("vfork_exit", NULL, 10, 60, 3);
	sweep("fork_threads", "2", 2, 100, 4);
	sweep("nested_forks", "2", 2, 60, 3);
	sweep("exec_thread", NULL, 2, 90, 4);
	return 0;
}

const struct scion_test scion_test = { .name = "trap_37_killed_anywhere",
				       .trap = "37",
				       .timeout_s = 60,
				       .needs_mutatees = mutatees,
				       .run = run };
