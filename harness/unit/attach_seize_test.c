/* SPDX-License-Identifier: MIT */
/* Attaching on a fake kernel: all threads, whole trees, refusals, and what remains after them. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

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

static void refused(struct fake *f, pid_t pid, unsigned flags, int error, const char *why)
{
	assert_int_equal(scion_attach(f->session, pid, flags), error);
	if (!strstr(scion_errmsg(f->session), why))
		fail_msg("\"%s\" does not say \"%s\"", scion_errmsg(f->session), why);
}

static void all_threads(void **state)
{
	struct fake *f = *state;

	for (pid_t tid = 10; tid <= 12; tid++)
		fake_task(f, tid, 10);
	fake_task(f, 20, 20);
	assert_int_equal(scion_attach(f->session, 10, 0), SCION_OK);
	fake_expect(f, "10:SEIZE 10:INTERRUPT 11:SEIZE 11:INTERRUPT 12:SEIZE 12:INTERRUPT");
	fake_give(f, 11, FAKE_TRAP);
	fake_give(f, 10, FAKE_TRAP);
	fake_give(f, 12, fake_group(SIGSTOP));
	fake_expect(f, "attach(11) 11:CONT attach(10) 10:CONT attach(12) 12:LISTEN");
	assert_int_equal(scion_session_tasks(f->session), 3);
}

/* By the id of a thread that is not the leader: its process is meant. */
static void by_any_thread(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	fake_task(f, 11, 10);
	assert_int_equal(scion_attach(f->session, 11, 0), SCION_OK);
	fake_expect(f, "10:SEIZE 10:INTERRUPT 11:SEIZE 11:INTERRUPT");
	assert_int_equal(task_find(&f->session->tasks, 11)->tgid, 10);
}

/* A thread that is made while the list is read is found by the next pass. */
static void to_a_fixpoint(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	fake_task(f, 11, 10)->hidden = 1;
	fake_task(f, 12, 10)->hidden = 2;
	assert_int_equal(scion_attach(f->session, 10, 0), SCION_OK);
	fake_expect(f, "10:SEIZE 10:INTERRUPT 11:SEIZE 11:INTERRUPT 12:SEIZE 12:INTERRUPT");
}

/* One that a seized thread has made is traced already, and stops by itself. */
static void born_while_attaching(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	fake_task(f, 11, 10)->traced = true;
	assert_int_equal(scion_attach(f->session, 10, 0), SCION_OK);
	fake_expect(f, "10:SEIZE 10:INTERRUPT");
	fake_calls(f, 10, 435);
	fake_give(f, 11, FAKE_TRAP);
	fake_give_msg(f, 10, FAKE_CLONE, 11);
	fake_expect(f, "thread-child(11<10) 11:CONT release(11) 10:SYSCALL");
	fake_return(f, 10, 11);
	/* the event stop has swallowed the interrupt: this is the stop at which it is told */
	fake_expect(f, "attach(10) thread-fork(10:11=11) 10:CONT release(10)");
}

static void a_thread_ends_meanwhile(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	fake_task(f, 11, 10)->state = FAKE_DEAD;
	fake_task(f, 12, 10);
	assert_int_equal(scion_attach(f->session, 10, 0), SCION_OK);
	fake_expect(f, "10:SEIZE 10:INTERRUPT 12:SEIZE 12:INTERRUPT");
}

/* The kernel refuses to seize a zombie, and its threads live on. */
static void trap_36_zombie_leader(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10)->zombie = true;
	fake_task(f, 11, 10);
	assert_int_equal(scion_attach(f->session, 10, 0), SCION_OK);
	fake_expect(f, "11:SEIZE 11:INTERRUPT");
	fake_give(f, 11, FAKE_TRAP);
	fake_expect(f, "attach(11) 11:CONT");
	/* and its execve takes the leader's id */
	fake_find(f, 11)->state = FAKE_NONE;
	fake_find(f, 10)->zombie = false;
	fake_give_msg(f, 10, FAKE_EXEC, 11);
	fake_expect(f, "exec(10<11) 10:CONT");
	fake_give(f, 10, FAKE_EXITED(0));
	fake_expect(f, "exit(10:0)");
	fake_expect_empty(f);
}

