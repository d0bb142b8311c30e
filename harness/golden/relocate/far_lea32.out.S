/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov $DATA, %esi
	jmp *0(%rip)
	.quad IN + 6
