/* SPDX-License-Identifier: MIT */
#include "case.inc"

	jrcxz 1f
	jmp 2f
	1: jmp IN + 0x30
	2: jecxz 1f
	jmp 2f
	1: jmp IN + 0x40
	2: jmp IN + 5
