/* SPDX-License-Identifier: MIT */
#include "case.h"

	mov DATA(%eip), %ecx
	jmp IN + 7
