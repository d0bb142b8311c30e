/* SPDX-License-Identifier: MIT */
#include "case.h"

	jmp IN + 0x4000
