/* SPDX-License-Identifier: MIT */
#include "case.h"

	test %edi, %edi
	jmp IN + 0x4000
