/* SPDX-License-Identifier: MIT */
#include "case.inc"

	movabs $DATA, %r12
	.byte 0x4d, 0x8b, 0x64, 0x24, 0
	jmp *0(%rip)
	.quad IN + 7
