/* SPDX-License-Identifier: MIT */
#include "case.inc"

	push %r12
	jmp IN + 2
