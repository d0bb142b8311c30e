/* SPDX-License-Identifier: MIT */
/*
 * VEX and EVEX.
 */
#include "case.inc"

	vmovups DATA(%rip), %ymm3
	vaddps DATA + 32(%rip), %zmm18, %zmm19
	movaps DATA(%rip), %xmm1
