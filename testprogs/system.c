/* SPDX-License-Identifier: MIT */
/* mutatee: system -- system(3) and popen(3): exit codes, signals, output, and the signal state they
 *	put back
 * variants: pie static
 * bites: rax=-38
 * time: 20
 */
#include "common/mutatee.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static void check_popen(void)
{
	FILE *pipe = popen("echo $PPID $((6 * 7))", "r");
	int parent = 0, product = 0;

	if (!pipe)
		fail("popen: expected a stream, saw NULL");
	if (fscanf(pipe, "%d %d", &parent, &product) != 2)
		fail("popen: expected two numbers, saw something else");
	expect_eq("the shell's parent", (long)raw0(39 /* getpid */), parent);
	expect_eq("the shell's product", 42, product);
	expect_eq("pclose", 0, pclose(pipe));
}

int main(void)
{
	struct world world;
	int status;

	world_arm();
	/*
	 * The first call leaves SA_RESTORER behind in what it puts back; from then on nothing
	 * changes.
	 */
	expect_eq("system(\"exit 0\")", 0, system("exit 0"));
	world_save(&world);
	for (int i = 0; i < 3; i++) {
		status = system("exit 3");
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
			fail("system(\"exit 3\"): expected %#x, saw %#x", 3 << 8, status);
		status = system("kill -KILL $$");
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			fail("system(\"kill -KILL $$\"): expected %#x, saw %#x", SIGKILL, status);
		expect_eq("system(\"(exit 5) | (read x; exit 4)\")", 4 << 8,
			  system("(exit 5) | (read x; exit 4)"));
		check_popen();
		expect_no_child(0);
		world_check(&world, "parent");
	}
	return 0;
}
