/* SPDX-License-Identifier: MIT */
#include "case.h"

	call IN + 0x400