static void trees(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	fake_task(f, 11, 11)->ppid = 10;
	fake_task(f, 12, 11)->ppid = 10;
	fake_task(f, 13, 13)->ppid = 11;
	fake_task(f, 20, 20)->ppid = 1;
	fake_task(f, 14, 14)->ppid = 10;
	fake_find(f, 14)->zombie = true; /* a child that nobody has waited for */
	fake_task(f, 15, 15)->ppid = 10;
	fake_find(f, 15)->state = FAKE_DEAD;         /* ... that ends while it is looked at */
	fake_task(f, getpid(), getpid())->ppid = 10; /* the mutator itself, run by its target */
	assert_int_equal(scion_attach(f->session, 10, SCION_ATTACH_TREE), SCION_OK);
	fake_expect(f, "10:SEIZE 10:INTERRUPT 11:SEIZE 11:INTERRUPT 12:SEIZE 12:INTERRUPT "
		       "13:SEIZE 13:INTERRUPT");
}

static void trap_41_refusals(void **state)
{
	struct fake *f = *state;

	refused(f, 99, 0, SCION_ESRCH, "99: no such process");
	refused(f, 0, 0, SCION_ESRCH, "no such process");
	refused(f, -1, 0, SCION_ESRCH, "no such process");
	fake_task(f, 10, 10)->zombie = true;
	refused(f, 10, 0, SCION_ESRCH, "zombie");
	fake_task(f, 21, 21);
	fake_task(f, 20, 20)->tracer = 21;
	refused(f, 20, 0, SCION_ETRACED, "traced by 21 (fake)");
	fake_task(f, getpid(), getpid());
	refused(f, getpid(), 0, SCION_EINVAL, "itself");
	fake_task(f, 30, 30);
	f->seize_error = -EPERM;
	refused(f, 30, 0, SCION_EPERM, "the fake kernel says no");
	fake_expect(f, "");
	fake_expect_empty(f);
	assert_int_equal(scion_attach(f->session, 30, 0), SCION_OK);
	refused(f, 30, 0, SCION_EINVAL, "attached already");
	assert_int_equal(scion_session_tasks(f->session), 1);
}

/* The message is about who was refused, not about the root of the tree. */
static void trap_41_a_descendant_is_refused(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	fake_task(f, 11, 11)->ppid = 10;
	fake_task(f, 12, 12)->ppid = 11;
	fake_find(f, 12)->tracer = 50;
	refused(f, 10, SCION_ATTACH_TREE, SCION_ETRACED, "12 (fake): is being traced by 50");
}

/* What was seized before the refusal is let go, without an event and with its signal. */
static void nothing_stays_attached(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	fake_task(f, 11, 11)->ppid = 10;
	fake_task(f, 13, 13)->ppid = 10;
	fake_task(f, 12, 12)->ppid = 10;
	fake_find(f, 12)->tracer = 50;
	refused(f, 10, SCION_ATTACH_TREE, SCION_ETRACED, "12");
	fake_expect(f, "10:SEIZE 10:INTERRUPT 11:SEIZE 11:INTERRUPT 13:SEIZE 13:INTERRUPT");
	fake_give(f, 10, FAKE_TRAP);
	fake_expect(f, "10:DETACH");
	fake_give(f, 11, fake_signal(SIGUSR1));
	fake_expect(f, "11:CONT/10 11:INTERRUPT"); /* the stop has swallowed it */
	fake_give(f, 11, fake_group(SIGSTOP));
	fake_expect(f, "11:DETACH");
	fake_give(f, 13, FAKE_EXITED(0));
	fake_expect(f, "");
	fake_expect_empty(f);
}

