/* SPDX-License-Identifier: MIT */
#include "case.inc"

	movl $0x12345678, DATA(%rip)
	cmpb $1, DATA + 4(%rip)
	movw $2, DATA + 6(%rip)
	jmp IN + 26
