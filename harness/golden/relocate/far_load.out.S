/* SPDX-License-Identifier: MIT */
#include "case.inc"

	movabs $DATA, %rax
	.byte 0x48, 0x8b, 0x40, 0
	movabs $DATA, %rbp
	.byte 0x40, 0x8b, 0x6d, 0
	jmp *0(%rip)
	.quad IN + 13
