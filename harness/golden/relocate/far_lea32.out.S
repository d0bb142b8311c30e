/* SPDX-License-Identifier: MIT */
#include "case.h"

	mov $DATA, %esi
	jmp *0(%rip)
	.quad IN + 6
