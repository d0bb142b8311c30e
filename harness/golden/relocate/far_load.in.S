/* SPDX-License-Identifier: MIT */
#include "case.h"

	mov DATA(%rip), %rax
	mov DATA(%rip), %ebp
