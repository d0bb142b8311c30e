/* SPDX-License-Identifier: MIT */
#include "case.inc"

	sub $8, %rsp
	.byte 0x68
	.long (IN + 9) & 0xffffffff
	movl $((IN + 9) >> 32), 4(%rsp)
	jmp IN + 0x5000
