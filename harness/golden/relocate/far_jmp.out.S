/* SPDX-License-Identifier: MIT */
#include "case.inc"

	test %edi, %edi
	jmp *0(%rip)
	.quad IN + 0x4000
