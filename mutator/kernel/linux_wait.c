/* SPDX-License-Identifier: MIT */
/*
 * The only wait, and what interrupts it.
 *
 *	blocking mode   wait4 sleeps; a POSIX timer's signal interrupts it
 *	fd mode         from the first kernel_fd on: epoll of a signalfd for SIGCHLD and a timerfd;
 *	                a blocking wait sleeps in epoll_wait
 *
 * __WNOTHREAD: children of the program's other threads are none of ours. Where the program has
 * children in this thread too (`owns`), we look first (WNOWAIT) and take only what is ours.
 */
#include "kernel/linux.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#define ANY (__WALL | __WNOTHREAD)

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* What a status means for what this implementation keeps. */
static int taken(struct linux_kernel *l, pid_t tid, int status, struct kernel_wait *out)
{
	if (l->syscall_info != LINUX_HAS)
		linux_op_note(l, tid, status);
	if (!WIFSTOPPED(status)) {
		linux_mem_drop(l, tid);
	} else if ((int)((unsigned)status >> 16) == PTRACE_EVENT_EXEC) {
		/* Of all: the exec of one thread ends the others, and their ids go unreported. */
		linux_mem_drop(l, 0);
		if (l->launched)
			linux_launch_execed(l, tid);
	}
	out->tid = tid;
	out->status = status;
	return 1;
}

/* 1 taken, 0 nothing there, or an error. */
static int take(struct linux_kernel *l, pid_t tid, int flags, struct kernel_wait *out)
{
	int status;
	pid_t got = wait4(tid, &status, flags | ANY, NULL);

	if (got < 0)
		return -errno;
	return got ? taken(l, got, status, out) : 0;
}

/* An unknown task is ours if we trace it: a child that stopped before its parent's event. */
static bool ours(struct linux_kernel *l, pid_t tid)
{
	struct kernel_proc proc;

	if (l->base.owns(l->base.owns_arg, tid))
		return true;
	return linux_proc(&l->base, tid, &proc) == 0 && proc.tracer == l->tracer;
}

/* A foreign child stands first in the kernel's list: ask for each of ours. */
static int take_owned(struct linux_kernel *l, struct kernel_wait *out)
{
	pid_t tid = 0;

	while (l->base.owned_next && (tid = l->base.owned_next(l->base.owns_arg, tid)) > 0) {
		int got = take(l, tid, WNOHANG, out);

		if (got > 0)
			return got;
	}
	return 0;
}

/* As take(-1), among what is ours; *foreign: nothing, and a foreign child hides what comes. */
static int take_ours(struct linux_kernel *l, int flags, struct kernel_wait *out, bool *foreign)
{
	siginfo_t info = { .si_pid = 0 };

	*foreign = false;
	if (waitid(P_ALL, 0, &info, flags | WNOWAIT | WEXITED | WSTOPPED | ANY) < 0)
		return -errno;
	if (!info.si_pid)
		return 0;
	if (ours(l, info.si_pid))
		return take(l, info.si_pid, WNOHANG, out);
	*foreign = true;
	return take_owned(l, out);
}

static int take_any(struct linux_kernel *l, int flags, struct kernel_wait *out, bool *foreign)
{
	*foreign = false;
	return l->base.owns ? take_ours(l, flags, out, foreign) : take(l, -1, flags, out);
}

/* Bits of what drain found. */
#define DRAINED_CHILD 1
#define DRAINED_ALARM 2

static int drain(struct linux_kernel *l)
{
	struct signalfd_siginfo infos[4];
	uint64_t expirations;
	int found = 0;

	while (read(l->signal_fd, infos, sizeof(infos)) > 0)
		found |= DRAINED_CHILD;
	if (read(l->timer_fd, &expirations, sizeof(expirations)) > 0)
		found |= DRAINED_ALARM;
	return found;
}

/*
 * What is there now. The signalfd is emptied only when there is nothing, and then we look once
 * more: a SIGCHLD that came in between is never lost. What is found by that second look may have
 * company whose SIGCHLD was just taken away: put one back, so that the fd stays readable.
 */
static int poll_now(struct linux_kernel *l, struct kernel_wait *out, int *drained)
{
	bool foreign;
	int got = take_any(l, WNOHANG, out, &foreign);

	*drained = 0;
	if (got || l->epoll_fd < 0)
		return got;
	*drained = drain(l);
	if (!(*drained & DRAINED_CHILD))
		return 0;
	got = take_any(l, WNOHANG, out, &foreign);
	if (got > 0)
		kill(getpid(), SIGCHLD);
	return got;
}

static int block_on_fd(struct linux_kernel *l, struct kernel_wait *out)
{
	for (;;) {
		struct epoll_event event;
		int drained, got = poll_now(l, out, &drained);

		if (got)
			return got;
		if (drained & DRAINED_ALARM)
			return -EINTR;
		if (epoll_wait(l->epoll_fd, &event, 1, -1) < 0)
			return -errno;
	}
}

int linux_wait(struct kernel *k, enum kernel_wait_mode mode, struct kernel_wait *out)
{
	struct linux_kernel *l = linux_of(k);
	int got, drained;
	bool foreign;

	if (mode == KERNEL_WAIT_POLL)
		return poll_now(l, out, &drained);
	while (l->epoll_fd < 0) {
		got = take_any(l, 0, out, &foreign);
		if (got)
			return got;
		/* Blocking in waitid would return at once for the foreign child, again and again. */
		if (foreign && (got = linux_fd(k)) < 0)
			return got;
	}
	return block_on_fd(l, out);
}

