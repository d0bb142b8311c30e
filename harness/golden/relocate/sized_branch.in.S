/* SPDX-License-Identifier: MIT */
#include "case.inc"

	nop
	nop
	nop
	.byte 0x66, 0xe9, 0, 0, 0, 0
