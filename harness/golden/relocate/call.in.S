/* SPDX-License-Identifier: MIT */
/*
 * Pushes the return address in the original, and is left for good.
 */
#include "case.inc"

	sub $8, %rsp
	call IN + 0x5000
