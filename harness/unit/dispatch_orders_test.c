/* SPDX-License-Identifier: MIT */
/* Small programs through session_dispatch in every order of their stops; detached, and held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_programs.h"

static void every_order(void **state)
{
	const struct explore_options options = { 0 };

	(void)state;
	EACH_PROGRAM(p)
	print_message("%s: %u orders\n", p->scenario.name, explore(&p->scenario, &options));
}

static void trap_38_a_detach_at_every_moment(void **state)
{
	(void)state;
	EACH_PROGRAM(p)
	{
		struct explore_options options = { 0 };

		if (p->size == PROGRAM_LARGE)
			continue;
		print_message("%s: %u orders\n", p->scenario.name,
			      explore_detach(&p->scenario, options));
		options.hold = true;
		if (p->size == PROGRAM_SMALL)
			explore_detach(&p->scenario, options);
	}
}

static void each_event_held(void **state)
{
	const struct explore_options options = { .hold = true };

	(void)state;
	EACH_PROGRAM(p)
	if (p->size == PROGRAM_SMALL)
		print_message("%s: %u orders\n", p->scenario.name, explore(&p->scenario, &options));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order),
		cmocka_unit_test(trap_38_a_detach_at_every_moment),
		cmocka_unit_test(each_event_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
