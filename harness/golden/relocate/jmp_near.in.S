/* SPDX-License-Identifier: MIT */
/*
 * The last instruction: no way back.
 */
#include "case.h"

	jmp IN + 0x4000
