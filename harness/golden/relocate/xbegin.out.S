/* SPDX-License-Identifier: MIT */
#include "case.h"

	xbegin IN + 0x40
	jmp IN + 6
