/* SPDX-License-Identifier: MIT */
#include "case.inc"

	lea DATA(%rip), %r12
	jmp IN + 7
