/* SPDX-License-Identifier: MIT */
/*
 * Trap 6: posix_spawn is clone3 (or, in an older libc, clone), with a vfork's event; and the parent's
 * exit-stop may come before or after the child's exec event.
 */
#include <spawn.h>
#include <sys/syscall.h>

#include "live/trap_steps.h"

#define SPAWNS 50

static int workload(void)
{
	char *argv[] = { (char *)"true", NULL };

	for (int i = 0; i < SPAWNS; i++) {
		int status = -1;
		pid_t pid;

		if (posix_spawnp(&pid, "true", NULL, NULL, argv, environ))
			return 1;
		if (waitpid(pid, &status, 0) != pid || status)
			return 2;
	}
	return 0;
}

/* At the event stop: which call is it, and what does the kernel call it? */
static void look(struct follow *f, const struct kernel_wait *wait)
{
	struct stop stop = stop_classify(wait->status);
	struct kernel_regs regs;

	if (!stop_is_birth(stop.kind))
		return;
	CHECK_EQ(stop.kind, STOP_VFORK);
	CHECK_EQ(kernel_get_regs(f->session->kernel, wait->tid, &regs), 0);
	CHECK(regs.r.orig_rax == SYS_clone3 || regs.r.orig_rax == SYS_clone);
}

static void count_orders(const struct follow *f, size_t *fork_first, size_t *exec_first)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct scion_event *fork = &f->events[i].event;
		bool before = false;

		if (fork->type != SCION_EVENT_FORK)
			continue;
		CHECK(fork->kind == SCION_FORK_CLONE3 || fork->kind == SCION_FORK_CLONE);
		CHECK(fork->vfork);
		CHECK(!fork->thread);
		for (size_t j = 0; j < i; j++)
			before = before || (f->events[j].event.type == SCION_EVENT_EXEC &&
					    f->events[j].event.tid == fork->peer);
		*(before ? exec_first : fork_first) += 1;
	}
}

static const char *const programs[] = { "true", NULL };
static const char *const mutatees[] = { "posix_spawn", "system", NULL };

static int run(void)
{
	size_t fork_first = 0, exec_first = 0;
	struct follow f = { .skip_signals = true };
	struct kernel_wait wait;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_at(&f, SCION_AT_EXEC, 0, "whoami");
	steps_child(&f, workload);
	while (steps_wait(&f, &wait)) {
		look(&f, &wait);
		session_dispatch(f.session, wait.tid, wait.status);
	}
	CHECK_EQ(f.status, 0);
	CHECK_EQ(follow_check(&f, true), SPAWNS);
	CHECK_EQ(follow_count(&f, SCION_EVENT_EXEC), SPAWNS);
	CHECK_EQ(follow_count(&f, SCION_EVENT_PAYLOAD), 3 * SPAWNS);
	count_orders(&f, &fork_first, &exec_first);
	CHECK_EQ(fork_first + exec_first, SPAWNS);
	test_note("the call returned %zu times before the child's exec, %zu times after it",
		  fork_first, exec_first);
	follow_close(&f);
	CHECK_LT(0, steps_mutatee("posix_spawn", NULL, true));
	CHECK_LT(0, steps_mutatee("system", NULL, true));
	return 0;
}

const struct scion_test scion_test = { .name = "trap_06_posix_spawn",
				       .trap = "06",
				       .needs_programs = programs,
				       .needs_mutatees = mutatees,
				       .run = run };
