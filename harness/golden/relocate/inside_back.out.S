/* SPDX-License-Identifier: MIT */
#include "case.inc"

1:
	inc %rdi
	cmpb $0, (%rdi)
	.byte 0x0f, 0x85
	.long 1b - . - 4
	ret
