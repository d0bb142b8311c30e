/* SPDX-License-Identifier: MIT */
/*
 * fork_floor: the floor (floor.h) as a command.
 *
 *   fork_floor [-x|-X] CMD [ARG...]
 *	-x  also stop at EXEC (what an engine needs that looks at each new image)
 *	-X  also stop at EXEC, EXIT and VFORK_DONE
 */
#define _GNU_SOURCE
#include "floor.h"

int main(int argc, char **argv)
{
	struct floor f = { .options = FLOOR_OPTIONS, .request = PTRACE_CONT };
	int first = 1;

	if (argc > 1 && argv[1][0] == '-') {
		f.options |= PTRACE_O_TRACEEXEC;
		if (strcmp(argv[1], "-X") == 0)
			f.options |= PTRACE_O_TRACEEXIT | PTRACE_O_TRACEVFORKDONE;
		first = 2;
	}
	if (argc <= first) {
		fprintf(stderr, "usage: %s [-x|-X] CMD [ARG...]\n", argv[0]);
		return 2;
	}
	return floor_loop(&f, floor_launch(&f, argv + first));
}
