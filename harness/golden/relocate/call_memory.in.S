/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov (%rdi), %rax
	nop
	nop
	call *0x18(%rax,%r12,8)
