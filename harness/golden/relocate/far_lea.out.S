/* SPDX-License-Identifier: MIT */
#include "case.h"

	movabs $DATA, %r13
	jmp *0(%rip)
	.quad IN + 7
