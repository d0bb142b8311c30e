/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a user's object: it is refused with reasons, or it links within its size.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inject/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int resolve(void *arg, const struct object_import *import, uint64_t *address)
{
	const uint64_t *base = arg;

	*address = *base + strlen(import->name) * 4096;
	return 0;
}

static void link_at(const struct object *object, uint64_t base, uint64_t symbols)
{
	size_t size = object_size(object), entry = 0;
	unsigned char *image = malloc(size ? size : 1);
	struct object_error error;

	if (!image)
		return;
	if (!object_link(object, base, resolve, &symbols, image, size, &entry, &error) &&
	    entry >= size)
		abort();
	free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct object *object;
	size_t i;

	if (object_open(data, size, &object))
		return 0;
	for (i = 0; i < object_reason_count(object); i++)
		if (!*object_reason(object, i))
			abort();
	if (!object_reason_count(object)) {
		link_at(object, 0x400000, 0x500000);
		link_at(object, 0x7f0000000000, 0x400000);
	}
	object_close(object);
	return 0;
}
