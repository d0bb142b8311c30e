/* SPDX-License-Identifier: MIT */
#include "case.inc"

	mov $1, %eax
	lretq
