/* SPDX-License-Identifier: MIT */
#include "case.h"

	jrcxz START + 0x30
	jecxz START + 0x40
