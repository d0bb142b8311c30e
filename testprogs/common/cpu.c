/* SPDX-License-Identifier: MIT */
/* Patterns for every register, and the comparison. The instruction itself is in cpu_x86_64.S. */
#ifdef __x86_64__

#include "mutatee.h"

#include "cpu.h"

#include <cpuid.h>
#include <string.h>
#include <sys/syscall.h>

#define ARCH_SET_GS 0x1001
#define ARCH_GET_FS 0x1003

_Static_assert(offsetof(struct cpu_image, rflags) == IMG_FLAGS, "layout");
_Static_assert(offsetof(struct cpu_image, fs_base) == IMG_FS, "layout");
_Static_assert(offsetof(struct cpu_image, gs_base) == IMG_GS, "layout");
_Static_assert(offsetof(struct cpu_image, seg) == IMG_SEG, "layout");
_Static_assert(offsetof(struct cpu_image, redzone) == IMG_REDZONE, "layout");
_Static_assert(offsetof(struct cpu_image, xstate) == IMG_X, "layout");
_Static_assert(sizeof(struct cpu_image) == IMG_SIZE, "layout");
_Static_assert(offsetof(struct cpu_check, got) == CHK_GOT, "layout");
_Static_assert(offsetof(struct cpu_check, host) == CHK_HOST, "layout");
_Static_assert(offsetof(struct cpu_check, xmask) == CHK_XMASK, "layout");
_Static_assert(offsetof(struct cpu_check, op) == CHK_OP, "layout");
_Static_assert(offsetof(struct cpu_check, child) == CHK_CHILD, "layout");
_Static_assert(offsetof(struct cpu_check, skew) == CHK_SKEW, "layout");

long cpu_run(struct cpu_check *check);
void cpu_capture(void);

/*
 * Where cpu_op_spin jumps at the end of each round, and what it writes at the start: rsp, so not 0.
 */
extern void (*volatile cpu_spin_next)(void);
extern volatile uint64_t cpu_spin_seen;
void (*volatile cpu_spin_next)(void) = cpu_op_spin;
volatile uint64_t cpu_spin_seen;

/* XSAVE components (SDM volume 1, 13.1). MPX is gone, and AMX is not inherited by fork. */
static const struct component {
	unsigned bit;
	const char *name;
} components[] = {
	{ 2, "ymm_high" }, { 5, "opmask" }, { 6, "zmm_high" }, { 7, "zmm16_31" }, { 9, "pkru" },
};

#define N_COMPONENTS (sizeof(components) / sizeof(components[0]))
#define XMASK_WANTED 0x2e7u

struct area {
	unsigned offset, size;
};

static struct area component_area(unsigned bit)
{
	unsigned size, offset, c, d;

	__cpuid_count(0xd, bit, size, offset, c, d);
	return (struct area){ offset, size };
}

static uint64_t find_xmask(void)
{
	unsigned a, b, c, d, low, high;
	uint64_t mask;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return 0;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	mask = low & XMASK_WANTED;
	for (size_t i = 0; i < N_COMPONENTS; i++) {
		struct area area = component_area(components[i].bit);

		if (area.offset + area.size > sizeof(((struct cpu_image *)0)->xstate))
			mask &= ~(UINT64_C(1) << components[i].bit);
	}
	return mask;
}

const char *cpu_components(void)
{
	static char list[64];
	uint64_t mask = find_xmask();

	strcpy(list, "x87 sse");
	for (size_t i = 0; i < N_COMPONENTS; i++)
		if (mask >> components[i].bit & 1)
			strcat(strcat(list, " "), components[i].name);
	return list;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void fill(void *area, size_t size, uint64_t *seed)
{
	unsigned char *bytes = area;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)next_random(seed);
}

/*
 * FXSAVE's part (SDM volume 1, table 10-2): control words without unmasked exceptions, all of ST
 * and XMM in use.
 */
