/* SPDX-License-Identifier: MIT */
/*
 * builtin.c - looks up a built-in payload.
 */
#include "inject/builtin.h"

#include <string.h>

const struct builtin_payload *builtin_find(const char *name)
{
	size_t i;

	for (i = 0; i < builtin_payload_count; i++)
		if (!strcmp(builtin_payloads[i].name, name))
			return &builtin_payloads[i];
	return NULL;
}
