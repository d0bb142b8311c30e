/* SPDX-License-Identifier: MIT */
#include "case.h"

	mov %rax, -8(%rsp)
	call *-8(%rsp)