static void fill_legacy(unsigned char *x, uint64_t *seed)
{
	uint16_t fcw = 0x0a7f;   /* double precision, round up, all masked */
	uint16_t fsw = 0x6d20;   /* TOP = 5, C3 C2 C0, a sticky precision flag */
	uint32_t mxcsr = 0xdfbf; /* flush to zero, round up, all masked, all sticky flags */

	memset(x, 0, 512);
	memcpy(x, &fcw, 2);
	memcpy(x + 2, &fsw, 2);
	x[4] = 0xff;
	memcpy(x + 24, &mxcsr, 4);
	for (int i = 0; i < 8; i++)
		fill(x + 32 + 16 * i, 10, seed);
	fill(x + 160, 256, seed);
}

/* Only the rights of key 15 change: nobody has that key. */
static void fill_pkru(void *area)
{
	uint32_t pkru;

	__asm__ volatile("rdpkru" : "=a"(pkru) : "c"(0) : "rdx");
	pkru ^= 0xc0000000u;
	memcpy(area, &pkru, sizeof(pkru));
}

static void fill_xstate(struct cpu_check *check, uint64_t *seed)
{
	unsigned char *x = check->want.xstate;

	fill_legacy(x, seed);
	if (!check->xmask)
		return;
	memcpy(x + 512, &check->xmask, sizeof(check->xmask));
	for (size_t i = 0; i < N_COMPONENTS; i++) {
		struct area area = component_area(components[i].bit);

		if (!(check->xmask >> components[i].bit & 1))
			continue;
		if (components[i].bit == 9)
			fill_pkru(x + area.offset);
		else
			fill(x + area.offset, area.size, seed);
	}
}

static void read_segments(uint16_t seg[static 6])
{
	__asm__("mov %%cs, %0" : "=m"(seg[0]));
	__asm__("mov %%ss, %0" : "=m"(seg[1]));
	__asm__("mov %%ds, %0" : "=m"(seg[2]));
	__asm__("mov %%es, %0" : "=m"(seg[3]));
	__asm__("mov %%fs, %0" : "=m"(seg[4]));
	__asm__("mov %%gs, %0" : "=m"(seg[5]));
}

void cpu_prepare(struct cpu_check *check, uint64_t seed, int flags)
{
	bool odd = seed & 1;

	seed = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	memset(check, 0, sizeof(*check));
	check->op = cpu_op_syscall;
	check->xmask = find_xmask();
	fill(check->want.gpr, sizeof(check->want.gpr), &seed);
	fill(check->want.redzone, sizeof(check->want.redzone), &seed);
	/* IF and bit 1 are always set; then CF PF AF ZF SF DF OF, or AF SF AC ID. */
	check->want.rflags = odd ? 0x202 | 0x90 | 0x240000 : 0x202 | 0xcd5;
	if (flags & CPU_NO_AC)
		check->want.rflags &= ~UINT64_C(0x40000);
	check->want.gs_base = next_random(&seed) & UINT64_C(0x3ffffffff000);
	fill_xstate(check, &seed);
	read_segments(check->want.seg);
	expect_eq("arch_prctl(ARCH_GET_FS)", 0,
		  raw2(SYS_arch_prctl, ARCH_GET_FS, &check->want.fs_base));
}

void cpu_args(struct cpu_check *check, long nr, const void *a, const void *b, const void *c,
	      const void *d, const void *e)
{
	uint64_t *gpr = check->want.gpr;

	gpr[CPU_RAX] = (uint64_t)nr;
	gpr[CPU_RDI] = (uintptr_t)a;
	gpr[CPU_RSI] = (uintptr_t)b;
	gpr[CPU_RDX] = (uintptr_t)c;
	gpr[CPU_R10] = (uintptr_t)d;
	gpr[CPU_R8] = (uintptr_t)e;
}

long cpu_call(struct cpu_check *check)
{
	long value;

	expect_eq("arch_prctl(ARCH_SET_GS)", 0,
		  raw2(SYS_arch_prctl, ARCH_SET_GS, check->want.gs_base));
	value = cpu_run(check);
	/* liar.c goes by it: gs base is not 0 only while every register is watched. */
	raw2(SYS_arch_prctl, ARCH_SET_GS, 0);
	return value;
}

