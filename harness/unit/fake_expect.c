/* SPDX-License-Identifier: MIT */
/* What a test expects of the fake kernel's log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"

void fake_expect_at(struct fake *f, const char *text, const char *file, int line)
{
	if (strcmp(f->log, text) != 0 || f->wrong[0]) {
		print_error("%s:%d\nexpected: %s\nlogged:   %s\nwrong:    %s\n", file, line, text,
			    f->log, f->wrong);
		_fail(file, line);
	}
	f->log[0] = 0;
}

void fake_expect_empty_at(struct fake *f, const char *file, int line)
{
	const struct scion_session *s = f->session;

	if (task_count(&s->tasks) || s->early || s->alarms || f->alarm) {
		print_error("%s:%d\n%zu tasks, %u early, alarms %#x\n", file, line,
			    task_count(&s->tasks), s->early, s->alarms);
		_fail(file, line);
	}
}
