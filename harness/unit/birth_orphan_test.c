/* SPDX-License-Identifier: MIT */
/* A child whose creator was killed before it could announce it is let go at the next tick. */
#include <linux/sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_kernel.h"

#define SECOND 1000000000ull

/* 11's first stop came before 10 has announced it; its parent by /proc is `ppid`. */
static struct fake *early_child(pid_t tgid, pid_t ppid, unsigned long long nr, uint64_t flags)
{
	struct fake *f = fake_open(NULL);
	struct fake_task *child;

	fake_start(f, 10);
	child = fake_task(f, 11, tgid);
	child->traced = true;
	child->ppid = ppid;
	child->regs.r.rdi = flags;
	fake_calls(f, 11, nr);
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "");
	return f;
}

static void creator_was_killed(void **state)
{
	struct fake *f = early_child(11, 10, 57, 0);

	(void)state;
	fake_kill(f, 10);
	fake_tick(f, SECOND / 100);
	fake_expect(f, "");
	fake_find(f, 11)->ppid = 1; /* it is through exit: no event of it can come any more */
	fake_tick(f, SECOND / 100);
	fake_expect(f, "child(11<0) 11:CONT release(11)");
	fake_reap(f, 10);
	fake_expect(f, "exit(10:0x9)");
	fake_give(f, 11, FAKE_EXITED(0));
	fake_expect(f, "exit(11:0)");
	fake_expect_empty(f);
	fake_close(f);
}

/* Its event may still come: only patience ends the waiting. */
static void creator_lives(void **state)
{
	struct fake *f = early_child(11, 10, 57, 0);

	(void)state;
	fake_tick(f, SECOND / 100);
	fake_expect(f, "");
	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_expect(f, "child(11<10) 11:CONT release(11) 10:SYSCALL");
	fake_close(f);
}

/* CLONE_PARENT: the parent never was the creator, and says nothing about it. */
static void has_its_creators_parent(void **state)
{
	struct fake *f = early_child(11, 1, 56, CLONE_PARENT | SIGCHLD);

	(void)state;
	fake_tick(f, SECOND / 100);
	fake_expect(f, "");
	fake_close(f);
}

/* A thread's parent is its process's. */
static void is_a_thread(void **state)
{
	struct fake *f = early_child(10, 1, 56, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND);

	(void)state;
	fake_tick(f, SECOND / 100);
	fake_expect(f, "");
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(creator_was_killed),
		cmocka_unit_test(creator_lives),
		cmocka_unit_test(has_its_creators_parent),
		cmocka_unit_test(is_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
