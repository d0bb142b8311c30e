/* SPDX-License-Identifier: MIT */
#include "case.h"

	mov (%rdi), %rax
	nop
	nop
	call *0x18(%rax,%r12,8)
