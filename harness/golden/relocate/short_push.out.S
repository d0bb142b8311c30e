/* SPDX-License-Identifier: MIT */
#include "case.h"

	push %r12
	jmp IN + 2
