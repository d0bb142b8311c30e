/* SPDX-License-Identifier: MIT */
#include "case.inc"

	movabs $DATA, %r13
	jmp *0(%rip)
	.quad IN + 7
