/* SPDX-License-Identifier: MIT */
/*
 * Thread-local and absolute operands are not relative.
 */
#include "case.inc"

	mov %fs:0x28, %rax
	mov %fs:(%rax), %rcx
