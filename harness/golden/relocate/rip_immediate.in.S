/* SPDX-License-Identifier: MIT */
/*
 * The displacement counts from behind the immediate.
 */
#include "case.inc"

	movl $0x12345678, DATA(%rip)
	cmpb $1, DATA + 4(%rip)
	movw $2, DATA + 6(%rip)
