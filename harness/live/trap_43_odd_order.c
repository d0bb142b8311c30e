/* SPDX-License-Identifier: MIT */
/*
 * Trap 43: stops of a task whose creation event has not come yet, ends that come twice, numbers that
 * are used again at once. The first two are made by handing statuses to the session in an order of
 * our own; the third in a PID namespace whose next number is set before each fork.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "live/trap_steps.h"

#define FORKS  30
#define NUMBER 300 /* of every child, inside */

static bool fixed_number; /* the children of workload are all called NUMBER */

static bool set_next(int number)
{
	char text[16];
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	int length = snprintf(text, sizeof(text), "%d", number - 1);
	bool done = fd >= 0 && write(fd, text, (size_t)length) == length;

	if (fd >= 0)
		close(fd);
	return done;
}

static void *thread_main(void *arg)
{
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	return arg;
}

/* pthread_join returns before the kernel has given the thread's number back. */
static void await_free(pid_t tid)
{
	while (syscall(SYS_tgkill, getpid(), tid, 0) == 0)
		sched_yield();
}

/* A process and a thread by turns; its number is what the call said, and what was set. */
static int workload(void)
{
	for (int i = 0; i < FORKS; i++) {
		pthread_t thread;
		int status = -1;
		pid_t tid = 0, pid;

		if (fixed_number && !set_next(NUMBER))
			return 1;
		pid = fork();
		if (pid == 0)
			_exit(fixed_number && getpid() != NUMBER);
		if (waitpid(pid, &status, 0) != pid || (status && status != SIGKILL))
			return 2;
		if (!fixed_number)
			continue;
		if (!set_next(NUMBER) || pthread_create(&thread, NULL, thread_main, &tid) ||
		    pthread_join(thread, NULL) || tid != NUMBER)
			return 3;
		await_free(tid);
	}
	return 0;
}

/* --- numbers that are used again --- */

static bool twice; /* hand each end to the session once more */

static void follow_reuse(void)
{
	struct follow f = { .skip_signals = true };
	struct kernel_wait wait;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_at(&f, SCION_AT_THREAD, SCION_BOTH, "whoami");
	steps_child(&f, workload);
	while (steps_wait(&f, &wait)) {
		bool ended = !WIFSTOPPED(wait.status) && wait.tid != f.pid;

		session_dispatch(f.session, wait.tid, wait.status);
		if (twice && ended)
			session_dispatch(f.session, wait.tid, wait.status);
	}
	CHECK_EQ(f.status, 0);
	CHECK_EQ(follow_check(&f, true), 2 * FORKS);
	CHECK_EQ(follow_count(&f, SCION_EVENT_CHILD), 2 * FORKS);
	CHECK_EQ(follow_count(&f, SCION_EVENT_EXIT), 2 * FORKS + 1);
	CHECK_EQ(follow_count(&f, SCION_EVENT_PAYLOAD), 4 * FORKS);
	for (size_t i = 0; i < follow_count(&f, SCION_EVENT_FORK); i++)
		CHECK_EQ(follow_nth(&f, SCION_EVENT_FORK, i)->value, NUMBER);
	follow_close(&f);
}

/* The first process of a namespace; TEST_SKIPPED if its /proc can't be had. */
static int inside(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, NULL) || !set_next(NUMBER / 2))
		return TEST_SKIPPED;
	fixed_number = true;
	follow_reuse();
	twice = true;
	follow_reuse();
	return 0;
}

static void check_reuse(void)
{
	pid_t pid, init;
	int code;

	pid = (pid_t)CHECK_CALL(fork());
	if (pid == 0) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS))
			_exit(TEST_SKIPPED);
		init = (pid_t)CHECK_CALL(fork());
		_exit(init ? test_exit_code(steps_end(init)) : inside());
	}
	code = test_exit_code(steps_end(pid));
	if (code == TEST_SKIPPED)
		test_note("no PID namespace of our own: numbers used again are not shown");
	else
		CHECK_EQ(code, 0);
}

/* --- strange orders --- */

static pid_t child_of(struct follow *f, pid_t tid)
{
	unsigned long message;

	CHECK_EQ(kernel_event_msg(f->session->kernel, tid, &message), 0);
	return (pid_t)message;
}

static void take(struct follow *f, pid_t tid)
{
	int status;
	pid_t got;

	do
		got = waitpid(tid, &status, __WALL);
	while (got < 0 && errno == EINTR);
	CHECK_EQ(got, tid);
	session_dispatch(f->session, tid, status);
}

/*
 * The child's whole life before its parent's event: killed at its first stop (`stopped`), or before it
 * was seen at all. Its two events come all the same, and its end is told once.
 */
static void check_stillborn(bool stopped)
{
	struct follow f = { .skip_signals = true };
	struct kernel_wait wait;
	size_t killed = 0;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	steps_child(&f, workload);
	while (steps_wait(&f, &wait)) {
		pid_t child = 0;

		if (stop_classify(wait.status).kind == STOP_FORK)
			child = child_of(&f, wait.tid);
		if (child && !task_find(&f.session->tasks, child)) {
			if (stopped)
				take(&f, child);
			CHECK_CALL(kill(child, SIGKILL));
			take(&f, child);
			killed++;
		}
		session_dispatch(f.session, wait.tid, wait.status);
	}
	CHECK_EQ(f.status, 0);
	CHECK_LT(0, killed);
	CHECK_EQ(follow_count(&f, SCION_EVENT_FORK), FORKS);
	CHECK_EQ(follow_count(&f, SCION_EVENT_EXIT), FORKS + 1);
	for (size_t i = 0; i < FORKS; i++)
		CHECK_EQ(follow_nth(&f, SCION_EVENT_FORK, i)->value,
			 follow_nth(&f, SCION_EVENT_FORK, i)->expected);
	follow_close(&f);
}

/* The end of a task that is gone, again: not told twice, and nothing is made of it. */
static void check_twice(void)
{
	struct follow f = { .skip_signals = true };
	struct kernel_wait wait;

	follow_open(&f, NULL);
	steps_child(&f, workload);
	while (steps_wait(&f, &wait)) {
		session_dispatch(f.session, wait.tid, wait.status);
		if (!WIFSTOPPED(wait.status) && wait.tid != f.pid)
			session_dispatch(f.session, wait.tid, wait.status);
	}
	CHECK_EQ(f.status, 0);
	CHECK_EQ(follow_check(&f, true), FORKS);
	CHECK_EQ(follow_count(&f, SCION_EVENT_EXIT), FORKS + 1);
	follow_close(&f);
}

static int run(void)
{
	check_twice();
	check_stillborn(false);
	check_stillborn(true);
	check_reuse();
	return 0;
}

const struct scion_test scion_test = { .name = "trap_43_odd_order", .trap = "43", .run = run };
