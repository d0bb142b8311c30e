/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov DATA(%rip), %rax
	mov DATA(%rip), %ebp
