/* SPDX-License-Identifier: MIT */
#include "case.h"

	call *%rax
	mov %eax, %ebx
	nop
