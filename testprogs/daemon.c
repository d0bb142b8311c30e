/* SPDX-License-Identifier: MIT */
/* mutatee: daemon -- the double fork: the grandchild leads no session, outlives its parent and is
 *	adopted
 * variants: pie static
 * bites: rax=56
 * time: 20
 */
#include "common/mutatee.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Runs in the grandchild; go is readable once its parent is gone. */
static _Noreturn void serve(struct birth *birth, const int *go, pid_t middle, int others_pipe)
{
	int adopter;

	close(others_pipe); /* or the middle process's pipe would not end with it */
	close(go[1]);
	expect_eq("the daemon's session", middle, getsid(0));
	expect_eq("the daemon's process group", middle, getpgrp());
	if (read_all(go[0], &adopter, sizeof(adopter)) != sizeof(adopter))
		_exit(1); /* the adopter has failed, and said so */
	expect_eq("the daemon's parent", adopter, getppid());
	errno = ERRNO_MARK;
	birth_child(birth);
}

static _Noreturn void middle(struct birth *first, const int *go, struct birth *second, int report)
{
	pid_t self = getpid();
	pid_t pid;

	expect_eq("setsid", self, setsid());
	errno = ERRNO_MARK;
	pid = fork();
	if (pid == 0)
		serve(second, go, self, first->fd[1]);
	write_all(report, &pid, sizeof(pid));
	expect_eq("errno in the middle process", ERRNO_MARK, errno);
	birth_child(first);
}

static void one(void)
{
	struct birth first, second;
	int go[2], report[2];
	pid_t self = getpid();
	pid_t pid, grandchild;

	must("pipe", pipe(go));
	must("pipe", pipe(report));
	birth_begin(&second, 0);
	birth_begin(&first, BIRTH_OTHERS);
	pid = fork();
	if (pid == 0)
		middle(&first, go, &second, report[1]);
	birth_end(&first, pid);
	expect_eq("size of the middle process's report", sizeof(grandchild),
		  (long)read_all(report[0], &grandchild, sizeof(grandchild)));
	write_all(go[1], &self, sizeof(self));
	errno = ERRNO_MARK;
	birth_end(&second, grandchild);
	for (int i = 0; i < 2; i++) {
		close(go[i]);
		close(report[i]);
	}
}

int main(void)
{
	must("prctl(PR_SET_CHILD_SUBREAPER)", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	for (int i = 0; i < 4; i++)
		one();
	return 0;
}
