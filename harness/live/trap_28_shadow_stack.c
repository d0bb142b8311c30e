/* SPDX-License-Identifier: MIT */
/* A program that has a user shadow stack: its payload is refused with the reason, and it goes on. */
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/target.h"

#define ARCH_SHSTK_ENABLE 0x5001
#define ARCH_SHSTK_SHSTK  1

static uint32_t *shared; /* 0: the shadow stack is there (2: it can't be had); 1: the end */

/* No function that was called before may return any more: their returns are on no shadow stack. */
static int program(void *arg)
{
	long result;

	(void)arg;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"((long)SYS_arch_prctl), "D"((long)ARCH_SHSTK_ENABLE),
			   "S"((long)ARCH_SHSTK_SHSTK)
			 : "rcx", "r11", "memory");
	__atomic_store_n(&shared[0], result ? 2 : 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared[1], __ATOMIC_ACQUIRE))
		;
	__asm__ volatile("syscall" : : "a"((long)SYS_exit_group), "D"(0l) : "rcx", "r11", "memory");
	__builtin_unreachable();
}

static int run(void)
{
	const struct scion_event *event;
	struct target t;

	shared = target_shared(4096);
	target_fork(&t, program, NULL);
	if (target_await(&shared[0], 0) == 2)
		SKIP("the kernel gives no user shadow stacks (Linux 6.6, CONFIG_X86_USER_SHADOW_STACK)");
	target_attach(&t, NULL);
	event = target_inject(&t, t.pid, target_payload(&t, "whoami"));
	CHECK_EQ(event->error, SCION_ENOTSUP);
	CHECK_CONTAINS(target_message(&t), "shadow stack");
	target_detach(&t);
	__atomic_store_n(&shared[1], 1, __ATOMIC_RELEASE);
	CHECK(target_end(&t));
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_28_shadow_stack",
	.trap = "28",
	.cpu_features = TEST_CPU_SHSTK,
	.run = run,
};
