/* SPDX-License-Identifier: MIT */
/*
 * rip moved in a task that is stopped in a blocked call: as long as orig_rax names the call, the
 * kernel restarts it by taking 2 off the new rip. Shown on the kernel, by hand; then scion's payload
 * in the same place.
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/target.h"

/* Two bytes that fault lie before the place that rip is moved to. */
__asm__(".pushsection .text\n"
	"	ud2\n"
	"landing:\n"
	"	int3\n"
	".popsection\n");
extern const char landing[];

static int pipe_fds[2];

static int blocked_in_read(void *arg)
{
	char c = 0;
	long got = syscall(SYS_read, pipe_fds[0], &c, 1);

	(void)arg;
	return got == 1 && c == 'x' ? 0 : 1;
}

/* Stops it in read, moves rip, lets it go: the signal that comes, and where. */
static int move(bool keep_orig_rax, uint64_t *rip)
{
	struct user_regs_struct regs;
	struct target t;
	int status;

	target_fork(&t, blocked_in_read, NULL);
	target_blocked(t.pid, SYS_read);
	CHECK_CALL(ptrace(PTRACE_SEIZE, t.pid, 0, PTRACE_O_EXITKILL));
	CHECK_CALL(ptrace(PTRACE_INTERRUPT, t.pid, 0, 0));
	CHECK_EQ(waitpid(t.pid, &status, __WALL), t.pid);
	CHECK_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_STOP << 8);
	CHECK_CALL(ptrace(PTRACE_GETREGS, t.pid, 0, &regs));
	CHECK_EQ(regs.orig_rax, SYS_read);
	CHECK_EQ(regs.rax, -512); /* ERESTARTSYS */
	regs.rip = (uintptr_t)landing;
	if (!keep_orig_rax)
		regs.orig_rax = (unsigned long long)-1;
	CHECK_CALL(ptrace(PTRACE_SETREGS, t.pid, 0, &regs));
	CHECK_CALL(ptrace(PTRACE_CONT, t.pid, 0, 0));
	CHECK_EQ(waitpid(t.pid, &status, __WALL), t.pid);
	CHECK(WIFSTOPPED(status));
	CHECK_CALL(ptrace(PTRACE_GETREGS, t.pid, 0, &regs));
	*rip = regs.rip;
	CHECK_CALL(kill(t.pid, SIGKILL));
	CHECK_EQ(waitpid(t.pid, NULL, __WALL), t.pid);
	return WSTOPSIG(status);
}

static void by_scion(void)
{
	const struct scion_event *event;
	struct target t;

	target_fork(&t, blocked_in_read, NULL);
	target_blocked(t.pid, SYS_read);
	target_attach(&t, NULL);
	event = target_inject(&t, t.pid, target_payload(&t, "whoami"));
	CHECK_MSG(event->error == SCION_OK, "%s", target_message(&t));
	CHECK_EQ(event->result[0], t.pid);
	target_detach(&t);
	target_blocked(t.pid, SYS_read); /* in the call again, not behind it */
	CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
	CHECK(target_end(&t));
}

static int run(void)
{
	uint64_t rip;

	CHECK_CALL(pipe(pipe_fds));
	CHECK_EQ(move(true, &rip), SIGILL);
	CHECK_EQ(rip, (uintptr_t)landing - 2);
	CHECK_EQ(move(false, &rip), SIGTRAP);
	CHECK_EQ(rip, (uintptr_t)landing + 1);
	by_scion();
	return 0;
}

const struct scion_test scion_test = { .name = "trap_20_moved_rip", .trap = "20", .run = run };