static void ring(int sig)
{
	(void)sig; /* its only purpose is to interrupt */
}

static int pick_timer_signal(struct linux_kernel *l)
{
	for (int sig = SIGRTMAX; sig >= SIGRTMIN; sig--)
		if (sigaction(sig, NULL, &l->timer_saved) == 0 &&
		    !(l->timer_saved.sa_flags & SA_SIGINFO) && l->timer_saved.sa_handler == SIG_DFL)
			return sig;
	return -EBUSY;
}

static void unmake_timer(struct linux_kernel *l)
{
	struct timespec none = { 0, 0 };
	sigset_t set;

	if (!l->timer_sig)
		return;
	timer_delete(l->timer);
	sigemptyset(&set);
	sigaddset(&set, l->timer_sig);
	/* One that is pending would kill the program once the default action is back. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	while (sigtimedwait(&set, NULL, &none) > 0)
		;
	sigaction(l->timer_sig, &l->timer_saved, NULL);
	if (!l->timer_sig_was_blocked)
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	l->timer_sig = 0;
}

static int make_timer(struct linux_kernel *l)
{
	struct sigaction action = { .sa_handler = ring }; /* no SA_RESTART */
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID };
	sigset_t set, old;
	int sig = pick_timer_signal(l);

	if (sig < 0)
		return sig;
	event.sigev_signo = sig;
	event.sigev_notify_thread_id = l->tracer;
	if (timer_create(CLOCK_MONOTONIC, &event, &l->timer) < 0)
		return -errno;
	sigaction(sig, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, &old);
	l->timer_sig_was_blocked = sigismember(&old, sig) == 1;
	l->timer_sig = sig;
	return 0;
}

static struct itimerspec every(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000U), (long)(ns % 1000000000U) };

	return (struct itimerspec){ .it_interval = ts, .it_value = ts };
}

int linux_alarm(struct kernel *k, uint64_t interval_ns)
{
	struct linux_kernel *l = linux_of(k);
	struct itimerspec spec = every(interval_ns);
	int err = 0;

	if (interval_ns == l->interval)
		return 0; /* it repeats */
	if (l->epoll_fd >= 0) {
		err = linux_error(timerfd_settime(l->timer_fd, 0, &spec, NULL));
	} else {
		if (!l->timer_sig)
			err = make_timer(l);
		if (!err)
			err = linux_error(timer_settime(l->timer, 0, &spec, NULL));
	}
	if (!err)
		l->interval = interval_ns;
	return err;
}

#define NUDGE_NS 10000000u

/* In a signal handler: no malloc (timer_create has one), nothing that linux_alarm may be changing. */
void linux_nudge(struct kernel *k)
{
	struct linux_kernel *l = linux_of(k);
	struct itimerspec spec = every(NUDGE_NS);

	spec.it_value.tv_nsec = 1;
	if (l->epoll_fd >= 0)
		timerfd_settime(l->timer_fd, 0, &spec, NULL);
	else if (l->timer_sig)
		timer_settime(l->timer, 0, &spec, NULL);
}

/* A SIGCHLD that is ignored, or not sent for stops, would leave the signalfd silent. */
static void need_sigchld(struct linux_kernel *l)
{
	struct sigaction action;
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	l->chld_was_blocked = sigismember(&old, SIGCHLD) == 1;
	sigaction(SIGCHLD, NULL, &l->chld_saved);
	action = l->chld_saved;
	if (!(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN)
		action.sa_handler = SIG_DFL;
	else if (!(action.sa_flags & SA_NOCLDSTOP))
		return;
	action.sa_flags &= ~SA_NOCLDSTOP;
	sigaction(SIGCHLD, &action, NULL);
	l->chld_changed = true;
}

static void leave_sigchld(struct linux_kernel *l)
{
	sigset_t set;

	if (l->chld_changed)
		sigaction(SIGCHLD, &l->chld_saved, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (!l->chld_was_blocked)
		sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_fds(struct linux_kernel *l)
{
	close_fd(&l->epoll_fd);
	close_fd(&l->signal_fd);
	close_fd(&l->timer_fd);
}

static int open_fds(struct linux_kernel *l)
{
	struct epoll_event event = { .events = EPOLLIN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->signal_fd < 0 || l->timer_fd < 0 || l->epoll_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->signal_fd, &event) < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->timer_fd, &event) < 0) {
		int err = -errno;

		close_fds(l);
		return err;
	}
	return 0;
}

int linux_fd(struct kernel *k)
{
	struct linux_kernel *l = linux_of(k);
	uint64_t interval = l->interval;
	int err;

	if (l->epoll_fd >= 0)
		return l->epoll_fd;
	need_sigchld(l);
	err = open_fds(l);
	if (err) {
		leave_sigchld(l);
		return err;
	}
	/* What happened before SIGCHLD was blocked made no signal that we see: look once. */
	kill(getpid(), SIGCHLD);
	unmake_timer(l);
	l->interval = 0;
	if (interval)
		linux_alarm(k, interval);
	return l->epoll_fd;
}

void linux_wait_free(struct linux_kernel *l)
{
	unmake_timer(l);
	if (l->epoll_fd < 0)
		return;
	drain(l);
	close_fds(l);
	leave_sigchld(l);
}
