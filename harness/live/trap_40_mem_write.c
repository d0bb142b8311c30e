/* SPDX-License-Identifier: MIT */
/*
 * Trap 40: code is written by /proc/PID/mem, which may refuse (proc_mem.force_override of Linux
 * 6.12): then by PTRACE_POKEDATA. process_vm_writev can't write r-x pages at all.
 */
#include <string.h>
#include <sys/mman.h>

#include "live/kernel_tracee.h"

#define PAGE   4096
#define OFFSET 13 /* unaligned: the write begins and ends in the middle of words */

/* mov $1, %eax; ret. Another return value is patched in, six bytes at an odd address. */
static const unsigned char returns_1[] = { 0xb8, 1, 0, 0, 0, 0xc3 };
static const unsigned char returns_2[] = { 0xb8, 2, 0, 0, 0, 0xc3 };

static unsigned char *code;

static int call_code(void)
{
	int (*function)(void);

	memcpy(&function, &(unsigned char *){ code + OFFSET }, sizeof(function));
	return function();
}

/* The parent's memory stays as it was: private pages. */
static void patch(struct kernel *k, unsigned refuse, const char *way)
{
	struct tracee t;
	unsigned char before[PAGE], after[PAGE];
	struct stop stop;

	linux_of(k)->refuse = 0;
	tracee_start(&t, k, PTRACE_O_EXITKILL, call_code);
	tracee_stop(&t);
	CHECK_EQ(kernel_read(k, t.pid, (uintptr_t)code, before, PAGE), 0);
	CHECK_EQ(kernel_write(k, t.pid, (uintptr_t)code + OFFSET, returns_2, 6), -EFAULT);
	linux_of(k)->refuse = refuse;
	CHECK_EQ(kernel_write_code(k, t.pid, (uintptr_t)code + OFFSET, returns_2, 6), 0);
	linux_of(k)->refuse = 0;
	CHECK_EQ(kernel_read(k, t.pid, (uintptr_t)code, after, PAGE), 0);
	memcpy(before + OFFSET, returns_2, 6);
	CHECK_MSG(memcmp(before, after, PAGE) == 0, "%s: other bytes changed", way);
	tracee_cont(&t, 0);
	tracee_go(&t);
	stop = tracee_expect(&t, STOP_EXITED);
	CHECK_MSG(stop.exit_code == 2, "%s: the program returned %d", way, stop.exit_code);
	CHECK_EQ(call_code(), 1);
}

static int run(void)
{
	struct kernel *k = tracee_kernel();
	struct tracee t;

	code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(code != MAP_FAILED);
	memset(code, 0x90, PAGE);
	memcpy(code + OFFSET, returns_1, sizeof(returns_1));
	CHECK_CALL(mprotect(code, PAGE, PROT_READ | PROT_EXEC));
	patch(k, 0, "by itself");
	patch(k, LINUX_REFUSE_MEM, "PTRACE_POKEDATA");
	/* Where nothing is left, it is said. */
	tracee_start(&t, k, PTRACE_O_EXITKILL, call_code);
	tracee_stop(&t);
	linux_of(k)->refuse = LINUX_REFUSE_MEM | LINUX_REFUSE_WORDS;
	CHECK_LT(kernel_write_code(k, t.pid, (uintptr_t)code + OFFSET, returns_2, 6), 0);
	tracee_kill(&t);
	kernel_free(k);
	return 0;
}

const struct scion_test scion_test = { .name = "trap_40_mem_write", .trap = "40", .run = run };
