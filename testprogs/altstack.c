/* SPDX-License-Identifier: MIT */
/* mutatee: altstack -- forks in a handler that runs on the alternate stack, which stays in use in
 *	parent and child
 * variants: pie static
 * bites: rax=56 rbx redzone sigmask
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned char stack[131072] __attribute__((aligned(64)));
static struct cpu_check check;
static volatile int handled;

static void leave(struct cpu_check *c)
{
	cpu_verify(c, "child");
	birth_child(c->user);
}

static void birth_by(long nr, uint64_t seed)
{
	struct birth birth;

	birth_begin(&birth, BIRTH_WORLD);
	cpu_prepare(&check, seed, CPU_NO_AC);
	check.want.gpr[CPU_RAX] = (uint64_t)nr;
	check.user = &birth;
	if (nr == SYS_vfork) {
		check.child = leave;
		check.no_redzone = true;
	}
	birth_end(&birth, cpu_birth(&check, &birth));
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	unsigned char here;
	stack_t now;

	(void)sig;
	(void)info;
	(void)context;
	if (&here < stack || &here >= stack + sizeof(stack))
		fail("handler's stack: expected the alternate one, saw %p", (void *)&here);
	must("sigaltstack", sigaltstack(NULL, &now));
	expect_eq("ss_flags in the handler", SS_ONSTACK, now.ss_flags);
	birth_by(SYS_fork, (uint64_t)handled);
	birth_by(SYS_vfork, (uint64_t)handled);
	must("sigaltstack", sigaltstack(NULL, &now));
	expect_eq("ss_flags in the handler after forks", SS_ONSTACK, now.ss_flags);
	handled++;
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) }, now;

	must("sigaltstack", sigaltstack(&alternate, NULL));
	sigaddset(&act.sa_mask, SIGHUP);
	must("sigaction", sigaction(SIGUSR1, &act, NULL));
	for (int i = 0; i < 4; i++) {
		raise(SIGUSR1);
		expect_eq("signals handled", i + 1, handled);
		must("sigaltstack", sigaltstack(NULL, &now));
		if (now.ss_flags || now.ss_sp != stack || now.ss_size != sizeof(stack))
			fail("alternate stack afterwards: expected %p unused, saw %p flags %d",
			     (void *)stack, now.ss_sp, now.ss_flags);
	}
	return 0;
}
