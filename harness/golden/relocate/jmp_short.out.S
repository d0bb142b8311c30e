/* SPDX-License-Identifier: MIT */
#include "case.inc"

	test %edi, %edi
	jmp IN + 0x24
	nop
	jmp IN + 5
