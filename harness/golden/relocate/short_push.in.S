/* SPDX-License-Identifier: MIT */
/*
 * Two bytes are enough for a short jump.
 */
#include "case.inc"

	push %r12
