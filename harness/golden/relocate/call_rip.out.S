/* SPDX-License-Identifier: MIT */
#include "case.inc"

	push $IN + 6
	jmp *DATA(%rip)
