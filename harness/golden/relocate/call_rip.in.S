/* SPDX-License-Identifier: MIT */
#include "case.h"

	call *DATA(%rip)
