/* SPDX-License-Identifier: MIT */
/*
 * A filter that kills for the call that the payload makes. With CAP_SYS_ADMIN it is suspended for that
 * time, and stands again afterwards (the mutatee breaks it at its end and must be killed for it).
 * Without, payloads are refused with the reason, nothing is put into the program, and its forks are
 * followed as ever.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/target.h"

#define NOBODY 65534

static char *maps(pid_t pid)
{
	static char text[4][65536];
	static unsigned next;
	char *buffer = text[next++ % 4], path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	CHECK(file);
	buffer[fread(buffer, 1, sizeof(text[0]) - 1, file)] = '\0';
	fclose(file);
	return buffer;
}

static void suspended(void)
{
	struct scion_payload *payload;
	const char *before;
	struct target t;

	target_start(&t, (const char *const[]){ "seccomp_filter", "hold", NULL });
	before = maps(t.pid);
	for (int i = 0; i < 3; i++) {
		target_attach(&t, NULL);
		payload = target_payload(&t, "syscall");
		target_args(payload, SYS_umask, 022);
		for (int k = 0; k < 3; k++) {
			const struct scion_event *event = target_inject(&t, t.pid, payload);

			CHECK_MSG(event->error == SCION_OK, "%s", target_message(&t));
			CHECK_LE(0, event->payload_status);
		}
		target_detach(&t);
		CHECK_STR(maps(t.pid), before);
	}
	target_release(&t);
	CHECK(target_end(&t));
}

static uint32_t *shared; /* 0: the filter is there; 1: go on */

/* Kills for umask only. */
static int filtered(void *arg)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_umask, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .filter = code, .len = sizeof(code) / sizeof(code[0]) };
	int status;
	pid_t pid;

	(void)arg;
	CHECK_CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	__atomic_store_n(&shared[0], 1, __ATOMIC_RELEASE);
	target_await(&shared[1], 0);
	pid = fork();
	CHECK_CALL(pid);
	if (!pid)
		_exit(7);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(test_exit_code(status), 7);
	return 0;
}

/* As a user without privilege, target and tracer. */
static int refused(void *arg)
{
	const struct scion_event *event;
	struct target t;
	const char *before;

	(void)arg;
	if (geteuid() == 0) {
		CHECK_CALL(setresgid(NOBODY, NOBODY, NOBODY));
		CHECK_CALL(setresuid(NOBODY, NOBODY, NOBODY));
		CHECK_CALL(prctl(PR_SET_DUMPABLE, 1)); /* setuid has forbidden tracing */
	}
	target_fork(&t, filtered, NULL);
	target_await(&shared[0], 0);
	before = maps(t.pid);
	target_open(&t, NULL);
	target_at(&t, SCION_AT_FORK, SCION_BOTH, "nop");
	target_attach(&t, NULL);
	event = target_inject(&t, t.pid, target_payload(&t, "whoami"));
	CHECK_EQ(event->error, SCION_ENOTSUP);
	CHECK_CONTAINS(target_message(&t), "seccomp");
	CHECK_CONTAINS(target_message(&t), "CAP_SYS_ADMIN");
	CHECK_STR(maps(t.pid), before);
	__atomic_store_n(&shared[1], 1, __ATOMIC_RELEASE);
	follow_run(&t.f);
	CHECK_EQ(follow_check(&t.f, false), 1);
	CHECK_EQ(follow_count(&t.f, SCION_EVENT_PAYLOAD), 3);
	CHECK(target_end(&t));
	follow_close(&t.f);
	return 0;
}

static int run(void)
{
	struct target user;

	shared = target_shared(4096);
	target_fork(&user, refused, NULL);
	CHECK(target_end(&user));
	if (geteuid() == 0)
		suspended();
	else
		test_note("not root: that a filter is suspended was not tested");
	return 0;
}

static const char *const mutatees[] = { "seccomp_filter", NULL };

const struct scion_test scion_test = {
	.name = "trap_29_seccomp",
	.trap = "29",
	.needs_mutatees = mutatees,
	.run = run,
};
