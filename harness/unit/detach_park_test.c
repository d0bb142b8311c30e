/* SPDX-License-Identifier: MIT */
/* Detaching on a fake kernel: everybody stops first, and goes in one pass, each with its signal. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_kernel.h"

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

/* Three processes that run, by attaching. */
static void three(struct fake *f)
{
	for (pid_t pid = 10; pid <= 12; pid++) {
		fake_task(f, pid, pid);
		assert_int_equal(scion_attach(f->session, pid, 0), SCION_OK);
		fake_give(f, pid, FAKE_TRAP);
	}
	f->log[0] = 0;
}

static void trap_38_all_stop_first(void **state)
{
	struct fake *f = *state;

	three(f);
	assert_int_equal(scion_detach(f->session), SCION_OK);
	assert_int_equal(scion_detach(f->session), SCION_OK); /* asked twice, done once */
	fake_expect(f, "10:INTERRUPT 11:INTERRUPT 12:INTERRUPT");
	fake_give(f, 11, fake_signal(SIGUSR1));
	fake_give(f, 10, FAKE_TRAP);
	fake_expect(f, "signal(11:10)");
	fake_give(f, 12, FAKE_TRAP);
	fake_expect(f, "10:DETACH detach(10) 11:DETACH/10 detach(11) 12:DETACH detach(12)");
	fake_expect_empty(f);
}

/* One that ends instead of stopping is not waited for any longer. */
static void one_ends_instead(void **state)
{
	struct fake *f = *state;

	three(f);
	scion_detach(f->session);
	fake_give(f, 10, FAKE_TRAP);
	fake_give(f, 11, FAKE_TRAP);
	f->log[0] = 0;
	fake_give(f, 12, FAKE_EXITED(0));
	fake_expect(f, "exit(12:0) 10:DETACH detach(10) 11:DETACH detach(11)");
	fake_expect_empty(f);
}

/* One that is behind its exit event can't be let go any more, and nobody waits for it. */
static void one_is_exiting(void **state)
{
	struct fake *f = *state;

	three(f);
	fake_give(f, 10, FAKE_EXIT);
	scion_detach(f->session);
	fake_give(f, 11, FAKE_TRAP);
	f->log[0] = 0;
	fake_give(f, 12, FAKE_TRAP);
	fake_expect(f, "11:DETACH detach(11) 12:DETACH detach(12)");
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0)");
	fake_expect_empty(f);
}

/* Trap 37: killed while it was parked. Its end is still ours to take, and the others go. */
static void trap_37_killed_while_parked(void **state)
{
	struct fake *f = *state;

	three(f);
	scion_detach(f->session);
	fake_give(f, 10, FAKE_TRAP);
	fake_give(f, 11, FAKE_TRAP);
	fake_kill(f, 10);
	f->log[0] = 0;
	fake_give(f, 12, FAKE_TRAP);
	fake_expect(f, "11:DETACH detach(11) 12:DETACH detach(12)");
	fake_reap(f, 10);
	fake_expect(f, "exit(10:0x9)");
	fake_expect_empty(f);
}

/* A stopped program stays stopped: a listening task re-traps, and is left in its group-stop. */
static void trap_33_stays_stopped(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	fake_give(f, 10, fake_group(SIGSTOP));
	fake_expect(f, "stopped(10:19) 10:LISTEN");
	scion_detach(f->session);
	fake_give(f, 10, fake_group(SIGSTOP));
	fake_expect(f, "10:INTERRUPT 10:DETACH detach(10)");
	fake_expect_empty(f);
}

/* The signal that begins a group-stop is due at the detach: delivered by it, not by us before. */
static void trap_38_a_stopping_signal(void **state)
{
	struct fake *f = *state;

	fake_start(f, 10);
	scion_detach(f->session);
	fake_give(f, 10, fake_signal(SIGTSTP));
	fake_expect(f, "10:INTERRUPT signal(10:20) 10:DETACH/20 detach(10)");
	fake_expect_empty(f);
}

static enum scion_verdict hold(struct fake *f, const struct scion_event *event)
{
	(void)f;
	(void)event;
	return SCION_HOLD;
}

/* What the mutator holds is let go from where it stands, with what was due there. */
static void held_tasks(void **state)
{
	struct fake *f = *state;

	three(f);
	f->on_event = hold;
	fake_give(f, 10, fake_signal(SIGUSR2));
	fake_expect(f, "signal(10:12)");
	assert_int_equal(scion_task_continue(f->session, 11), SCION_EINVAL);
	scion_detach(f->session);
	fake_expect(f, "11:INTERRUPT 12:INTERRUPT");
	assert_int_equal(scion_task_continue(f->session, 10), SCION_EINVAL);
	fake_give(f, 11, FAKE_TRAP);
	fake_give(f, 12, FAKE_TRAP);
	fake_expect(f, "10:DETACH/12 detach(10) 11:DETACH detach(11) 12:DETACH detach(12)");
	fake_expect_empty(f);
}

/* An execve on the way is followed to its end. */
static void exec_on_the_way(void **state)
{
	struct fake *f = *state;

	three(f);
	scion_detach(f->session);
	fake_give(f, 10, FAKE_TRAP);
	fake_give(f, 11, FAKE_TRAP);
	f->log[0] = 0;
	fake_give_msg(f, 12, FAKE_EXEC, 12);
	fake_expect(f,
		    "exec(12<12) 10:DETACH detach(10) 11:DETACH detach(11) 12:DETACH detach(12)");
	fake_expect_empty(f);
}

/* A parked leader, whose id a thread takes over by execve: its stop is gone, and a new one is there. */
static void trap_34_exec_takes_a_parked_leader(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	fake_task(f, 11, 10);
	assert_int_equal(scion_attach(f->session, 10, 0), SCION_OK);
	fake_give(f, 10, FAKE_TRAP);
	fake_give(f, 11, FAKE_TRAP);
	scion_detach(f->session);
	fake_give(f, 10, FAKE_TRAP);
	f->log[0] = 0;
	fake_find(f, 11)->state = FAKE_NONE;
	fake_find(f, 10)->state = FAKE_RUNS;
	fake_give_msg(f, 10, FAKE_EXEC, 11);
	fake_expect(f, "exec(10<11) 10:DETACH detach(10)");
	fake_expect_empty(f);
}

/* A launch that has not got to its execve: there is no program yet to be let go. */
static void before_the_first_exec(void **state)
{
	struct fake *f = *state;
	char *argv[] = { (char *)"fake", NULL };
	struct scion_launch what = { .size = sizeof(what), .argv = argv };
	pid_t pid;

	f->next_pid = 10;
	assert_int_equal(scion_launch(f->session, &what, &pid), SCION_OK);
	scion_detach(f->session);
	fake_give(f, 10, FAKE_TRAP);
	fake_expect(f, "10:INTERRUPT 10:CONT");
	fake_give_msg(f, 10, FAKE_EXEC, 10);
	fake_expect(f, "exec(10<10) 10:DETACH detach(10)");
	fake_expect_empty(f);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(trap_38_all_stop_first),
		TEST(one_ends_instead),
		TEST(one_is_exiting),
		TEST(trap_37_killed_while_parked),
		TEST(trap_33_stays_stopped),
		TEST(trap_38_a_stopping_signal),
		TEST(held_tasks),
		TEST(exec_on_the_way),
		TEST(trap_34_exec_takes_a_parked_leader),
		TEST(before_the_first_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
