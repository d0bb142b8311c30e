/* SPDX-License-Identifier: MIT */
/*
 * object_name.h - names for messages about objects.
 */
#ifndef SCION_INJECT_OBJECT_NAME_H
#define SCION_INJECT_OBJECT_NAME_H

#include <stddef.h>

/** A name of a foreign file, safe to print: no control characters, cut where it is long. */
struct object_name {
	char text[80];
};

/** Makes a name printable; NULL becomes "?". */
struct object_name object_name(const char *name);

/** Name of an R_X86_64_* relocation, as readelf prints it; "unknown" for any other number. */
const char *object_relocation_name(unsigned long type);

#endif
