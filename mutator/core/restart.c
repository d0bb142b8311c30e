/* SPDX-License-Identifier: MIT */
#include "core/restart.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>

#define ERESTARTNOHAND 514
#define USER_CS        0x33

/* signal(7); sockets belong to it only if they have a timeout, and then ask for EINTR aloud. */
static const unsigned calls_64[] = {
	SYS_epoll_wait, SYS_epoll_pwait,     SYS_epoll_pwait2, SYS_semop,
	SYS_semtimedop, SYS_rt_sigtimedwait, SYS_io_getevents, SYS_io_uring_enter,
	SYS_accept,     SYS_accept4,         SYS_recvfrom,     SYS_recvmsg,
	SYS_recvmmsg,   SYS_connect,         SYS_sendto,       SYS_sendmsg,
};

/* epoll_wait, epoll_pwait, epoll_pwait2, rt_sigtimedwait, io_getevents (arch/x86 syscall_32.tbl) */
static const unsigned calls_32[] = { 256, 319, 441, 177, 421, 247, 426 };

static bool is_in(const unsigned *calls, size_t count, unsigned long long nr)
{
	for (size_t i = 0; i < count; i++)
		if (calls[i] == nr)
			return true;
	return false;
}

bool restart_unseen(struct kernel_regs *regs)
{
	bool narrow = regs->is32 || regs->r.cs != USER_CS;
	unsigned long long nr = narrow ? (uint32_t)regs->r.orig_rax : regs->r.orig_rax;

	if ((long long)regs->r.rax != -EINTR || (long long)regs->r.orig_rax < 0)
		return false;
	if (narrow ? !is_in(calls_32, sizeof(calls_32) / sizeof(calls_32[0]), nr) :
		     !is_in(calls_64, sizeof(calls_64) / sizeof(calls_64[0]), nr))
		return false;
	regs->r.rax = (unsigned long long)-ERESTARTNOHAND;
	return true;
}

bool restart_is_quiet(int sig)
{
	return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT;
}
