/* SPDX-License-Identifier: MIT */
/* Forks through session_dispatch, on a fake kernel: a sequence for each trap (1-18). */
#include <errno.h>
#include <linux/sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"

#define SECOND 1000000000ull

static int open_fake(void **state)
{
	*state = fake_open(NULL);
	return 0;
}

static int close_fake(void **state)
{
	fake_close(*state);
	return 0;
}

/* What stands in rax at the event stop is never taken for the PID. */
static void trap_01_parent_first(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_expect(f, "10:SYSCALL");
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "child(11<10) 11:CONT release(11)");
	fake_return(f, 10, 11);
	fake_expect(f, "fork(10:11=11) 10:CONT release(10)");
	fake_give(f, 11, FAKE_EXITED(3));
	fake_expect(f, "exit(11:0x300)");
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0)");
	fake_expect_empty(f);
}

static void trap_02_child_first(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 57);
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, ""); /* not let go before it is known whose it is */
	assert_int_equal(f->session->early, 1);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_expect(f, "child(11<10) 11:CONT release(11) 10:SYSCALL");
	assert_int_equal(f->alarm, 0);
	fake_return(f, 10, 11);
	fake_expect(f, "fork(10:11=11) 10:CONT release(10)");
	fake_give(f, 10, FAKE_EXITED(0));
	fake_give(f, 11, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0) exit(11:0)");
	fake_expect_empty(f);
}

/* The creator's exit-stop can come before the child's first stop, with either order of events. */
static void trap_02_parent_returns_before_the_child_stops(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 435);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_return(f, 10, 11);
	fake_expect(f, "10:SYSCALL fork(10:11=11) 10:CONT release(10)");
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "child(11<10) 11:CONT release(11)");
}

static void trap_03_born_in_a_group_stop(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_task(f, 11, 10);
	fake_calls(f, 10, 435);
	fake_give_msg(f, 10, FAKE_CLONE, 11);
	fake_give(f, 11, fake_group(SIGSTOP));
	fake_expect(f, "10:SYSCALL thread-child(11<10) 11:LISTEN release(11)");
	fake_task(f, 12, 10); /* and the other order */
	fake_return(f, 10, 11);
	fake_give(f, 12, fake_group(SIGTSTP));
	fake_expect(f, "thread-fork(10:11=11) 10:CONT release(10)");
	fake_give_msg(f, 10, FAKE_CLONE, 12);
	fake_expect(f, "thread-child(12<10) 12:LISTEN release(12) 10:SYSCALL");
	fake_return(f, 10, 12);
	fake_give(f, 10, fake_group(SIGSTOP));
	fake_expect(f, "thread-fork(10:12=12) 10:CONT release(10) stopped(10:19) 10:LISTEN");
	fake_give(f, 12, FAKE_TRAP); /* SIGCONT */
	fake_give(f, 11, FAKE_TRAP);
	fake_give(f, 10, FAKE_TRAP);
	fake_expect(f, "continued(12) 12:CONT continued(11) 11:CONT continued(10) 10:CONT");
}

static void vfork_with(struct fake *f, bool child_first, bool done)
{
	fake_start(f, 10);
	fake_calls(f, 10, 58);
	if (child_first)
		fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "");
	fake_give_msg(f, 10, FAKE_VFORK, 11);
	if (!child_first) {
		fake_expect(f, "10:SYSCALL");
		fake_give(f, 11, FAKE_TRAP);
		fake_expect(f, "vchild(11<10) 11:CONT release(11)");
	} else {
		fake_expect(f, "vchild(11<10) 11:CONT release(11) 10:SYSCALL");
	}
	if (done) {
		fake_give(f, 10, FAKE_VFORK_DONE);
		fake_expect(f, "10:SYSCALL"); /* trap 5: rax is not the PID yet */
	}
	fake_return(f, 10, 11);
	fake_expect(f, "vfork(10:11=11) 10:CONT release(10)");
	/* trap 6: the child's exec may come behind all of it */
	fake_give_msg(f, 11, FAKE_EXEC, 11);
	fake_expect(f, "exec(11<11) 11:CONT");
	fake_give(f, 11, FAKE_EXITED(0));
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(11:0) exit(10:0)");
	fake_expect_empty(f);
}

static void trap_04_vfork_parent_first(void **state)
{
	vfork_with(*state, false, false);
}

static void trap_04_vfork_child_first(void **state)
{
	vfork_with(*state, true, false);
}

static void trap_05_vfork_done(void **state)
{
	vfork_with(*state, false, true);
}

static void trap_05_vfork_done_child_first(void **state)
{
	vfork_with(*state, true, true);
}

