/* SPDX-License-Identifier: MIT */
/* Decisions about registers around a payload: restarts, entry, way back, rseq, masks. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "inject/regs.h"

#define NO_CALL ((unsigned long long)-1)

/* Every register has a value of its own, so that a mix-up shows. */
static struct kernel_regs sample(void)
{
	struct kernel_regs regs = { .is32 = false };
	unsigned char *bytes = (unsigned char *)&regs.r;

	for (size_t i = 0; i < sizeof(regs.r); i++)
		bytes[i] = (unsigned char)(i + 1);
	regs.r.cs = 0x33;
	regs.r.ss = 0x2b;
	return regs;
}

static void same(const struct kernel_regs *a, const struct kernel_regs *b)
{
	assert_memory_equal(&a->r, &b->r, sizeof(a->r));
	assert_int_equal(a->is32, b->is32);
}

/* signal(7): exactly four codes, and only of a call. 515 (ENOIOCTLCMD) is none. */
static void trap_21_what_restarts(void **state)
{
	(void)state;
	for (long long error = -4200; error <= 4200; error++) {
		struct user_regs_struct regs = { .rax = (unsigned long long)error, .orig_rax = 0 };
		bool wanted = error == -512 || error == -513 || error == -514 || error == -516;

		assert_int_equal(regs_restarts(&regs), wanted);
		regs.orig_rax = 435;
		assert_int_equal(regs_restarts(&regs), wanted);
		regs.orig_rax = NO_CALL; /* user code that has such a value in rax */
		assert_false(regs_restarts(&regs));
	}
}

static void only_64_bit_code(void **state)
{
	struct kernel_regs regs = sample();

	(void)state;
	assert_true(regs_is_64bit(&regs));
	regs.is32 = true;
	assert_false(regs_is_64bit(&regs));
	regs.is32 = false;
	regs.r.cs = 0x23; /* a 64-bit process that has gone to compatibility mode */
	assert_false(regs_is_64bit(&regs));
}

static void trap_26_entry(void **state)
{
	struct kernel_regs home = sample();
	struct kernel_regs kept = home;
	struct kernel_regs regs;

	(void)state;
	home.r.eflags = kept.r.eflags = ~0ull; /* DF, TF, AC, NT and all */
	regs = regs_enter(&home, 0x7000, 0x9000);
	same(&home, &kept);
	assert_int_equal(regs.r.rip, 0x7000);
	assert_int_equal(regs.r.rdi, 0x9000);
	assert_int_equal(regs.r.rsp, 0x9000);
	assert_int_equal(regs.r.eflags, 0x200202);  /* ID, which ptrace can't set, stays */
	assert_int_equal(regs.r.orig_rax, NO_CALL); /* trap 20: else rip loses two bytes */
	assert_int_equal(regs.r.cs, 0x33);
	assert_int_equal(regs.r.ss, 0x2b);
	/* trap 31 */
	assert_int_equal(regs.r.fs_base, home.r.fs_base);
	assert_int_equal(regs.r.gs_base, home.r.gs_base);
	assert_int_equal(regs.r.fs, home.r.fs);
	assert_int_equal(regs.r.gs, home.r.gs);
	assert_int_equal(regs.r.ds, home.r.ds);
	assert_int_equal(regs.r.es, home.r.es);
}

/* The arguments' registers of a system call: r10, not rcx (syscall(2)). */
static void remote_call(void **state)
{
	static const uint64_t args[6] = { 11, 12, 13, 14, 15, 16 };
	struct kernel_regs home = sample();
	struct kernel_regs wanted = home;
	struct kernel_regs regs = regs_call(&home, 0x5000, 9, args);

	(void)state;
	wanted.r.rip = 0x5000;
	wanted.r.rax = 9;
	wanted.r.rdi = 11;
	wanted.r.rsi = 12;
	wanted.r.rdx = 13;
	wanted.r.r10 = 14;
	wanted.r.r8 = 15;
	wanted.r.r9 = 16;
	wanted.r.orig_rax = NO_CALL;
	wanted.r.eflags = 0x202;
	same(&regs, &wanted);
}

