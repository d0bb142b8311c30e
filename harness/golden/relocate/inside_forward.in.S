/* SPDX-License-Identifier: MIT */
#include "case.inc"

	test %edi, %edi
	je 1f
	inc %eax
1:
	mov %eax, %edx
