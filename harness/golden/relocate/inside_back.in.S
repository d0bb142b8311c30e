/* SPDX-License-Identifier: MIT */
/*
 * A loop within what is moved stays in the copy.
 */
#include "case.inc"

1:
	inc %rdi
	cmpb $0, (%rdi)
	jne 1b
	ret
