/* SPDX-License-Identifier: MIT */
#include "case.inc"

	sub $8, %rsp
	.byte 0x68
	.long IN + 9
	jmp IN + 0x5000
