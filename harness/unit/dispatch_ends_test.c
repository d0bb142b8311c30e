/* SPDX-License-Identifier: MIT */
/* Stops, execs and ends through session_dispatch, on a fake kernel: traps 32 to 43. */
#include <errno.h>
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

/* Whether a syscall-stop is entry or exit is the kernel's word, not a count. */
static void trap_32_no_parity(void **state)
{
	struct fake *f = *state;
	struct fake_task *task = fake_start(f, 10);

	f->session->trace_calls = true;
	fake_calls(f, 10, 231);
	task->op = KERNEL_OP_EXIT;
	for (int i = 0; i < 3; i++)
		fake_give(f, 10, FAKE_SYSCALL);
	assert_false(task_find(&f->session->tasks, 10)->exit_ran);
	task->op = KERNEL_OP_ENTRY;
	fake_give(f, 10, FAKE_SYSCALL);
	assert_true(task_find(&f->session->tasks, 10)->exit_ran);
	fake_expect(f, "10:SYSCALL 10:SYSCALL 10:SYSCALL 10:SYSCALL");
}

static void trap_33_stays_stopped(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_give(f, 10, fake_signal(SIGTSTP));
	fake_expect(f, "signal(10:20) 10:CONT/20");
	fake_give(f, 10, fake_group(SIGTSTP));
	fake_expect(f, "stopped(10:20) 10:LISTEN");
	fake_give(f, 10, fake_group(SIGTSTP)); /* a second signal of the kind */
	fake_expect(f, "10:LISTEN");
	fake_give(f, 10, FAKE_TRAP);
	fake_expect(f, "continued(10) 10:CONT");
	fake_give(f, 10, fake_signal(SIGCONT));
	fake_expect(f, "signal(10:18) 10:CONT/18");
	fake_give(f, 10, FAKE_TRAP); /* nothing at all: restart */
	fake_expect(f, "10:CONT");
}

/* A thread that is not the leader calls execve: the leader's id goes on, the thread's vanishes. */
static void trap_34_exec_by_a_thread(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	for (pid_t tid = 11; tid <= 13; tid++) {
		fake_task(f, tid, 10);
		fake_calls(f, 10, 435);
		fake_give_msg(f, 10, FAKE_CLONE, (unsigned long)tid);
		fake_give(f, tid, FAKE_TRAP);
		fake_return(f, 10, tid);
	}
	f->log[0] = 0;
	fake_give(f, 11, FAKE_EXITED(0));
	fake_give(f, 13, FAKE_EXITED(0));
	fake_expect(f, "exit(11:0) exit(13:0)");
	fake_find(f, 12)->state = FAKE_NONE;
	fake_give_msg(f, 10, FAKE_EXEC, 12);
	fake_expect(f, "exec(10<12) 10:CONT");
	assert_int_equal(task_count(&f->session->tasks), 1);
	/* its id is free, and used at once */
	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 12);
	fake_give(f, 12, FAKE_TRAP);
	fake_return(f, 10, 12);
	fake_expect(f, "10:SYSCALL child(12<10) 12:CONT release(12) "
		       "fork(10:12=12) 10:CONT release(10)");
	fake_give(f, 12, FAKE_EXITED(0));
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(12:0) exit(10:0)");
	fake_expect_empty(f);
}

