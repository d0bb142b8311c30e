/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov %rdi, %rbx
	mov %rsi, %rbp
	jmp *0(%rip)
	.quad IN + 6
