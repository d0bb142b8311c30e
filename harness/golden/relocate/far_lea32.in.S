/* SPDX-License-Identifier: MIT */
#include "case.h"

	lea DATA(%rip), %esi
