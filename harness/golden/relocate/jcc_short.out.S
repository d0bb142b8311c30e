/* SPDX-License-Identifier: MIT */
#include "case.inc"

	test %rdi, %rdi
	.byte 0x0f, 0x84
	.long IN + 0x84 - (OUT + 9)
	jmp IN + 5
