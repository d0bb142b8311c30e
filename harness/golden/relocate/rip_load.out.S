/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov DATA(%rip), %eax
	jmp IN + 6
