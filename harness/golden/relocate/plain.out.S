/* SPDX-License-Identifier: MIT */
#include "case.h"

	push %rbp
	mov %rsp, %rbp
	sub $0x20, %rsp
	jmp IN + 8
