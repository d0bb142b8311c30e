/* SPDX-License-Identifier: MIT */
/*
 * The register checker for 32-bit programs: as cpu.h, with int $0x80 and the vdso's
 * __kernel_vsyscall.
 */
#ifndef CPU32_H
#define CPU32_H

#include <stdalign.h>
#include <stdint.h>

struct cpu32_image {
	uint32_t eax, ebx, ecx, edx, esi, edi, ebp, esp, eflags;
	uint32_t pad[3];
	alignas(16) unsigned char fx[512];
};

struct cpu32_check {
	struct cpu32_image want, got;
	unsigned char host[512];
	void (*op)(void);
	void (*vsyscall)(void); /* for cpu32_op_vsyscall: AT_SYSINFO */
	/* If set, called where eax is 0, and must not return: for vfork. */
	void (*child)(struct cpu32_check *check);
	void *user;
};

void cpu32_op_int80(void);
void cpu32_op_vsyscall(void);

void cpu32_prepare(struct cpu32_check *check, uint32_t seed);
long cpu32_call(struct cpu32_check *check);
void cpu32_verify(const struct cpu32_check *check, const char *who);

/*
 * One fork-like call NR with registers checked in parent and child; as a birth, with world and
 * SIGCHLD.
 */
void cpu32_birth(struct cpu32_check *check, void (*op)(void), long nr, uint32_t seed);

#endif
