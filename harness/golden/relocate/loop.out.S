/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov %eax, %ebx
	loop 1f
	jmp 2f
	1: jmp IN + 0x30
	2: loopne 1f
	jmp 2f
	1: jmp IN + 0x30
	2: mov %ebx, %eax
	jmp IN + 8