/* The child is killed while its parent waits for it. */
static void trap_05_vfork_child_dies(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 58);
	fake_give_msg(f, 10, FAKE_VFORK, 11);
	fake_give(f, 11, FAKE_KILLED(SIGKILL));
	fake_return(f, 10, 11);
	fake_expect(f, "10:SYSCALL exit(11:0x9) vfork(10:11=11) 10:CONT release(10)");
}

/* The event's kind says nothing about process or thread. */
static void trap_08_kind_of_event(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 56);
	fake_give_msg(f, 10, FAKE_CLONE, 11); /* no exit signal: a process all the same */
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "10:SYSCALL child(11<10) 11:CONT release(11)");
	assert_int_equal(task_find(&f->session->tasks, 11)->tgid, 11);
	fake_return(f, 10, 11);
	fake_task(f, 12, 10);
	fake_give_msg(f, 10, FAKE_CLONE, 12);
	fake_give(f, 12, FAKE_TRAP);
	assert_int_equal(task_find(&f->session->tasks, 12)->tgid, 10);
}

static void trap_09_untraced_but_traced(void **state)
{
	struct fake *f = *state;
	struct fake_task *child;

	fake_start(f, 10);
	child = fake_task(f, 11, 11);
	child->regs.r.orig_rax = 56;
	child->regs.r.rdi = CLONE_UNTRACED | CLONE_PTRACE | SIGCHLD;
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "child(11<0) 11:CONT release(11)");
	child = fake_task(f, 12, 10);
	child->regs.r.orig_rax = 435;
	child->flags = CLONE_UNTRACED | CLONE_PTRACE | CLONE_THREAD;
	fake_give(f, 12, FAKE_TRAP);
	fake_expect(f, "thread-child(12<0) 12:CONT release(12)");
	assert_int_equal(task_find(&f->session->tasks, 12)->tgid, 10);
	assert_int_equal(f->session->early, 0);
	assert_int_equal(f->alarm, 0);
}

static enum scion_verdict see_expected(struct fake *f, const struct scion_event *event)
{
	if (event->type == SCION_EVENT_FORK) {
		*(pid_t *)f->arg = event->expected;
		assert_int_equal(event->value, 2);
	}
	return SCION_CONTINUE;
}

static void trap_12_pid_namespace(void **state)
{
	struct fake *f = *state;
	pid_t expected = 0;

	f->on_event = see_expected;
	f->arg = &expected;
	fake_start(f, 10)->inner = 1;
	fake_calls(f, 10, 56);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_find(f, 11)->inner = 2;
	fake_return(f, 10, 2);
	assert_int_equal(expected, 2);
	assert_int_equal(fake_find(f, 10)->regs.r.rax, 2); /* never written */
	assert_string_equal(f->wrong, "");
}

static void trap_13_killed_before_the_exit_stop(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_give(f, 10, FAKE_KILLED(SIGKILL));
	fake_expect(f, "10:SYSCALL exit(10:0x9)");
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "child(11<10) 11:CONT release(11)");
	fake_give(f, 11, FAKE_EXITED(0));
	fake_expect(f, "exit(11:0)");
	fake_expect_empty(f);
}

static void trap_13_killed_before_its_event(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_give(f, 11, FAKE_TRAP);
	fake_give(f, 10, FAKE_KILLED(SIGKILL));
	fake_expect(f, "exit(10:0x9)");
	fake_tick(f, SECOND / 2);
	fake_expect(f, ""); /* somebody else may still announce it */
	fake_tick(f, SECOND);
	fake_expect(f, "child(11<0) 11:CONT release(11)");
	fake_give(f, 11, FAKE_EXITED(0));
	fake_expect(f, "exit(11:0)");
	fake_expect_empty(f);
}

/* With calls traced: a fork that a signal broke off is made again, and only then forks. */
static void trap_14_restarted_fork(void **state)
{
	struct fake *f = *state;
	struct fake_task *task = fake_start(f, 10);

	f->session->trace_calls = true;
	fake_calls(f, 10, 57);
	for (int i = 0; i < 3; i++) {
		task->op = KERNEL_OP_ENTRY;
		fake_give(f, 10, FAKE_SYSCALL);
		fake_return(f, 10, -513);
		fake_expect(f, "10:SYSCALL 10:SYSCALL");
		fake_give(f, 10, fake_signal(SIGALRM));
		fake_expect(f, "signal(10:14) 10:SYSCALL/14");
	}
	task->op = KERNEL_OP_ENTRY;
	fake_give(f, 10, FAKE_SYSCALL);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_return(f, 10, 11);
	fake_expect(f, "10:SYSCALL 10:SYSCALL child(11<10) 11:SYSCALL release(11) "
		       "fork(10:11=11) 10:SYSCALL release(10)");
}