static void trap_20_plain(void **state)
{
	struct kernel_regs home = sample();
	struct kernel_regs wanted = home;
	struct kernel_regs regs = regs_plain(&home);

	(void)state;
	wanted.r.orig_rax = NO_CALL;
	same(&regs, &wanted);
}

/* At a syscall-enter-stop rax is -ENOSYS: the call's number is in orig_rax alone. */
static void undo_entry(void **state)
{
	struct kernel_regs regs = sample();
	struct kernel_regs wanted = regs;

	(void)state;
	regs.r.rip = 0x401002;
	regs.r.orig_rax = 231;
	regs.r.rax = (unsigned long long)-38;
	wanted.r.rip = 0x401000;
	wanted.r.orig_rax = NO_CALL;
	wanted.r.rax = 231;
	regs_undo_entry(&regs);
	same(&regs, &wanted);
	assert_false(regs_restarts(&regs.r));
}

/* The section is [start, start + post_commit): both ends, and a section at the top of memory. */
static void trap_27_rseq(void **state)
{
	static const struct {
		uint64_t start, length, rip;
		bool inside;
	} cases[] = {
		{ 0x1000, 0x20, 0x0fff, false },
		{ 0x1000, 0x20, 0x1000, true },
		{ 0x1000, 0x20, 0x101f, true },
		{ 0x1000, 0x20, 0x1020, false },
		{ 0x1000, 0, 0x1000, false },
		{ 0x1000, 0x20, 0, false },
		{ ~0ull - 0xf, 0x10, ~0ull, true },
		{ ~0ull - 0xf, 0x10, 0, false },
		{ 0x1000, 0x20, 0x1000 + (1ull << 32), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kernel_regs regs = sample();
		struct kernel_regs wanted;
		struct regs_rseq_cs section = { .start_ip = cases[i].start,
						.post_commit_offset = cases[i].length,
						.abort_ip = 0x66000 };

		regs.r.rip = cases[i].rip;
		wanted = regs;
		if (cases[i].inside)
			wanted.r.rip = 0x66000;
		regs_leave_rseq(&regs.r, &section);
		same(&regs, &wanted);
	}
	assert_int_equal(sizeof(struct regs_rseq_cs), 32); /* the ABI of rseq(2) */
	assert_int_equal(offsetof(struct regs_rseq_cs, start_ip), 8);
	assert_int_equal(offsetof(struct regs_rseq_cs, post_commit_offset), 16);
	assert_int_equal(offsetof(struct regs_rseq_cs, abort_ip), 24);
}

static void payload_sees_all(void **state)
{
	struct kernel_regs regs = sample();
	struct scion_payload_regs out;
	unsigned long long values[21];

	(void)state;
	memset(&out, 0xee, sizeof(out));
	regs_to_payload(&regs.r, &out);
	/* the order is that of user_regs_struct up to ss */
	memcpy(values, &regs.r, sizeof(values));
	assert_memory_equal(&out, values, sizeof(values));
}

static void trap_24_masks(void **state)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
	uint64_t mask = regs_blocked_mask(0);

	(void)state;
	for (int sig = 1; sig <= 64; sig++) {
		bool fault = false;

		for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
			fault = fault || faults[i] == sig;
		assert_int_equal(regs_is_fault(sig), fault);
		assert_int_equal(mask >> (sig - 1) & 1, !fault);
		/* the signal before which the payload runs is queued again by blocking it */
		assert_int_equal(regs_blocked_mask(sig), mask | 1ull << (sig - 1));
	}
	assert_int_equal(regs_blocked_mask(-1), mask);
	assert_false(regs_is_fault(0));
	assert_false(regs_is_fault(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trap_21_what_restarts), cmocka_unit_test(only_64_bit_code),
		cmocka_unit_test(trap_26_entry),         cmocka_unit_test(remote_call),
		cmocka_unit_test(trap_20_plain),         cmocka_unit_test(undo_entry),
		cmocka_unit_test(trap_27_rseq),          cmocka_unit_test(payload_sees_all),
		cmocka_unit_test(trap_24_masks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
