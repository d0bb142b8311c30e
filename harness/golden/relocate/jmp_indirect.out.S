/* SPDX-License-Identifier: MIT */
#include "case.h"

	bnd jmp *DATA(%rip)
	notrack jmp *%rax
