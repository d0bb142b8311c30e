/* SPDX-License-Identifier: MIT */
/*
 * raw_syscall.h - a system call without libc, for payloads: returns -errno as the kernel does and
 * leaves the thread's errno alone.
 */
#ifndef SCION_PAYLOADS_RAW_SYSCALL_H
#define SCION_PAYLOADS_RAW_SYSCALL_H

#include <stdint.h>

static inline int64_t raw_syscall(uint64_t number, const uint64_t arg[6])
{
	register uint64_t r10 __asm__("r10") = arg[3];
	register uint64_t r8 __asm__("r8") = arg[4];
	register uint64_t r9 __asm__("r9") = arg[5];
	int64_t ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(arg[0]), "S"(arg[1]), "d"(arg[2]), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline int64_t raw_syscall0(uint64_t number)
{
	int64_t ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(number) : "rcx", "r11", "memory");
	return ret;
}
#endif
