/* SPDX-License-Identifier: MIT */
#include "case.h"

	mov $1, %eax
	lretq
