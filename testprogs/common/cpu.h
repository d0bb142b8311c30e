/* SPDX-License-Identifier: MIT */
/*
 * The register checker: one instruction (syscall, int $0x80, or a loop) with every register filled,
 * and all of them compared afterwards. x86-64 only.
 *
 *	cpu_prepare(&check, seed, 0);
 *	cpu_args(&check, SYS_clone, SIGCHLD, 0, 0, 0, 0);
 *	value = cpu_call(&check);
 *	cpu_verify(&check, value ? "parent" : "child");
 *
 * Filled and compared: the general registers, rflags (with DF, or with AC and ID, by turns), the
 * red zone, the segment selectors, the bases of fs and gs, x87, MXCSR, xmm, and, where the CPU has
 * XSAVE, ymm, zmm, k0-k7 and PKRU. The instruction may change rax, and syscall rcx and r11 also;
 * nothing else.
 */
#ifndef CPU_H
#define CPU_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "cpu_layout.h"

/* clang-format off */
enum cpu_register {
	CPU_RAX, CPU_RCX, CPU_RDX, CPU_RBX, CPU_RSP, CPU_RBP, CPU_RSI, CPU_RDI,
	CPU_R8, CPU_R9, CPU_R10, CPU_R11, CPU_R12, CPU_R13, CPU_R14, CPU_R15,
};
/* clang-format on */

struct cpu_image {
	uint64_t gpr[16]; /* by enum cpu_register */
	uint64_t rflags;
	uint64_t fs_base, gs_base;
	uint16_t seg[8]; /* cs ss ds es fs gs */
	uint64_t redzone[16];
	alignas(64) unsigned char xstate[4096];
};

struct cpu_check {
	struct cpu_image want, got;
	unsigned char host[4096]; /* the compiler's own vector state meanwhile */
	uint64_t xmask;           /* XSAVE components that are used; 0: FXSAVE */
	void (*op)(void);         /* the instruction */
	/*
	 * If set, called instead of a return where rax is 0, and must not return: for children that
	 * share the stack of the parent (vfork) or that run on one of their own (cpu_stack).
	 */
	void (*child)(struct cpu_check *check);
	uint64_t skew;   /* bytes by which rsp is moved down, a multiple of 8 */
	void *user;      /* the caller's */
	bool no_redzone; /* not compared: the child of a vfork ran on this stack */
};

enum cpu_flags {
	/* A handler may run: it would inherit AC, and libc is not written for that. */
	CPU_NO_AC = 1,
};

/* The instructions, for cpu_check.op; cpu_prepare chooses cpu_op_syscall. */
void cpu_op_syscall(void);
void cpu_op_int80(void);
void cpu_op_spin(void); /* loops until cpu_spin_release */

/* By the thread that is going to make the call: fs base is its own. */
void cpu_prepare(struct cpu_check *check, uint64_t seed, int flags);
void cpu_args(struct cpu_check *check, long nr, const void *a, const void *b, const void *c,
	      const void *d, const void *e);
#define CPU_ARG(x) ((const void *)(uintptr_t)(x))
long cpu_call(struct cpu_check *check);
void cpu_verify(const struct cpu_check *check, const char *who);

/*
 * Chooses cpu_op_spin. Another thread may then ask whether the loop was entered, and end it. One
 * loop at a time.
 */
void cpu_spin_prepare(struct cpu_check *check);
bool cpu_spin_entered(void);
void cpu_spin_release(void);

/*
 * Makes STACK (its lowest address; SIZE bytes) the place where a child of CLONE_VM comes back into
 * cpu_call: returns the stack pointer to pass to the call. MINE is the child's own check: a copy of
 * CHECK, made here, with CHILD set.
 */
void *cpu_stack(struct cpu_check *mine, const struct cpu_check *check, void *stack, uint64_t size,
		void (*child)(struct cpu_check *check));

/*
 * In a birth (mutatee.h): cpu_call, cpu_verify in both, birth_child in the child. Returns the
 * parent's value.
 */
struct birth;
long cpu_birth(struct cpu_check *check, struct birth *birth);

/* "x87 sse avx opmask …": what this CPU lets us compare. */
const char *cpu_components(void);

#endif
