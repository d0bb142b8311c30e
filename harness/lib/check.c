/* SPDX-License-Identifier: MIT */
/* Checks, notes and skips. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/internal.h"

static atomic_ulong passed;

unsigned long checks_passed(void)
{
	return atomic_load(&passed);
}

/* One write: lines of several processes must not mix. */
static void write_line(const char *prefix, const char *format, va_list args)
{
	char line[4096];
	int used = snprintf(line, sizeof(line), "%s", prefix);
	size_t length;
	ssize_t unused;

	if (used < 0 || (size_t)used >= sizeof(line) - 1)
		return;
	vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, args);
	length = strlen(line);
	line[length] = '\n';
	unused = write(STDERR_FILENO, line, length + 1);
	(void)unused;
}

void test_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("", format, args);
	va_end(args);
}

void test_passed(void)
{
	atomic_fetch_add(&passed, 1);
}

void test_failed(const char *file, int line, const char *format, ...)
{
	char prefix[256];
	va_list args;

	snprintf(prefix, sizeof(prefix), "%s:%d: failed: ", file, line);
	va_start(args, format);
	write_line(prefix, format, args);
	va_end(args);
	/* No exit(): in a forked process it would flush the parent's buffers and run its handlers. */
	_exit(EXIT_FAILURE);
}

static bool related(enum test_relation relation, intmax_t a, intmax_t b)
{
	switch (relation) {
	case TEST_EQ:
		return a == b;
	case TEST_NE:
		return a != b;
	case TEST_LT:
		return a < b;
	case TEST_LE:
		return a <= b;
	}
	return false;
}

void test_check_int(const char *file, int line, const char *text, enum test_relation relation,
		    intmax_t a, intmax_t b)
{
	if (related(relation, a, b)) {
		test_passed();
		return;
	}
	test_failed(file, line,
		    "%s: %" PRIdMAX " (0x%" PRIxMAX ") and %" PRIdMAX " (0x%" PRIxMAX ")", text, a,
		    (uintmax_t)a, b, (uintmax_t)b);
}

void test_check_str(const char *file, int line, const char *text, bool whole, const char *a,
		    const char *b)
{
	bool ok = a && b && (whole ? strcmp(a, b) == 0 : strstr(a, b) != NULL);

	if (ok) {
		test_passed();
		return;
	}
	test_failed(file, line, "%s: \"%s\" and \"%s\"", text, a ? a : "(null)", b ? b : "(null)");
}

intmax_t test_check_call(const char *file, int line, const char *text, intmax_t result)
{
	if (result < 0)
		test_failed(file, line, "%s: %s", text, strerror(errno));
	test_passed();
	return result;
}

void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("skip: ", format, args);
	va_end(args);
	_exit(TEST_SKIPPED);
}
