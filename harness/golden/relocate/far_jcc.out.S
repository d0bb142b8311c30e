/* SPDX-License-Identifier: MIT */
#include "case.inc"

	test %edi, %edi
	jg 1f
	jmp *0(%rip)
	.quad IN + 0x14
	1: nop
	jmp *0(%rip)
	.quad IN + 5
