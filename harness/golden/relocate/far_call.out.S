/* SPDX-License-Identifier: MIT */
#include "case.inc"

	push $IN + 5
	jmp *0(%rip)
	.quad IN + 0x400
