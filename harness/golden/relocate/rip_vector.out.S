/* SPDX-License-Identifier: MIT */
#include "case.inc"

	vmovups DATA(%rip), %ymm3
	vaddps DATA + 32(%rip), %zmm18, %zmm19
	movaps DATA(%rip), %xmm1
	jmp IN + 25
