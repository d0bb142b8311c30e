/* SPDX-License-Identifier: MIT */
/*
 * The sum is cut to 32 bits.
 */
#include "case.inc"

	mov DATA(%eip), %ecx
