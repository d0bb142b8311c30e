/* SPDX-License-Identifier: MIT */
/*
 * All conditions go through the same code: one is enough.
 */
#include "case.inc"

	cmp $0x10, %edx
	.byte 0x0f, 0x87
	.long 0x2000
