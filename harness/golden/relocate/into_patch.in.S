/* SPDX-License-Identifier: MIT */
/*
 * Into the middle of an instruction that is overwritten.
 */
#include "case.inc"

	mov $0, %eax
	.byte 0xeb, -4
