/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov %rdi, %rbx
	mov %rsi, %rbp
