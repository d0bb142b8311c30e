/* SPDX-License-Identifier: MIT */
#include "case.inc"

	test %edi, %edi
	.byte 0x7e, 0x10
	nop
