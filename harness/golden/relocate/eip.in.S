/* SPDX-License-Identifier: MIT */
/*
 * The sum is cut to 32 bits.
 */
#include "case.h"

	mov DATA(%eip), %ecx
