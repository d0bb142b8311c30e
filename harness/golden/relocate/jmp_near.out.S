/* SPDX-License-Identifier: MIT */
#include "case.inc"

	jmp IN + 0x4000
