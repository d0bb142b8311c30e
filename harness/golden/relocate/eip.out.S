/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov DATA(%eip), %ecx
	jmp IN + 7
