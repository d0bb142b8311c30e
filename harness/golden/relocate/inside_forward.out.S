/* SPDX-License-Identifier: MIT */
#include "case.inc"

	test %edi, %edi
	.byte 0x0f, 0x84
	.long 1f - . - 4
	inc %eax
1:
	mov %eax, %edx
	jmp IN + 8
