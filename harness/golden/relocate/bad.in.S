/* SPDX-License-Identifier: MIT */
#include "case.inc"

	nop
	.byte 0x06
	nop
	nop
	nop
