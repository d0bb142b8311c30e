/* SPDX-License-Identifier: MIT */
/* mutatee: pidns -- in a new PID namespace fork returns that namespace's numbers, and outside the
 *	outer one's
 * needs: root (or user namespaces)
 * variants: pie static
 * bites: rax=56
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INSIDE 4

static struct cpu_check check;

/* The first process of the namespace: its children are 2, 3, … in the order of their births. */
static void be_init(void)
{
	struct birth birth;
	long value;

	expect_eq("getpid of the first process", 1, getpid());
	expect_eq("getppid of the first process", 0, getppid());
	for (int i = 0; i < INSIDE; i++) {
		birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
		if (i & 1) {
			cpu_prepare(&check, (uint64_t)i, 0);
			check.want.gpr[CPU_RAX] = SYS_fork;
			value = cpu_birth(&check, &birth);
		} else {
			value = fork();
			if (!value)
				birth_child(&birth);
		}
		expect_eq("value of fork inside the namespace", i + 2, value);
		birth_end(&birth, value);
	}
}

/* NSpid in /proc, which is mounted for the outer namespace, gives both numbers. */
static void check_nspid(long outer)
{
	char path[64], line[256];
	int first = 0, second = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%ld/status", outer);
	status = fopen(path, "re");
	if (!status)
		fail("%s: expected it to open, saw errno %d", path, errno);
	while (fgets(line, sizeof(line), status)) {
		int a, b, c;
		int n = sscanf(line, "NSpid: %d %d %d", &a, &b, &c);

		/* In a namespace below /proc's own there is one more number in front. */
		if (n >= 2) {
			first = n == 3 ? b : a;
			second = n == 3 ? c : b;
		}
	}
	fclose(status);
	expect_eq("outer number in NSpid", outer, first);
	expect_eq("inner number in NSpid", 1, second);
}

static long new_namespace(void)
{
	long value = raw2(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL);

	if (value == -EPERM)
		value = raw2(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, NULL);
	if (value == -EPERM || value == -EINVAL || value == -ENOSPC || value == -EUSERS)
		skip("no new PID namespace: error %ld (needs CAP_SYS_ADMIN or user namespaces)",
		     -value);
	return value;
}

int main(void)
{
	int go[2];
	long value;
	char c;

	world_arm();
	must("pipe", pipe(go));
	value = new_namespace();
	if (value < 0)
		fail("clone with CLONE_NEWPID: expected a PID, saw %ld", value);
	if (!value) {
		close(go[1]);
		read_all(go[0], &c, 1);
		be_init();
		raw1(SYS_exit_group, 0);
	}
	check_nspid(value);
	close(go[0]);
	close(go[1]);
	wait_for_exit((pid_t)value, 0, 0);
	expect_no_child(0);
	return 0;
}
