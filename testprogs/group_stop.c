/* SPDX-License-Identifier: MIT */
/* mutatee: group_stop -- a child with two threads stops by SIGSTOP and by SIGTSTP, stays stopped,
 *	and SIGCONT wakes it
 * needs: threads
 * variants: pie static
 * time: 20
 */
#include "common/mutatee.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
	volatile unsigned long beats;
	volatile int continued; /* SIGCONT handled */
	volatile int passed;    /* stops that the child has behind it */
	volatile int seen;      /* continuations that the parent has waited for */
	volatile int end;
};

static struct shared *shared;

static void on_continue(int sig)
{
	(void)sig;
	shared->continued++;
}

static void *beat(void *arg)
{
	while (!shared->end)
		shared->beats++;
	return arg;
}

static void expect_running(void)
{
	unsigned long before = shared->beats;

	while (shared->beats == before)
		sched_yield();
}

static _Noreturn void child(struct birth *birth, const int *stops, int count)
{
	struct sigaction act = { .sa_handler = on_continue, .sa_flags = SA_RESTART };
	pthread_t thread;
	sigset_t set;

	/* Else its process group may be an orphan, which SIGTSTP doesn't stop. */
	must("setpgid", setpgid(0, 0));
	must("sigaction", sigaction(SIGCONT, &act, NULL));
	/* The handler is this thread's, so that it has run when raise returns. */
	sigemptyset(&set);
	sigaddset(&set, SIGCONT);
	must("pthread_sigmask", -pthread_sigmask(SIG_BLOCK, &set, NULL));
	must("pthread_create", -pthread_create(&thread, NULL, beat, NULL));
	must("pthread_sigmask", -pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	expect_running();
	for (int i = 0; i < count; i++) {
		must("raise", raise(stops[i]));
		expect_eq("SIGCONT handled", i + 1, shared->continued);
		shared->passed++;
		/* The next stop, or the end, would take the report of this continuation away. */
		while (shared->seen <= i)
			sched_yield();
		expect_running();
	}
	shared->end = 1;
	pthread_join(thread, NULL);
	errno = ERRNO_MARK;
	birth_child(birth);
}

static void expect_stop(pid_t pid, int sig)
{
	int status = 0;

	expect_eq("wait for a stop", pid, raw4(SYS_wait4, pid, &status, WUNTRACED, NULL));
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != sig) {
		if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
			raw1(SYS_exit_group, 1);
		fail("wait status: expected stopped by %d, saw %#x", sig, status);
	}
}

/* The beats stand still while this process gets a lot done. */
static void expect_quiet(pid_t pid)
{
	unsigned long before = shared->beats;
	char state;

	for (int i = 0; i < 200; i++)
		sched_yield();
	expect_eq("beats of the stopped child", (long)before, (long)shared->beats);
	state = task_state(pid, pid);
	if (state != 'T' && state != 't')
		fail("state of the stopped child: expected T (or t under a tracer), saw %c", state);
	expect_eq("wait for a second report of the same stop", 0,
		  raw4(SYS_wait4, pid, NULL, WUNTRACED | WNOHANG, NULL));
}

static void expect_continue(pid_t pid)
{
	int status = 0;

	must("kill", kill(pid, SIGCONT));
	expect_eq("wait for the continuation", pid,
		  raw4(SYS_wait4, pid, &status, WCONTINUED, NULL));
	if (!WIFCONTINUED(status))
		fail("wait status: expected continued, saw %#x", status);
	shared->seen++;
}

int main(void)
{
	static const int stops[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGSTOP };
	const int count = sizeof(stops) / sizeof(stops[0]);
	struct birth birth;
	pid_t pid;

	shared = shared_memory(sizeof(*shared));
	birth_begin(&birth, 0);
	pid = fork();
	if (pid == 0)
		child(&birth, stops, count);
	for (int i = 0; i < count; i++) {
		expect_stop(pid, stops[i]);
		expect_eq("stops that the child has behind it", i, shared->passed);
		expect_quiet(pid);
		expect_continue(pid);
	}
	errno = ERRNO_MARK;
	birth_end(&birth, pid);
	expect_eq("SIGCONT handled", count, shared->continued);
	return 0;
}
