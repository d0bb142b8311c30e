/* SPDX-License-Identifier: MIT */
#include "case.h"

	lea DATA(%rip), %r12
	jmp IN + 7
