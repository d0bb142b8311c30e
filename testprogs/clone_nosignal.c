/* SPDX-License-Identifier: MIT */
/* mutatee: clone_nosignal -- a child without exit signal: a process, not a thread; only __WALL and
 *	__WCLONE see it
 * variants: pie static
 * bites: rax=56 rsi
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct cpu_check check;

static void expect_no_sigchld(void)
{
	struct timespec none = { 0 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigtimedwait(&set, &info, &none) == SIGCHLD)
		fail("SIGCHLD: expected none, saw one from %d", info.si_pid);
}

static void one(uint64_t seed, int wait_options)
{
	struct birth birth;
	long value;

	birth_begin(&birth, BIRTH_WORLD);
	birth.wait_options = wait_options;
	cpu_prepare(&check, seed, 0);
	cpu_args(&check, SYS_clone, NULL, NULL, NULL, NULL, NULL);
	value = cpu_birth(&check, &birth);
	expect_eq("plain wait for a child without exit signal", -ECHILD,
		  raw4(SYS_wait4, -1, NULL, 0, NULL));
	birth_end(&birth, value);
	expect_no_sigchld();
}

int main(void)
{
	sigset_t set;

	world_arm();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	must("sigprocmask", sigprocmask(SIG_BLOCK, &set, NULL));
	for (uint64_t seed = 0; seed < 4; seed++)
		one(seed, seed & 1 ? (int)__WALL : (int)__WCLONE);
	return 0;
}
