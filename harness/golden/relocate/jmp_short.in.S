/* SPDX-License-Identifier: MIT */
#include "case.inc"

	test %edi, %edi
	.byte 0xeb, 0x20
	nop
