/* SPDX-License-Identifier: MIT */
/*
 * Ends inside an instruction.
 */
#include "case.inc"

	push %rbp
	.byte 0x48, 0x89
