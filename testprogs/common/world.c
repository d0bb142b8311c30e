/* SPDX-License-Identifier: MIT */
/* Signal mask, dispositions and alternate stack, read from the kernel and not from libc. */
#include "mutatee.h"

#include <string.h>
#include <sys/syscall.h>

static unsigned char alternate[65536];

static void on_signal(int sig)
{
	(void)sig;
}

static uint64_t bit(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

void world_arm(void)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMAX);
	must("sigprocmask", sigprocmask(SIG_BLOCK, &set, NULL));
	sigaddset(&act.sa_mask, SIGHUP);
	must("sigaction", sigaction(SIGUSR1, &act, NULL));
	act.sa_handler = SIG_IGN;
	must("sigaction", sigaction(SIGPIPE, &act, NULL));
	must("sigaltstack", sigaltstack(&stack, NULL));
}

static void save_altstack(stack_t *stack)
{
	memset(stack, 0, sizeof(*stack));
	expect_eq("sigaltstack", 0, raw2(SYS_sigaltstack, NULL, stack));
}

void world_save(struct world *world)
{
	memset(world, 0, sizeof(*world));
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &world->mask, sizeof(world->mask));
	for (int sig = 1; sig <= 64; sig++)
		raw4(SYS_rt_sigaction, sig, NULL, world->action[sig], 8);
	save_altstack(&world->altstack);
}

static void compare_altstack(const stack_t *want, const stack_t *got, const char *who)
{
	if (want->ss_sp != got->ss_sp || want->ss_size != got->ss_size ||
	    want->ss_flags != got->ss_flags)
		fail("alternate stack in the %s: expected %p size %zu flags %d, saw %p size %zu flags %d",
		     who, want->ss_sp, want->ss_size, want->ss_flags, got->ss_sp, got->ss_size,
		     got->ss_flags);
}

/* libc handles these from its first thread on. */
static bool is_libcs(int sig)
{
	return sig == 32 || sig == 33;
}

void world_check(const struct world *world, const char *who)
{
	unsigned char action[32];
	uint64_t mask = 0;
	stack_t stack;

	raw4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof(mask));
	if (mask != world->mask)
		fail("signal mask in the %s: expected %#llx, saw %#llx", who,
		     (unsigned long long)world->mask, (unsigned long long)mask);
	for (int sig = 1; sig <= 64; sig++) {
		unsigned long want, got;

		if (is_libcs(sig))
			continue;
		memset(action, 0, sizeof(action));
		raw4(SYS_rt_sigaction, sig, NULL, action, 8);
		if (!memcmp(action, world->action[sig], sizeof(action)))
			continue;
		memcpy(&want, world->action[sig], sizeof(want));
		memcpy(&got, action, sizeof(got));
		fail("disposition of signal %d in the %s: expected handler %#lx and its flags, saw %#lx",
		     sig, who, want, got);
	}
	save_altstack(&stack);
	compare_altstack(&world->altstack, &stack, who);
}

void world_check_after_exec(void)
{
	struct sigaction act;
	uint64_t mask = 0;
	stack_t stack;

	raw4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof(mask));
	mask &= ~bit(SIGCHLD);
	if (mask != (bit(SIGUSR2) | bit(SIGRTMAX)))
		fail("signal mask after exec: expected %#llx, saw %#llx",
		     (unsigned long long)(bit(SIGUSR2) | bit(SIGRTMAX)), (unsigned long long)mask);
	must("sigaction", sigaction(SIGUSR1, NULL, &act));
	if (act.sa_handler != SIG_DFL)
		fail("SIGUSR1 after exec: expected the default, saw another disposition");
	must("sigaction", sigaction(SIGPIPE, NULL, &act));
	if (act.sa_handler != SIG_IGN)
		fail("SIGPIPE after exec: expected that it is ignored, saw another disposition");
	save_altstack(&stack);
	expect_eq("flags of the alternate stack after exec", SS_DISABLE, stack.ss_flags);
}
