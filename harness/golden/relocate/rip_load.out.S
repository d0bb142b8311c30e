/* SPDX-License-Identifier: MIT */
#include "case.h"

	mov DATA(%rip), %eax
	jmp IN + 6
