/* SPDX-License-Identifier: MIT */
#include "case.h"

	xbegin IN + 0x40
