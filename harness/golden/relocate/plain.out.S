/* SPDX-License-Identifier: MIT */
#include "case.inc"

	push %rbp
	mov %rsp, %rbp
	sub $0x20, %rsp
	jmp IN + 8
