/* SPDX-License-Identifier: MIT */
#include "case.h"

	mov %rdi, %rbx
	mov %rsi, %rbp
	jmp *0(%rip)
	.quad IN + 6
