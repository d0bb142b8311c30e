/* SPDX-License-Identifier: MIT */
/*
 * dice.c - a target for the example payloads: each child throws three dice.
 *
 * The children share their parent's random state, so that all of them throw the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THROWS = 3 };

int throws_done;
int throws_left(int done);

int throws_left(int done)
{
	return THROWS - done;
}

int main(void)
{
	for (; throws_left(throws_done) > 0; throws_done++) {
		pid_t pid = fork();

		if (pid == 0) {
			long a = random() % 6, b = random() % 6, c = random() % 6;

			printf("%ld %ld %ld\n", a + 1, b + 1, c + 1);
			return 0;
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	return 0;
}
