/* SPDX-License-Identifier: MIT */
/* mutatee: sigtrap -- SIGTRAP handled, blocked, ignored: the program's own before and after forks,
 *	mask and disposition
 * arguments: [hold] (holds once with SIGTRAP handled, once with it blocked and pending, once with
 *	it ignored)
 * variants: pie static
 * bites: rax=56 sigmask trap
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct cpu_check check;
static volatile int traps;
static volatile int code;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	traps++;
	code = info->si_code;
}

static void dispose(void (*plain)(int))
{
	struct sigaction act = { .sa_flags = SA_RESTART };

	if (plain) {
		act.sa_handler = plain;
	} else {
		act.sa_flags |= SA_SIGINFO;
		act.sa_sigaction = on_trap;
		sigaddset(&act.sa_mask, SIGHUP);
	}
	must("sigaction", sigaction(SIGTRAP, &act, NULL));
}

static void block(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	must("sigprocmask", sigprocmask(how, &set, NULL));
}

static void forks(void)
{
	struct birth birth;
	pid_t pid;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	pid = fork();
	if (pid == 0)
		birth_child(&birth);
	birth_end(&birth, pid);
	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	cpu_prepare(&check, (uint64_t)pid, CPU_NO_AC);
	check.want.gpr[CPU_RAX] = SYS_fork;
	birth_end(&birth, cpu_birth(&check, &birth));
}

static void hold_checked(int argc, char **argv)
{
	struct world world;

	world_save(&world);
	hold_if(argc, argv);
	world_check(&world, "held program");
}

static void expect_trap(int count, int want_code)
{
	expect_eq("SIGTRAPs handled", count, traps);
	expect_eq("si_code of SIGTRAP", want_code, code);
}

static void handled(int argc, char **argv)
{
	dispose(NULL);
	traps = 0;
	hold_checked(argc, argv);
	raise(SIGTRAP);
	expect_trap(1, SI_TKILL);
	forks();
	expect_trap(1, SI_TKILL);
	raise(SIGTRAP);
	expect_trap(2, SI_TKILL);
	__asm__ volatile("int3" : : : "memory");
	expect_trap(3, SI_KERNEL);
	forks();
	__asm__ volatile("int3" : : : "memory");
	expect_trap(4, SI_KERNEL);
}

static void expect_pending(int count)
{
	struct timespec none = { 0 };
	siginfo_t info;
	sigset_t set;

	must("sigpending", sigpending(&set));
	expect_eq("SIGTRAP pending", count, sigismember(&set, SIGTRAP));
	if (!count)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	/* The bare call: glibc's shows SI_TKILL as SI_USER. */
	expect_eq("sigtimedwait for SIGTRAP", SIGTRAP,
		  raw4(SYS_rt_sigtimedwait, &set, &info, &none, 8));
	expect_eq("si_code of the pending SIGTRAP", SI_TKILL, info.si_code);
	expect_eq("si_pid of the pending SIGTRAP", getpid(), info.si_pid);
}

static void blocked(int argc, char **argv)
{
	dispose(NULL);
	block(SIG_BLOCK);
	traps = 0;
	raise(SIGTRAP);
	hold_checked(argc, argv);
	forks();
	expect_eq("SIGTRAPs handled while blocked", 0, traps);
	expect_pending(1);
	expect_pending(0);
	raise(SIGTRAP);
	forks();
	block(SIG_UNBLOCK);
	expect_trap(1, SI_TKILL);
}

static void ignored(int argc, char **argv)
{
	dispose(SIG_IGN);
	traps = 0;
	raise(SIGTRAP);
	hold_checked(argc, argv);
	forks();
	raise(SIGTRAP);
	expect_eq("SIGTRAPs handled while ignored", 0, traps);
	/* Blocked and ignored at once. */
	block(SIG_BLOCK);
	raise(SIGTRAP);
	forks();
	block(SIG_UNBLOCK);
	expect_eq("SIGTRAPs handled while ignored", 0, traps);
}

int main(int argc, char **argv)
{
	world_arm();
	handled(argc, argv);
	blocked(argc, argv);
	ignored(argc, argv);
	return 0;
}
