/* SPDX-License-Identifier: MIT */
#include "case.inc"

	int3
	mov %rsp, %rbp
	push %rbx
