/* SPDX-License-Identifier: MIT */
/* mutatee: sud -- Syscall User Dispatch: calls become SIGSYS, and the handler makes them; forks
 *	among them
 * arguments: [hold] (stays in user mode with all calls blocked, after "ready PID", until a line on
 *	stdin)
 * needs: threads
 * variants: pie static
 * bites: rax=56
 * time: 20
 */
#include "common/mutatee.h"

#include <errno.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define DISPATCH               59 /* PR_SET_SYSCALL_USER_DISPATCH, Linux 5.11 */
#define ALLOW                  0
#define BLOCK                  1
#define SYS_USER_DISPATCH_CODE 2 /* si_code */

static volatile char selector = ALLOW;
static volatile int dispatched, last_nr, released;

/*
 * Makes the call for the program. In a fork's child dispatch is off, and this returns there as
 * well.
 */
static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	selector = ALLOW;
	expect_eq("si_code of SIGSYS", SYS_USER_DISPATCH_CODE, info->si_code);
	expect_eq("si_syscall of SIGSYS", gregs[REG_RAX], info->si_syscall);
	last_nr = info->si_syscall;
	dispatched++;
	gregs[REG_RAX] = raw6(info->si_syscall, gregs[REG_RDI], gregs[REG_RSI], gregs[REG_RDX],
			      gregs[REG_R10], gregs[REG_R8], gregs[REG_R9]);
}

/* The selector is back on ALLOW when the handler returns, so each call has to block anew. */
static long dispatched_call(long nr, long arg)
{
	int before = dispatched;
	long value;

	selector = BLOCK;
	value = raw2(nr, arg, 0);
	selector = ALLOW;
	expect_eq("calls dispatched", before + 1, dispatched);
	expect_eq("number of the dispatched call", nr, last_nr);
	return value;
}

static void one(long nr, long arg)
{
	struct birth birth;
	long value;

	birth_begin(&birth, BIRTH_SIGCHLD | BIRTH_WORLD);
	value = dispatched_call(nr, arg);
	if (!value)
		birth_child(&birth);
	birth_end(&birth, value);
}

static void *release(void *arg)
{
	if (*(bool *)arg) {
		announce();
		await_release();
	}
	released = 1;
	return arg;
}

/* Nothing may become a SIGSYS here but calls of this thread, and it makes none. */
static void stay_blocked(bool held)
{
	int before = dispatched;
	pthread_t thread;

	must("pthread_create", -pthread_create(&thread, NULL, release, &held));
	selector = BLOCK;
	while (!released)
		__builtin_ia32_pause();
	selector = ALLOW;
	expect_eq("calls dispatched while none was made", before, dispatched);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	must("sigaction", sigaction(SIGSYS, &act, NULL));
	if (prctl(DISPATCH, 1, 0, 0, &selector)) {
		if (errno != EINVAL)
			fail("prctl: expected success or EINVAL, saw errno %d", errno);
		skip("the kernel has no Syscall User Dispatch");
	}
	stay_blocked(has_word(argc, argv, "hold"));
	for (int i = 0; i < 4; i++) {
		expect_eq("dispatched getpid", getpid(), dispatched_call(SYS_getpid, 0));
		one(SYS_fork, 0);
		one(SYS_clone, SIGCHLD);
	}
	return 0;
}
