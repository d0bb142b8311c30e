/* SPDX-License-Identifier: MIT */
#include "case.inc"

	push $IN + 2
	jmp *%rax
