/* SPDX-License-Identifier: MIT */
#include "case.h"

	int3
	mov %rsp, %rbp
	push %rbx
