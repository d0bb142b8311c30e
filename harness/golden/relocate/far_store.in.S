/* SPDX-License-Identifier: MIT */
/*
 * No register is free to take the address.
 */
#include "case.inc"

	movl $1, DATA(%rip)
