/* SPDX-License-Identifier: MIT */
/*
 * The 32-bit register checker's patterns and comparison. The instruction itself is in cpu_i386.S.
 */
#ifdef __i386__

#include "cpu32.h"

#include "mutatee.h"

#include <string.h>

_Static_assert(offsetof(struct cpu32_check, got) == 560, "layout");
_Static_assert(offsetof(struct cpu32_check, got.fx) == 608, "layout");
_Static_assert(offsetof(struct cpu32_check, host) == 1120, "layout");
_Static_assert(offsetof(struct cpu32_check, op) == 1632, "layout");
_Static_assert(offsetof(struct cpu32_check, vsyscall) == 1636, "layout");
_Static_assert(offsetof(struct cpu32_check, child) == 1640, "layout");

long cpu32_run(struct cpu32_check *check);

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void fill(unsigned char *bytes, int size, uint32_t *seed)
{
	for (int i = 0; i < size; i++)
		bytes[i] = (unsigned char)next_random(seed);
}

/* As fill_legacy in cpu.c, with eight xmm registers. */
static void fill_fx(unsigned char *x, uint32_t *seed)
{
	uint16_t fcw = 0x0a7f, fsw = 0x6d20;
	uint32_t mxcsr = 0xdfbf;

	memset(x, 0, 512);
	memcpy(x, &fcw, 2);
	memcpy(x + 2, &fsw, 2);
	x[4] = 0xff;
	memcpy(x + 24, &mxcsr, 4);
	for (int i = 0; i < 8; i++)
		fill(x + 32 + 16 * i, 10, seed);
	fill(x + 160, 128, seed);
}

void cpu32_prepare(struct cpu32_check *check, uint32_t seed)
{
	struct cpu32_image *want = &check->want;

	memset(check, 0, sizeof(*check));
	/* CF PF AF ZF SF DF OF, or AF SF ID. */
	want->eflags = seed & 1 ? 0x202 | 0x90 | 0x200000 : 0x202 | 0xcd5;
	seed = (seed + 1) * 2654435761u;
	want->eax = next_random(&seed);
	want->ebx = next_random(&seed);
	want->ecx = next_random(&seed);
	want->edx = next_random(&seed);
	want->esi = next_random(&seed);
	want->edi = next_random(&seed);
	want->ebp = next_random(&seed);
	fill_fx(want->fx, &seed);
}

static uint16_t read_gs(void)
{
	uint16_t gs;

	__asm__ volatile("mov %%gs, %0" : "=r"(gs));
	return gs;
}

long cpu32_call(struct cpu32_check *check)
{
	uint16_t gs = read_gs();
	long value = cpu32_run(check);

	expect_eq("gs", gs, read_gs());
	return value;
}

static void compare(const char *what, const char *who, uint32_t want, uint32_t got)
{
	if (want != got)
		fail("%s in the %s: expected %#x, saw %#x", what, who, want, got);
}

static void compare_fx(const struct cpu32_check *check, const char *who, int from, int to)
{
	for (int i = from; i < to; i++)
		if (check->want.fx[i] != check->got.fx[i])
			fail("fxsave byte %d in the %s: expected %#x, saw %#x", i, who,
			     check->want.fx[i], check->got.fx[i]);
}

void cpu32_verify(const struct cpu32_check *check, const char *who)
{
	const struct cpu32_image *want = &check->want, *got = &check->got;

	compare("ebx", who, want->ebx, got->ebx);
	compare("ecx", who, want->ecx, got->ecx);
	compare("edx", who, want->edx, got->edx);
	compare("esi", who, want->esi, got->esi);
	compare("edi", who, want->edi, got->edi);
	compare("ebp", who, want->ebp, got->ebp);
	compare("esp", who, want->esp, got->esp);
	compare("eflags", who, want->eflags, got->eflags);
	compare_fx(check, who, 0, 6);
	compare_fx(check, who, 24, 28);
	compare_fx(check, who, 32, 288);
}

static void verify_and_leave(struct cpu32_check *check)
{
	cpu32_verify(check, "child");
	birth_child(check->user);
}

void cpu32_birth(struct cpu32_check *check, void (*op)(void), long nr, uint32_t seed)
{
	const long clone_nr = 120, vfork_nr = 190;
	void (*vsyscall)(void) = check->vsyscall;
	struct birth birth;
	long value;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	cpu32_prepare(check, seed);
	check->want.eax = (uint32_t)nr;
	check->op = op;
	check->vsyscall = vsyscall;
	check->user = &birth;
	if (nr == vfork_nr)
		check->child = verify_and_leave;
	if (nr == clone_nr) {
		check->want.ebx = SIGCHLD;
		check->want.ecx = 0;
	}
	value = cpu32_call(check);
	cpu32_verify(check, value ? "parent" : "child");
	if (!value)
		birth_child(&birth);
	birth_end(&birth, value);
}

#endif
typedef int cpu32_not_empty;
