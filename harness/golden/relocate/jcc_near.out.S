/* SPDX-License-Identifier: MIT */
#include "case.inc"

	cmp $0x10, %edx
	.byte 0x0f, 0x87
	.long IN + 0x2009 - (OUT + 9)
	jmp IN + 9
