/* SPDX-License-Identifier: MIT */
/*
 * A base that needs a SIB byte.
 */
#include "case.inc"

	mov DATA(%rip), %r12
