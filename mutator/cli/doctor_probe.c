/* SPDX-License-Identifier: MIT */
/* Traces the programs of doctor_calls.c and writes down what each of their stops shows. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "core/stop.h"
#include "kernel/linux.h"

#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEVFORKDONE | PTRACE_O_EXITKILL)

#define HIGHEST_NUMBER 600 /* above every call's number */
#define TIME_LIMIT_NS  10000000000U

struct probe {
	struct kernel *k;
	struct doctor_sample *sample;
	pid_t pid;
	int go[2], report[2];
};

/* The op that the kernel itself says; an implementation's guess is none. */
static int true_op(struct kernel *k, pid_t tid)
{
	struct kernel_syscall_info info;
	int err = kernel_syscall_info(k, tid, &info);

	if (err)
		return err;
	return linux_of(k)->syscall_info == LINUX_HAS ? (int)info.op : -EIO;
}

static int at_birth(struct probe *p, const struct kernel_regs *regs)
{
	unsigned long pid;
	int err = kernel_event_msg(p->k, p->pid, &pid);

	if (err || p->sample->event)
		return err;
	p->sample->event = true;
	p->sample->number = (int64_t)regs->r.orig_rax;
	p->sample->at_event = (int64_t)regs->r.rax;
	p->sample->op = true_op(p->k, p->pid);
	p->sample->pid = (int64_t)pid;
	return 0;
}

/* A stop of the program itself: what it shows, and how it goes on. */
static int on_stop(struct probe *p, struct stop stop)
{
	struct doctor_sample *s = p->sample;
	struct kernel_regs regs;
	enum kernel_resume how = KERNEL_CONT;
	int err = kernel_get_regs(p->k, p->pid, &regs);

	if (err)
		return err;
	if (stop_is_birth(stop.kind)) {
		err = at_birth(p, &regs);
		how = KERNEL_SYSCALL;
	} else if (stop.kind == STOP_VFORK_DONE) {
		s->done = true;
		s->at_done = (int64_t)regs.r.rax;
		how = KERNEL_SYSCALL;
	} else if (stop.kind == STOP_SYSCALL && s->event && !s->exit) {
		s->exit = true;
		s->at_exit = (int64_t)regs.r.rax;
		s->exit_op = true_op(p->k, p->pid);
	}
	if (err)
		return err;
	return kernel_resume(p->k, p->pid, how, stop.kind == STOP_SIGNAL ? stop.sig : 0);
}

/* Until the program and all it made have ended. */
static int follow_to_end(struct probe *p)
{
	uint64_t limit = kernel_now(p->k) + TIME_LIMIT_NS;

	for (;;) {
		struct kernel_wait w;
		struct stop stop;
		int got = kernel_wait(p->k, KERNEL_WAIT_BLOCK, &w), err;

		if (got == -ECHILD)
			return 0;
		if (got == -EINTR && kernel_now(p->k) < limit)
			continue;
		if (got < 0)
			return got == -EINTR ? -ETIMEDOUT : got;
		stop = stop_classify(w.status);
		if (stop_is_end(stop.kind))
			continue;
		err = w.tid == p->pid ? on_stop(p, stop) :
					kernel_resume(p->k, w.tid, KERNEL_CONT,
						      stop.kind == STOP_SIGNAL ? stop.sig : 0);
		if (err && err != -ESRCH)
			return err;
	}
}

static _Noreturn void child(const struct probe *p, const struct doctor_call *call)
{
	char byte;

	close(p->go[1]);
	if (read(p->go[0], &byte, 1) != 1)
		_exit(1);
	doctor_call_run(call, p->report[1]);
}

static void kill_all(struct probe *p)
{
	struct kernel_wait w;

	/* What it made is killed with it by PTRACE_O_EXITKILL at the latest. */
	kernel_signal(p->k, p->pid, 0, SIGKILL);
	while (kernel_wait(p->k, KERNEL_WAIT_POLL, &w) > 0)
		if (!stop_is_end(stop_classify(w.status).kind))
			kernel_signal(p->k, w.tid, 0, SIGKILL);
}

static int measure(struct probe *p, const struct doctor_call *call)
{
	struct doctor_report report;
	int err;

	p->pid = fork();
	if (p->pid == 0)
		child(p, call);
	if (p->pid < 0)
		return -errno;
	close(p->report[1]);
	p->report[1] = -1;
	err = kernel_seize(p->k, p->pid, OPTIONS);
	if (!err && write(p->go[1], "", 1) != 1)
		err = -errno;
	if (!err)
		err = follow_to_end(p);
	if (err) {
		kill_all(p);
		return err;
	}
	/* No report: killed, as by `int $0x80` on a kernel without 32-bit calls. */
	if (read(p->report[0], &report, sizeof(report)) != (ssize_t)sizeof(report))
		return -ENOSYS;
	p->sample->confirmed = report.confirmed && report.pid == p->sample->at_exit;
	return report.pid < 0 ? report.pid : 0;
}

static void close_pair(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void doctor_probe(struct kernel *k, const struct doctor_call *call, struct doctor_sample *sample)
{
	struct probe p = { .k = k, .sample = sample, .go = { -1, -1 }, .report = { -1, -1 } };
	int err;

	*sample = (struct doctor_sample){
		.call = call->name,
		.mode = call->mode,
		.libc = call->libc,
	};
	if (pipe2(p.go, O_CLOEXEC) < 0 || pipe2(p.report, O_CLOEXEC) < 0) {
		err = -errno;
	} else {
		kernel_alarm(k, TIME_LIMIT_NS / 10);
		err = measure(&p, call);
		kernel_alarm(k, 0);
	}
	close_pair(p.go);
	close_pair(p.report);
	sample->error = -err;
}

void doctor_burn_pids(void)
{
	for (int i = 0; i <= HIGHEST_NUMBER; i++) {
		pid_t pid = vfork();

		if (pid == 0)
			_exit(0);
		if (pid < 0)
			return;
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		if (pid > HIGHEST_NUMBER)
			return;
	}
}
