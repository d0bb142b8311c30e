/* SPDX-License-Identifier: MIT */
/*
 * A PLT entry; a switch. Nothing comes behind.
 */
#include "case.h"

	bnd jmp *DATA(%rip)
	notrack jmp *%rax
