/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov (%rdi), %rax
	nop
	nop
	push $IN + 10
	jmp *0x18(%rax,%r12,8)
