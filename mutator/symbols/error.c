/* SPDX-License-Identifier: MIT */
/* Error text for the caller. */
#include "symbols/internal.h"

#include <stdarg.h>
#include <stdio.h>

int symerr(struct symbols_error *error, int code, const char *format, ...)
{
	va_list args;

	if (!error)
		return code;
	error->code = code;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	/* A path of the target may hold anything: one line stays one line. */
	for (char *p = error->text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	return code;
}
