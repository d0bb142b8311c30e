/* SPDX-License-Identifier: MIT */
#include "case.h"

	push $IN + 6
	jmp *DATA(%rip)
