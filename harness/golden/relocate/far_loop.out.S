/* SPDX-License-Identifier: MIT */
#include "case.inc"

	loop 1f
	jmp 2f
	1: jmp *0(%rip)
	.quad IN + 0x30
	2: mov %edi, %edi
	nop
	jmp *0(%rip)
	.quad IN + 5
