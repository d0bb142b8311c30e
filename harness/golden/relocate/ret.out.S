/* SPDX-License-Identifier: MIT */
#include "case.h"

	xor %eax, %eax
	ret
