/* SPDX-License-Identifier: MIT */
/*
 * With a short jump the return address is behind it.
 */
#include "case.inc"

	call *%rax
