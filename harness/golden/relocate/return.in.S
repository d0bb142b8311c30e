/* SPDX-License-Identifier: MIT */
#include "case.inc"

	call *%rax
	mov %eax, %ebx
	nop
