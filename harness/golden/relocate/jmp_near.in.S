/* SPDX-License-Identifier: MIT */
/*
 * The last instruction: no way back.
 */
#include "case.inc"

	jmp IN + 0x4000