/* ... while the leader was in the middle of a fork, in a group-stop, or held by the mutator. */
static void trap_34_exec_takes_a_busy_leader(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_task(f, 11, 10);
	fake_calls(f, 10, 435);
	fake_give_msg(f, 10, FAKE_CLONE, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_find(f, 11)->state = FAKE_NONE;
	fake_give_msg(f, 10, FAKE_EXEC, 11);
	fake_expect(f, "10:SYSCALL thread-child(11<10) 11:CONT release(11) exec(10<11) 10:CONT");
	/* the fork that it was in is over: no value is reported for it */
	fake_task(f, 11, 10);
	fake_give_msg(f, 10, FAKE_CLONE, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_return(f, 10, 11);
	fake_give(f, 10, fake_group(SIGSTOP));
	f->log[0] = 0;
	fake_find(f, 11)->state = FAKE_NONE;
	fake_give_msg(f, 10, FAKE_EXEC, 11);
	fake_expect(f, "exec(10<11) 10:CONT");
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0)");
	fake_expect_empty(f);
}

/* The leader has ended, and a thread calls execve later. */
static void trap_36_zombie_leader(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_task(f, 11, 10);
	fake_calls(f, 10, 435);
	fake_give_msg(f, 10, FAKE_CLONE, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_return(f, 10, 11);
	f->log[0] = 0;
	fake_give(f, 10, FAKE_EXIT); /* and no status: the kernel keeps it back */
	fake_expect(f, "10:CONT");
	fake_give(f, 11, fake_signal(SIGUSR1));
	fake_expect(f, "signal(11:10) 11:CONT/10");
	fake_find(f, 11)->state = FAKE_NONE;
	fake_give_msg(f, 10, FAKE_EXEC, 11);
	fake_expect(f, "exec(10<11) 10:CONT");
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0)");
	fake_expect_empty(f);
}

/* ... of which the session has never known the leader, or has forgotten it. */
static void trap_34_exec_under_an_unknown_leader(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_task(f, 11, 10);
	fake_calls(f, 10, 435);
	fake_give_msg(f, 10, FAKE_CLONE, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_return(f, 10, 11);
	fake_give(f, 10, FAKE_EXITED(0));
	f->log[0] = 0;
	fake_find(f, 11)->state = FAKE_NONE;
	fake_give_msg(f, 10, FAKE_EXEC, 11);
	fake_expect(f, "exec(10<11) 10:CONT");
	assert_int_equal(task_count(&f->session->tasks), 1);
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0)");
	fake_expect_empty(f);
}

static void trap_37_killed_in_its_stop(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	f->kill_at = f->requests + 1;
	fake_give(f, 10, fake_signal(SIGUSR1));
	fake_expect(f, "signal(10:10)");
	assert_int_equal(task_count(&f->session->tasks), 1);
	fake_reap(f, 10);
	fake_expect(f, "exit(10:0x9)");
	fake_expect_empty(f);
}

static void count_lines(enum scion_log_level level, const char *line, void *arg)
{
	struct fake *f = arg;

	(void)line;
	assert_int_equal(level, SCION_LOG_ERROR);
	f->lines++;
}

/* ... and that is no error that anybody has to be told of. */
static void trap_37_is_no_error(void **state)
{
	const struct scion_options options = { .size = sizeof(options), .on_log = count_lines };
	struct fake *f = fake_open(&options);

	(void)state;
	fake_start(f, 10);
	f->kill_at = f->requests + 1;
	fake_give(f, 10, fake_signal(SIGUSR1));
	fake_reap(f, 10);
	fake_expect(f, "signal(10:10) exit(10:0x9)");
	assert_int_equal(f->lines, 0);
	fake_close(f);
}

static void trap_38_detach_gives_the_signal(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	scion_detach(f->session);
	fake_give(f, 10, fake_signal(SIGUSR1));
	fake_expect(f, "10:INTERRUPT signal(10:10) 10:DETACH/10 detach(10)");
	fake_expect_empty(f);
}

static void trap_43_killed_before_its_first_stop(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_give(f, 11, FAKE_KILLED(SIGKILL));
	fake_return(f, 10, 11);
	fake_expect(f, "10:SYSCALL exit(11:0x9) fork(10:11=11) 10:CONT release(10)");
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0)");
	fake_expect_empty(f);
}

/* Held until nobody was expected to name it any more; then its creator's event comes all the same. */
static void trap_43_announced_too_late(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	for (int dies = 0; dies < 2; dies++) {
		fake_calls(f, 10, 57);
		fake_give(f, 11, FAKE_TRAP);
		fake_tick(f, 2 * SECOND);
		fake_expect(f, "child(11<0) 11:CONT release(11)");
		if (dies)
			fake_give(f, 11, FAKE_EXITED(0));
		fake_give_msg(f, 10, FAKE_FORK, 11);
		fake_return(f, 10, 11);
		if (!dies)
			fake_give(f, 11, FAKE_EXITED(0));
		fake_expect(f, dies ? "exit(11:0) 10:SYSCALL fork(10:11=11) 10:CONT release(10)" :
				      "10:SYSCALL fork(10:11=11) 10:CONT release(10) exit(11:0)");
	}
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0)");
	fake_expect_empty(f);
}

/* ... and the id has been used again by then: this one is new. */
static void trap_43_adopted_once_is_not_for_ever(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_give(f, 11, FAKE_TRAP);
	fake_tick(f, 2 * SECOND);
	fake_give(f, 11, FAKE_EXITED(0));
	fake_expect(f, "child(11<0) 11:CONT release(11) exit(11:0)");
	fake_task(f, 11, 11)->traced = true;
	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "10:SYSCALL child(11<10) 11:CONT release(11)");
}

