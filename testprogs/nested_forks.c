/* SPDX-License-Identifier: MIT */
/* mutatee: nested_forks -- every process forks two more, four levels deep: 30 births, each checked
 *	by its own parent
 * arguments: [DEPTH] (default 4)
 * variants: pie static
 * bites: rax=56
 * time: 30
 */
#include "common/mutatee.h"

#include <unistd.h>

static void grow(long depth)
{
	struct birth birth[2];
	pid_t pid[2];

	if (!depth)
		return;
	for (int i = 0; i < 2; i++) {
		birth_begin(&birth[i], i ? BIRTH_OTHERS : 0);
		pid[i] = fork();
		if (pid[i] == 0) {
			grow(depth - 1);
			birth_child(&birth[i]);
		}
	}
	/* The last to be awaited is the one after which there must be no child. */
	birth_end(&birth[1], pid[1]);
	birth_end(&birth[0], pid[0]);
}

int main(int argc, char **argv)
{
	grow(number_arg(argc, argv, 1, 4));
	return 0;
}
