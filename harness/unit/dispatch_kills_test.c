/* SPDX-License-Identifier: MIT */
/* Small programs through session_dispatch, of which one process is killed at each request in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_programs.h"

/* Of the process that is asked, with and without a child that its call has made; of any other. */
static unsigned kill_all(const struct program *p, unsigned detach_at)
{
	static const pid_t victims[] = { 0, 10, 11, 12 };
	unsigned orders = 0;

	for (size_t i = 0; i < (p->size == PROGRAM_SMALL ? 4 : 1); i++) {
		struct explore_options options = { .victim = victims[i], .detach_at = detach_at };

		orders += explore_kills(&p->scenario, options);
		options.orphans = true;
		if (victims[i]) /* who is asked stands in a stop, and not in a call */
			orders += explore_kills(&p->scenario, options);
	}
	return orders;
}

static void trap_37_a_kill_at_every_request(void **state)
{
	(void)state;
	EACH_PROGRAM(p)
	if (p->size != PROGRAM_LARGE)
		print_message("%s: %u orders\n", p->scenario.name, kill_all(p, 0));
}

static void trap_37_a_kill_while_detaching(void **state)
{
	(void)state;
	EACH_PROGRAM(p)
	for (unsigned detach_at = 1; detach_at < 6 && p->size == PROGRAM_SMALL; detach_at++)
		print_message("%s: %u orders\n", p->scenario.name, kill_all(p, detach_at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trap_37_a_kill_at_every_request),
		cmocka_unit_test(trap_37_a_kill_while_detaching),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