static void trap_15_failed_fork(void **state)
{
	struct fake *f = *state;
	struct fake_task *task = fake_start(f, 10);

	f->session->trace_calls = true;
	fake_calls(f, 10, 57);
	task->op = KERNEL_OP_ENTRY;
	fake_give(f, 10, FAKE_SYSCALL);
	fake_return(f, 10, -EAGAIN);
	fake_expect(f, "10:SYSCALL 10:SYSCALL");
	assert_int_equal(task_find(&f->session->tasks, 10)->state, FOLLOW_RUNNING);
}

static void trap_17_detach_with_a_fork_pending(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_expect(f, "10:SYSCALL");
	scion_detach(f->session);
	fake_return(f, 10, 11);
	fake_expect(f, "10:INTERRUPT fork(10:11=11)"); /* waits for the child */
	fake_give(f, 11, FAKE_TRAP);
	assert_int_equal(fake_find(f, 10)->state, FAKE_LEFT);
	assert_int_equal(fake_find(f, 11)->state, FAKE_LEFT);
	fake_expect(f, "child(11<10) 10:DETACH detach(10) 11:DETACH detach(11)");
	fake_expect_empty(f);
}

/* The event comes only after the detach was asked for. */
static void trap_17_fork_while_detaching(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	scion_detach(f->session);
	fake_expect(f, "10:INTERRUPT");
	fake_calls(f, 10, 57);
	fake_give(f, 11, FAKE_TRAP);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_expect(f, "child(11<10) 10:SYSCALL");
	fake_return(f, 10, 11);
	fake_expect(f, "fork(10:11=11) 10:DETACH detach(10) 11:DETACH detach(11)");
	fake_expect_empty(f);
}

/* A detach that is complete once nobody is held any more takes all tasks out of the table at once. */
static void trap_17_detach_with_held_children(void **state)
{
	struct fake *f = *state;

	fake_give(f, 12, FAKE_TRAP); /* before all others in the table */
	fake_start(f, 10);
	fake_give(f, 11, FAKE_TRAP);
	scion_detach(f->session);
	fake_give(f, 10, FAKE_TRAP);
	fake_expect(f, "10:INTERRUPT");
	fake_tick(f, 2 * SECOND);
	fake_expect(f, "child(12<0) child(11<0) 12:DETACH detach(12) 10:DETACH detach(10) "
		       "11:DETACH detach(11)");
	fake_expect_empty(f);
}

/* The child is ready to go before its parent is known to wait: it must be let go all the same. */
static void trap_17_detach_before_a_vfork(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	scion_detach(f->session);
	fake_calls(f, 10, 58);
	fake_give(f, 11, FAKE_TRAP);
	fake_give_msg(f, 10, FAKE_VFORK, 11);
	fake_expect(f, "10:INTERRUPT vchild(11<10) 10:SYSCALL 11:DETACH detach(11)");
	fake_return(f, 10, 11);
	fake_expect(f, "vfork(10:11=11) 10:DETACH detach(10)");
	fake_expect_empty(f);
}

/* What a vfork's parent waits for is the child: it must not wait for the parent in turn. */
static void trap_17_detach_inside_a_vfork(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 58);
	fake_give_msg(f, 10, FAKE_VFORK, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "10:SYSCALL vchild(11<10) 11:CONT release(11)");
	scion_detach(f->session);
	fake_expect(f, "10:INTERRUPT 11:INTERRUPT");
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "11:DETACH detach(11)");
	assert_int_equal(scion_session_run(f->session), SCION_EBUSY);
	fake_return(f, 10, 11);
	fake_expect(f, "vfork(10:11=11) 10:DETACH detach(10)");
	fake_expect_empty(f);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(trap_01_parent_first),
		TEST(trap_02_child_first),
		TEST(trap_02_parent_returns_before_the_child_stops),
		TEST(trap_03_born_in_a_group_stop),
		TEST(trap_04_vfork_parent_first),
		TEST(trap_04_vfork_child_first),
		TEST(trap_05_vfork_done),
		TEST(trap_05_vfork_done_child_first),
		TEST(trap_05_vfork_child_dies),
		TEST(trap_08_kind_of_event),
		TEST(trap_09_untraced_but_traced),
		TEST(trap_12_pid_namespace),
		TEST(trap_13_killed_before_the_exit_stop),
		TEST(trap_13_killed_before_its_event),
		TEST(trap_14_restarted_fork),
		TEST(trap_15_failed_fork),
		TEST(trap_17_detach_with_a_fork_pending),
		TEST(trap_17_fork_while_detaching),
		TEST(trap_17_detach_with_held_children),
		TEST(trap_17_detach_before_a_vfork),
		TEST(trap_17_detach_inside_a_vfork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