void cpu_spin_prepare(struct cpu_check *check)
{
	check->op = cpu_op_spin;
	cpu_spin_seen = 0;
	cpu_spin_next = cpu_op_spin;
}

bool cpu_spin_entered(void)
{
	return cpu_spin_seen != 0;
}

void cpu_spin_release(void)
{
	cpu_spin_next = cpu_capture;
}

static void compare_bytes(const struct cpu_check *check, const char *who, const char *what,
			  unsigned offset, unsigned size)
{
	const unsigned char *want = check->want.xstate + offset;
	const unsigned char *got = check->got.xstate + offset;

	for (unsigned i = 0; i < size; i++)
		if (want[i] != got[i])
			fail("%s byte %u in the %s: expected %#x, saw %#x", what, i, who, want[i],
			     got[i]);
}

static void verify_xstate(const struct cpu_check *check, const char *who)
{
	compare_bytes(check, who, "x87 control and status", 0, 24);
	compare_bytes(check, who, "mxcsr", 24, 4);
	compare_bytes(check, who, "x87 stack", 32, 128);
	compare_bytes(check, who, "xmm", 160, 256);
	for (size_t i = 0; i < N_COMPONENTS; i++) {
		struct area area = component_area(components[i].bit);

		if (check->xmask >> components[i].bit & 1)
			compare_bytes(check, who, components[i].name, area.offset, area.size);
	}
}

static void compare(const char *what, int index, const char *who, uint64_t want, uint64_t got)
{
	if (want != got)
		fail("%s %d in the %s: expected %#llx, saw %#llx", what, index, who,
		     (unsigned long long)want, (unsigned long long)got);
}

static void verify_gpr(const struct cpu_check *check, const char *who)
{
	static const char *const names[] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
	};
	unsigned clobbered = 0;

	if (check->op == cpu_op_syscall)
		clobbered = 1u << CPU_RAX | 1u << CPU_RCX | 1u << CPU_R11;
	else if (check->op == cpu_op_int80)
		clobbered = 1u << CPU_RAX;
	for (int i = 0; i < 16; i++)
		if (!(clobbered >> i & 1) && check->want.gpr[i] != check->got.gpr[i])
			fail("%s in the %s: expected %#llx, saw %#llx", names[i], who,
			     (unsigned long long)check->want.gpr[i],
			     (unsigned long long)check->got.gpr[i]);
}

void cpu_verify(const struct cpu_check *check, const char *who)
{
	const struct cpu_image *want = &check->want, *got = &check->got;

	verify_gpr(check, who);
	compare("rflags", 0, who, want->rflags, got->rflags);
	compare("fs base", 0, who, want->fs_base, got->fs_base);
	compare("gs base", 0, who, want->gs_base, got->gs_base);
	for (int i = 0; i < 6; i++)
		compare("segment selector", i, who, want->seg[i], got->seg[i]);
	for (int i = 0; i < 16 && !check->no_redzone; i++)
		compare("red zone at rsp-128 + 8 *", i, who, want->redzone[i], got->redzone[i]);
	verify_xstate(check, who);
}

void *cpu_stack(struct cpu_check *mine, const struct cpu_check *check, void *stack, uint64_t size,
		void (*child)(struct cpu_check *check))
{
	uintptr_t rsp = ((uintptr_t)stack + size - FRAME_SIZE - 256) & ~(uintptr_t)15;

	*mine = *check;
	mine->child = child;
	mine->want.gpr[CPU_RSP] = rsp;
	mine->want.gpr[CPU_RSI] = rsp;
	memcpy((char *)rsp - 128, mine->want.redzone, 128);
	memcpy((char *)rsp + FRAME_CHECK, &mine, sizeof(mine));
	return (void *)rsp;
}

long cpu_birth(struct cpu_check *check, struct birth *birth)
{
	long value = cpu_call(check);

	cpu_verify(check, value ? "parent" : "child");
	if (!value)
		birth_child(birth);
	return value;
}

#endif
typedef int cpu_not_empty;