/* ... and so is what it makes before that. */
static void nothing_is_born_attached(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	fake_task(f, 11, 11)->ppid = 10;
	fake_find(f, 11)->tracer = 50;
	refused(f, 10, SCION_ATTACH_TREE, SCION_ETRACED, "11");
	fake_expect(f, "10:SEIZE 10:INTERRUPT");
	fake_calls(f, 10, 57);
	fake_give_msg(f, 10, FAKE_FORK, 12);
	fake_give(f, 12, FAKE_TRAP);
	fake_return(f, 10, 12);
	fake_expect(f, "10:SYSCALL 12:DETACH 10:DETACH"); /* and not traced any more */
	fake_expect_empty(f);
}

static void *attach_twice(void *arg)
{
	struct fake *f = fake_open(NULL);
	int *error = arg;

	fake_task(f, 10, 10);
	fake_task(f, 11, 10)->traced = true; /* born of 10, which is seized by then */
	error[0] = scion_attach(f->session, 10, 0);
	error[1] = scion_attach(f->session, 10, 0);
	fake_find(f, 10)->state = FAKE_LEFT;
	fake_close(f);
	return NULL;
}

/* A tracer is a thread: its id is not that of its process. */
static void by_a_thread_of_the_mutator(void **state)
{
	pthread_t thread;
	int error[2] = { -99, -99 };

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, attach_twice, error), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(error[0], SCION_OK);
	assert_int_equal(error[1], SCION_EINVAL);
}

/* Attached inside of a vfork: what was begun before is not reported, what follows is. */
static void inside_a_vfork(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	assert_int_equal(scion_attach(f->session, 10, 0), SCION_OK);
	fake_give(f, 10, FAKE_VFORK_DONE);
	fake_expect(f, "10:SEIZE 10:INTERRUPT 10:CONT 10:INTERRUPT");
	fake_give(f, 10, FAKE_TRAP);
	fake_expect(f, "attach(10) 10:CONT");
}

static void a_signal_is_there_first(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	assert_int_equal(scion_attach(f->session, 10, 0), SCION_OK);
	fake_give(f, 10, fake_signal(SIGUSR1));
	fake_give(f, 10, FAKE_TRAP);
	fake_expect(
		f,
		"10:SEIZE 10:INTERRUPT signal(10:10) 10:CONT/10 10:INTERRUPT attach(10) 10:CONT");
}

/* The session can be used again after it has let go of everything. */
static void again_after_detach(void **state)
{
	struct fake *f = *state;

	fake_task(f, 10, 10);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(scion_attach(f->session, 10, 0), SCION_OK);
		fake_give(f, 10, FAKE_TRAP);
		fake_expect(f, "10:SEIZE 10:INTERRUPT attach(10) 10:CONT");
		assert_int_equal(scion_detach(f->session), SCION_OK);
		fake_give(f, 10, FAKE_TRAP);
		fake_expect(f, "10:INTERRUPT 10:DETACH detach(10)");
		fake_expect_empty(f);
		fake_find(f, 10)->state = FAKE_RUNS;
	}
	scion_detach(f->session); /* of nothing */
	fake_expect_empty(f);
	assert_int_equal(scion_attach(f->session, 10, 0), SCION_OK);
	fake_give(f, 10, FAKE_TRAP);
	fake_expect(f, "10:SEIZE 10:INTERRUPT attach(10) 10:CONT");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_threads),
		TEST(by_any_thread),
		TEST(to_a_fixpoint),
		TEST(born_while_attaching),
		TEST(a_thread_ends_meanwhile),
		TEST(trap_36_zombie_leader),
		TEST(trees),
		TEST(trap_41_refusals),
		TEST(trap_41_a_descendant_is_refused),
		TEST(nothing_stays_attached),
		TEST(nothing_is_born_attached),
		cmocka_unit_test(by_a_thread_of_the_mutator),
		TEST(inside_a_vfork),
		TEST(a_signal_is_there_first),
		TEST(again_after_detach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
