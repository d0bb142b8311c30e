/* SPDX-License-Identifier: MIT */
/* Calls that a stop would end with EINTR: which are hidden from the program, where, and how. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "core/restart.h"
#include "fake_kernel.h"

static struct kernel_regs in_call(unsigned long long nr, long long rax)
{
	struct kernel_regs regs = { .is32 = false };

	regs.r.cs = 0x33;
	regs.r.orig_rax = nr;
	regs.r.rax = (unsigned long long)rax;
	regs.r.rip = 0x401234;
	return regs;
}

static void only_rax_is_changed(void **state)
{
	struct kernel_regs regs = in_call(SYS_epoll_wait, -EINTR);
	struct kernel_regs wanted = regs;

	(void)state;
	wanted.r.rax = (unsigned long long)-514;
	assert_true(restart_unseen(&regs));
	assert_memory_equal(&regs.r, &wanted.r, sizeof(regs.r));
	assert_false(restart_unseen(&regs)); /* once */
}

/* Every other result, and every call that reports EINTR by right, stays as it is. */
static void nothing_else_is(void **state)
{
	static const unsigned rightly[] = { SYS_read,  SYS_write,     SYS_pause, SYS_close,
					    SYS_futex, SYS_nanosleep, SYS_wait4, SYS_rt_sigsuspend };

	(void)state;
	for (long long rax = -600; rax < 600; rax++) {
		struct kernel_regs regs = in_call(SYS_epoll_wait, rax);

		assert_int_equal(restart_unseen(&regs), rax == -EINTR);
		regs = in_call((unsigned long long)-1, rax);
		assert_false(restart_unseen(&regs)); /* in no call */
	}
	for (size_t i = 0; i < sizeof(rightly) / sizeof(rightly[0]); i++) {
		struct kernel_regs regs = in_call(rightly[i], -EINTR);

		assert_false(restart_unseen(&regs));
	}
}

/* 232 is epoll_wait in the 64-bit table and listxattr in the other; 256 migrate_pages and epoll_wait. */
static void trap_39_tables(void **state)
{
	struct kernel_regs regs = in_call(256, -EINTR);

	(void)state;
	assert_false(restart_unseen(&regs));
	regs.is32 = true;
	assert_true(restart_unseen(&regs));
	regs = in_call(256, -EINTR);
	regs.r.cs = 0x23; /* a 64-bit regset of a task in compatibility mode */
	assert_true(restart_unseen(&regs));
	regs = in_call(SYS_epoll_wait, -EINTR);
	regs.is32 = true;
	assert_false(restart_unseen(&regs));
}

static void quiet_signals(void **state)
{
	(void)state;
	for (int sig = 0; sig <= 64; sig++)
		assert_int_equal(restart_is_quiet(sig), sig == SIGCHLD || sig == SIGURG ||
								sig == SIGWINCH || sig == SIGCONT);
}

/* At which stops: those that only we make, and signals that the program may not even notice. */
static void at_which_stops(void **state)
{
	static const struct {
		int status;
		bool hidden;
	} stops[] = {
		{ 128 << 16 | SIGTRAP << 8 | 0x7f, true },
		{ SIGCHLD << 8 | 0x7f, true },
		{ SIGUSR1 << 8 | 0x7f, false },
		{ SIGALRM << 8 | 0x7f, false },
	};
	struct fake *f = fake_open(NULL);
	struct fake_task *task = fake_start(f, 10);

	(void)state;
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		task->regs = in_call(SYS_epoll_wait, -EINTR);
		fake_give(f, 10, stops[i].status);
		assert_int_equal((long long)task->regs.r.rax, stops[i].hidden ? -514 : -EINTR);
	}
	assert_string_equal(f->wrong, "");
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_rax_is_changed), cmocka_unit_test(nothing_else_is),
		cmocka_unit_test(trap_39_tables),      cmocka_unit_test(quiet_signals),
		cmocka_unit_test(at_which_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
