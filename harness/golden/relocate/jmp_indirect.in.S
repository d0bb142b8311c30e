/* SPDX-License-Identifier: MIT */
/*
 * A PLT entry; a switch. Nothing comes behind.
 */
#include "case.inc"

	.byte 0xf2 /* bnd: clang 14 does not know the word */
	jmp *DATA(%rip)
	notrack jmp *%rax