/* Dead and reaped before its creator's event names it: nothing more will ever come of it. */
static void trap_43_dead_before_it_is_announced(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 57);
	fake_give(f, 11, FAKE_KILLED(SIGKILL));
	fake_expect(f, "");
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_expect(f, "exit(11:0x9) 10:SYSCALL");
	fake_return(f, 10, 11);
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "fork(10:11=11) 10:CONT release(10) exit(10:0)");
	fake_expect_empty(f);
}

static void trap_43_held_early_and_killed(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 57);
	fake_give(f, 11, FAKE_TRAP);
	fake_give(f, 11, FAKE_KILLED(SIGKILL));
	assert_int_equal(f->session->early, 0);
	assert_int_equal(f->alarm, 0);
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_return(f, 10, 11);
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(11:0x9) 10:SYSCALL fork(10:11=11) 10:CONT release(10) exit(10:0)");
	fake_expect_empty(f);
}

/* The same, with PTRACE_EVENT_EXIT in between: it is let go, since it runs no user code. */
static void trap_43_exits_before_it_is_announced(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 57);
	fake_give(f, 11, FAKE_EXIT);
	fake_expect(f, "11:CONT");
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_give(f, 11, FAKE_KILLED(SIGKILL));
	fake_return(f, 10, 11);
	fake_expect(f, "10:SYSCALL exit(11:0x9) fork(10:11=11) 10:CONT release(10)");
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0)");
	fake_expect_empty(f);
}

static void trap_43_exits_twice(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_start(f, 20);
	fake_give(f, 10, FAKE_EXITED(0));
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0)");
	fake_give(f, 20, FAKE_EXITED(0));
	fake_expect(f, "exit(20:0)");
	fake_expect_empty(f);
}

/* An end that nobody asked for must not be taken for that of a new task with the same id. */
static void trap_43_pid_used_again_at_once(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_calls(f, 10, 57);
	for (int i = 0; i < 3; i++) {
		fake_give_msg(f, 10, FAKE_FORK, 11);
		fake_give(f, 11, FAKE_TRAP);
		fake_return(f, 10, 11);
		fake_give(f, 11, FAKE_EXITED(i));
		fake_give(f, 11, FAKE_KILLED(SIGKILL)); /* once more, of an unknown task */
		f->log[0] = 0;
	}
	fake_task(f, 11, 11)->traced = true; /* from its birth on */
	fake_give_msg(f, 10, FAKE_FORK, 11);
	fake_expect(f, "10:SYSCALL");
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "child(11<10) 11:CONT release(11)");
}

/* The launched program's execve fails: its errno is told, and not that of a later end. */
static void launch_fails(void **state)
{
	struct fake *f = *state;
	char *argv[] = { (char *)"fake", NULL };
	struct scion_launch what = { .size = sizeof(what), .argv = argv };
	pid_t pid;

	f->next_pid = 10;
	f->launch_result = -ENOENT;
	assert_int_equal(scion_launch(f->session, &what, &pid), SCION_OK);
	assert_int_equal(scion_launch_error(f->session, 10), 0);
	fake_give(f, 10, FAKE_EXITED(127));
	assert_int_equal(scion_launch_error(f->session, 10), ENOENT);
	fake_expect(f, "exit(10:0x7f00)");
	fake_start(f, 11);
	fake_give(f, 11, FAKE_EXITED(127));
	assert_int_equal(scion_launch_error(f->session, 11), 0);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(trap_32_no_parity),
		TEST(trap_33_stays_stopped),
		TEST(trap_34_exec_by_a_thread),
		TEST(trap_34_exec_takes_a_busy_leader),
		TEST(trap_36_zombie_leader),
		TEST(trap_34_exec_under_an_unknown_leader),
		TEST(trap_37_killed_in_its_stop),
		cmocka_unit_test(trap_37_is_no_error),
		TEST(trap_38_detach_gives_the_signal),
		TEST(trap_43_killed_before_its_first_stop),
		TEST(trap_43_announced_too_late),
		TEST(trap_43_adopted_once_is_not_for_ever),
		TEST(trap_43_dead_before_it_is_announced),
		TEST(trap_43_held_early_and_killed),
		TEST(trap_43_exits_before_it_is_announced),
		TEST(trap_43_exits_twice),
		TEST(trap_43_pid_used_again_at_once),
		TEST(launch_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
