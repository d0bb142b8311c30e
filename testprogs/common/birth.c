/* SPDX-License-Identifier: MIT */
/*
 * One call that makes a child: the value it returned against wait and against the child's own
 * account.
 */
#include "mutatee.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void block_sigchld(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	must("sigprocmask", sigprocmask(SIG_BLOCK, &set, NULL));
}

void birth_begin(struct birth *birth, int flags)
{
	birth->flags = flags;
	birth->code = 0;
	birth->wait_options = 0;
	birth->self = (pid_t)raw0(SYS_getpid);
	birth->parent = birth->self;
	must("pipe2", pipe2(birth->fd, O_CLOEXEC));
	if (flags & BIRTH_SIGCHLD)
		block_sigchld();
	if (flags & BIRTH_WORLD)
		world_save(&birth->world);
	errno = ERRNO_MARK;
}

void birth_send(int fd)
{
	struct birth_note note = {
		.pid = getpid(),
		.tid = (int32_t)raw0(SYS_gettid),
		.ppid = getppid(),
	};

	write_all(fd, &note, sizeof(note));
}

void birth_child(struct birth *birth)
{
	uint64_t pending = 0;

	expect_eq("errno in the child", ERRNO_MARK, errno);
	raw2(SYS_rt_sigpending, &pending, sizeof(pending));
	if (pending)
		fail("pending signals in the child: expected none, saw %#llx",
		     (unsigned long long)pending);
	if (birth->flags & BIRTH_WORLD)
		world_check(&birth->world, "child");
	birth_send(birth->fd[1]);
	raw1(SYS_exit_group, birth->code);
	__builtin_trap();
}

/* The signal was queued before wait could see the zombie, so it is there at once or never. */
static void take_sigchld(pid_t pid, int code)
{
	struct timespec none = { 0 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigtimedwait(&set, &info, &none) != SIGCHLD)
		fail("SIGCHLD for %d: expected one, saw none", pid);
	expect_eq("si_pid of SIGCHLD", pid, info.si_pid);
	expect_eq("si_code of SIGCHLD", CLD_EXITED, info.si_code);
	expect_eq("si_status of SIGCHLD", code, info.si_status);
	if (sigtimedwait(&set, &info, &none) != -1)
		fail("SIGCHLD for %d: expected one, saw a second from %d", pid, info.si_pid);
}

static void read_note(struct birth *birth, long value)
{
	struct birth_note note, second;
	size_t size = read_all(birth->fd[0], &note, sizeof(note));

	if (size != sizeof(note)) {
		/* A child that failed has said why; this speaks only if it did not. */
		if (value > 0 && !(birth->flags & BIRTH_NOWAIT))
			wait_for_exit((pid_t)value, birth->wait_options, birth->code);
		fail("the call returned %ld: expected a child's report, saw none", value);
	}
	if (note.pid != value)
		fail("value of the call: expected %d (the child's getpid), saw %ld", note.pid,
		     value);
	expect_eq("gettid in the child", note.pid, note.tid);
	expect_eq("getppid in the child", birth->parent, note.ppid);
	if (read_all(birth->fd[0], &second, sizeof(second)))
		fail("reports of children: expected one (%d), saw another (%d)", note.pid,
		     second.pid);
}

void birth_end(struct birth *birth, long value)
{
	int error = errno;

	close(birth->fd[1]);
	if (value < 0)
		fail("value of the call: expected a PID, saw %ld (errno %d)", value, error);
	expect_eq("errno in the parent", ERRNO_MARK, error);
	read_note(birth, value);
	close(birth->fd[0]);
	if (!(birth->flags & BIRTH_NOWAIT))
		wait_for_exit((pid_t)value, birth->wait_options, birth->code);
	if (birth->flags & BIRTH_SIGCHLD)
		take_sigchld((pid_t)value, birth->code);
	if (!(birth->flags & BIRTH_OTHERS))
		expect_no_child(birth->wait_options & __WNOTHREAD);
	if (birth->flags & BIRTH_WORLD)
		world_check(&birth->world, "parent");
	expect_eq("getpid in the parent", birth->self, getpid());
}
