/* SPDX-License-Identifier: MIT */
/*
 * A kernel that wraps another and writes down each request and each wait. Requests carry the names
 * of ptrace(2); what is no single request (memory, /proc, launching) is said in words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/log_names.h"

struct logged {
	struct kernel base;
	struct kernel *inner;
	kernel_log_fn log;
	void *arg;
};

static struct logged *logged_of(struct kernel *k)
{
	return (struct logged *)k; /* base is the first member */
}

static struct kernel *inner_of(struct kernel *k)
{
	return logged_of(k)->inner;
}

static void emit(struct kernel *k, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A line; a negative err is appended as its name. */
static void emit(struct kernel *k, int err, const char *format, ...)
{
	struct logged *l = logged_of(k);
	char line[512];
	const char *name;
	size_t len;
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	len = strlen(line);
	if (err < 0) {
		name = strerrorname_np(-err);
		if (name)
			snprintf(line + len, sizeof(line) - len, " = -1 %s", name);
		else
			snprintf(line + len, sizeof(line) - len, " = -1 errno %d", -err);
	}
	l->log(l->arg, line);
}

static void log_free(struct kernel *k)
{
	kernel_free(inner_of(k));
	free(k);
}

static int log_seize(struct kernel *k, pid_t tid, unsigned long options)
{
	int err = kernel_seize(inner_of(k), tid, options);
	char text[LOG_OPTIONS_SIZE];

	emit(k, err, "ptrace (PTRACE_SEIZE, %d, 0, %s)", tid, log_options_text(text, options));
	return err;
}

static int log_set_options(struct kernel *k, pid_t tid, unsigned long options)
{
	int err = kernel_set_options(inner_of(k), tid, options);
	char text[LOG_OPTIONS_SIZE];

	emit(k, err, "ptrace (PTRACE_SETOPTIONS, %d, 0, %s)", tid, log_options_text(text, options));
	return err;
}

static int log_interrupt(struct kernel *k, pid_t tid)
{
	int err = kernel_interrupt(inner_of(k), tid);

	emit(k, err, "ptrace (PTRACE_INTERRUPT, %d)", tid);
	return err;
}

static int log_resume(struct kernel *k, pid_t tid, enum kernel_resume how, int sig)
{
	static const char *const requests[] = {
		[KERNEL_CONT] = "CONT",
		[KERNEL_SYSCALL] = "SYSCALL",
		[KERNEL_LISTEN] = "LISTEN",
		[KERNEL_STEP] = "SINGLESTEP",
	};
	char name[LOG_NAME_SIZE];
	int err = kernel_resume(inner_of(k), tid, how, sig);

	emit(k, err, "ptrace (PTRACE_%s, %d, %s)", requests[how], tid, log_signal_name(name, sig));
	return err;
}

static int log_detach(struct kernel *k, pid_t tid, int sig)
{
	char name[LOG_NAME_SIZE];
	int err = kernel_detach(inner_of(k), tid, sig);

	emit(k, err, "ptrace (PTRACE_DETACH, %d, %s)", tid, log_signal_name(name, sig));
	return err;
}

static int log_wait(struct kernel *k, enum kernel_wait_mode mode, struct kernel_wait *out)
{
	struct kernel *inner = inner_of(k);
	char text[LOG_STATUS_SIZE];
	int got;

	inner->owns = k->owns;
	inner->owned_next = k->owned_next;
	inner->owns_arg = k->owns_arg;
	got = kernel_wait(inner, mode, out);
	if (got > 0)
		emit(k, 0, "wait4 = %d  %s", out->tid, log_status_text(text, out->status));
	else if (got < 0)
		emit(k, got, "wait4");
	return got;
}

static int log_event_msg(struct kernel *k, pid_t tid, unsigned long *msg)
{
	int err = kernel_event_msg(inner_of(k), tid, msg);

	if (err)
		emit(k, err, "ptrace (PTRACE_GETEVENTMSG, %d)", tid);
	else
		emit(k, 0, "ptrace (PTRACE_GETEVENTMSG, %d, [%lu])", tid, *msg);
	return err;
}

static void log_regs(struct kernel *k, const char *request, pid_t tid, int err,
		     const struct kernel_regs *regs)
{
	if (err)
		emit(k, err, "ptrace (PTRACE_%s, %d, NT_PRSTATUS)", request, tid);
	else
		emit(k, 0,
		     "ptrace (PTRACE_%s, %d, NT_PRSTATUS, {orig_rax=%lld, rax=%lld, rip=%#llx})",
		     request, tid, (long long)regs->r.orig_rax, (long long)regs->r.rax,
		     regs->r.rip);
}

static int log_get_regs(struct kernel *k, pid_t tid, struct kernel_regs *regs)
{
	int err = kernel_get_regs(inner_of(k), tid, regs);

	log_regs(k, "GETREGSET", tid, err, regs);
	return err;
}

static int log_set_regs(struct kernel *k, pid_t tid, const struct kernel_regs *regs)
{
	int err = kernel_set_regs(inner_of(k), tid, regs);

	log_regs(k, "SETREGSET", tid, err, regs);
	return err;
}

static int log_get_xstate(struct kernel *k, pid_t tid, void *buf, size_t *len)
{
	int err = kernel_get_xstate(inner_of(k), tid, buf, len);

	emit(k, err, "ptrace (PTRACE_GETREGSET, %d, NT_X86_XSTATE, [%zu bytes])", tid, *len);
	return err;
}

static int log_set_xstate(struct kernel *k, pid_t tid, const void *buf, size_t len)
{
	int err = kernel_set_xstate(inner_of(k), tid, buf, len);

	emit(k, err, "ptrace (PTRACE_SETREGSET, %d, NT_X86_XSTATE, [%zu bytes])", tid, len);
	return err;
}

static int log_syscall_info(struct kernel *k, pid_t tid, struct kernel_syscall_info *info)
{
	int err = kernel_syscall_info(inner_of(k), tid, info);

	if (err)
		emit(k, err, "ptrace (PTRACE_GET_SYSCALL_INFO, %d)", tid);
	else if (info->op == KERNEL_OP_EXIT)
		emit(k, 0, "ptrace (PTRACE_GET_SYSCALL_INFO, %d, {op=EXIT, rval=%lld})", tid,
		     (long long)info->rval);
	else if (info->op == KERNEL_OP_NONE)
		emit(k, 0, "ptrace (PTRACE_GET_SYSCALL_INFO, %d, {op=NONE})", tid);
	else
		emit(k, 0, "ptrace (PTRACE_GET_SYSCALL_INFO, %d, {op=%s, nr=%llu})", tid,
		     info->op == KERNEL_OP_ENTRY ? "ENTRY" : "SECCOMP",
		     (unsigned long long)info->nr);
	return err;
}

static void log_siginfo(struct kernel *k, const char *request, pid_t tid, int err,
			const siginfo_t *info)
{
	char name[LOG_NAME_SIZE];

	if (err)
		emit(k, err, "ptrace (PTRACE_%s, %d)", request, tid);
	else
		emit(k, 0, "ptrace (PTRACE_%s, %d, {%s, si_code=%d})", request, tid,
		     log_signal_name(name, info->si_signo), info->si_code);
}

static int log_get_siginfo(struct kernel *k, pid_t tid, siginfo_t *info)
{
	int err = kernel_get_siginfo(inner_of(k), tid, info);

	log_siginfo(k, "GETSIGINFO", tid, err, info);
	return err;
}

static int log_set_siginfo(struct kernel *k, pid_t tid, const siginfo_t *info)
{
	int err = kernel_set_siginfo(inner_of(k), tid, info);

	log_siginfo(k, "SETSIGINFO", tid, err, info);
	return err;
}

static int log_get_sigmask(struct kernel *k, pid_t tid, uint64_t *mask)
{
	int err = kernel_get_sigmask(inner_of(k), tid, mask);

	if (err)
		emit(k, err, "ptrace (PTRACE_GETSIGMASK, %d)", tid);
	else
		emit(k, 0, "ptrace (PTRACE_GETSIGMASK, %d, [%#llx])", tid,
		     (unsigned long long)*mask);
	return err;
}

static int log_set_sigmask(struct kernel *k, pid_t tid, uint64_t mask)
{
	int err = kernel_set_sigmask(inner_of(k), tid, mask);

	emit(k, err, "ptrace (PTRACE_SETSIGMASK, %d, [%#llx])", tid, (unsigned long long)mask);
	return err;
}

static int log_peek_signals(struct kernel *k, pid_t tid, bool shared, siginfo_t *infos, int max)
{
	int got = kernel_peek_signals(inner_of(k), tid, shared, infos, max);

	emit(k, got, "ptrace (PTRACE_PEEKSIGINFO, %d, %s, %d)", tid,
	     shared ? "PTRACE_PEEKSIGINFO_SHARED" : "0", max);
	return got;
}

static int log_get_rseq(struct kernel *k, pid_t tid, struct kernel_rseq *rseq)
{
	int err = kernel_get_rseq(inner_of(k), tid, rseq);

	emit(k, err, "ptrace (PTRACE_GET_RSEQ_CONFIGURATION, %d)", tid);
	return err;
}

static int log_get_sud(struct kernel *k, pid_t tid, struct kernel_sud *sud)
{
	int err = kernel_get_sud(inner_of(k), tid, sud);

	emit(k, err, "ptrace (PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, %d)", tid);
	return err;
}

static int log_set_sud(struct kernel *k, pid_t tid, const struct kernel_sud *sud)
{
	int err = kernel_set_sud(inner_of(k), tid, sud);

	emit(k, err, "ptrace (PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, %d)", tid);
	return err;
}

static int log_has_seccomp(struct kernel *k, pid_t tid)
{
	int has = kernel_has_seccomp(inner_of(k), tid);

	emit(k, has, "seccomp of %d: %s", tid, has > 0 ? "yes" : "no");
	return has;
}

static int log_has_shadow_stack(struct kernel *k, pid_t tid)
{
	int has = kernel_has_shadow_stack(inner_of(k), tid);

	emit(k, has, "shadow stack of %d: %s", tid, has > 0 ? "yes" : "no");
	return has;
}

static int log_read(struct kernel *k, pid_t tid, uint64_t addr, void *buf, size_t len)
{
	int err = kernel_read(inner_of(k), tid, addr, buf, len);

	emit(k, err, "read memory of %d (%#llx, %zu)", tid, (unsigned long long)addr, len);
	return err;
}

static int log_write(struct kernel *k, pid_t tid, uint64_t addr, const void *buf, size_t len)
{
	int err = kernel_write(inner_of(k), tid, addr, buf, len);

	emit(k, err, "write memory of %d (%#llx, %zu)", tid, (unsigned long long)addr, len);
	return err;
}

static int log_write_code(struct kernel *k, pid_t tid, uint64_t addr, const void *buf, size_t len)
{
	int err = kernel_write_code(inner_of(k), tid, addr, buf, len);

	emit(k, err, "write code of %d (%#llx, %zu)", tid, (unsigned long long)addr, len);
	return err;
}

static int log_map_fd(struct kernel *k, pid_t tid, int fd, size_t size, void **map)
{
	int err = kernel_map_fd(inner_of(k), tid, fd, size, map);

	emit(k, err, "map descriptor %d of %d (%zu)", fd, tid, size);
	return err;
}

static void log_unmap(struct kernel *k, void *map, size_t size)
{
	kernel_unmap(inner_of(k), map, size);
}

static int log_proc(struct kernel *k, pid_t tid, struct kernel_proc *out)
{
	int err = kernel_proc(inner_of(k), tid, out);

	emit(k, err, "read /proc/%d/status", tid);
	return err;
}

static int log_threads(struct kernel *k, pid_t tgid, pid_t **tids, size_t *count)
{
	int err = kernel_threads(inner_of(k), tgid, tids, count);

	emit(k, err, "read /proc/%d/task", tgid);
	return err;
}

static int log_children(struct kernel *k, pid_t tgid, pid_t **pids, size_t *count)
{
	int err = kernel_children(inner_of(k), tgid, pids, count);

	emit(k, err, "read /proc/%d/task/*/children", tgid);
	return err;
}

static int log_maps(struct kernel *k, pid_t tid, char **text, size_t *len)
{
	int err = kernel_maps(inner_of(k), tid, text, len);

	emit(k, err, "read /proc/%d/maps", tid);
	return err;
}

static void log_why_not(struct kernel *k, const struct kernel_proc *proc, char *text, size_t len)
{
	kernel_why_not(inner_of(k), proc, text, len);
}

static int log_same_vm(struct kernel *k, pid_t a, pid_t b)
{
	int same = kernel_same_vm(inner_of(k), a, b);

	emit(k, same, "kcmp (%d, %d, KCMP_VM): %s", a, b, same > 0 ? "same" : "different");
	return same;
}

static int log_in_group(struct kernel *k, pid_t tgid, pid_t tid)
{
	int is = kernel_in_group(inner_of(k), tgid, tid);

	emit(k, is, "tgkill (%d, %d, SIG_0): %s", tgid, tid, is > 0 ? "yes" : "no");
	return is;
}

static int log_signal(struct kernel *k, pid_t tgid, pid_t tid, int sig)
{
	char name[LOG_NAME_SIZE];
	int err = kernel_signal(inner_of(k), tgid, tid, sig);

	if (tid)
		emit(k, err, "tgkill (%d, %d, %s)", tgid, tid, log_signal_name(name, sig));
	else
		emit(k, err, "kill (%d, %s)", tgid, log_signal_name(name, sig));
	return err;
}

static int log_launch(struct kernel *k, const struct kernel_launch *what, pid_t *pid)
{
	int err = kernel_launch(inner_of(k), what, pid);
	char text[LOG_OPTIONS_SIZE];

	if (err)
		emit(k, err, "fork");
	else
		emit(k, 0, "fork = %d, ptrace (PTRACE_SEIZE, %d, 0, %s)", *pid, *pid,
		     log_options_text(text, what->options));
	return err;
}

static int log_launch_go(struct kernel *k, pid_t pid)
{
	int err = kernel_launch_go(inner_of(k), pid);

	emit(k, err, "let %d execve", pid);
	return err;
}

static int log_launch_result(struct kernel *k, pid_t pid)
{
	int err = kernel_launch_result(inner_of(k), pid);

	emit(k, err, "execve of %d", pid);
	return err;
}

static int log_get_affinity(struct kernel *k, pid_t tid, cpu_set_t *set)
{
	int err = kernel_get_affinity(inner_of(k), tid, set);

	emit(k, err, "sched_getaffinity (%d)", tid);
	return err;
}

static int log_set_affinity(struct kernel *k, pid_t tid, const cpu_set_t *set)
{
	int err = kernel_set_affinity(inner_of(k), tid, set);

	emit(k, err, "sched_setaffinity (%d, %d CPUs)", tid, CPU_COUNT(set));
	return err;
}

/* Asked all the time, and no part of the conversation with a tracee: not written down. */
static int log_current_cpu(struct kernel *k)
{
	return kernel_current_cpu(inner_of(k));
}

static int log_task_cpu(struct kernel *k, pid_t tid)
{
	return kernel_task_cpu(inner_of(k), tid);
}

static int log_sched_class(struct kernel *k, pid_t tid)
{
	return kernel_sched_class(inner_of(k), tid);
}

static int log_runnable(struct kernel *k)
{
	return kernel_runnable(inner_of(k));
}

static int log_set_idle(struct kernel *k, bool on)
{
	int err = kernel_set_idle(inner_of(k), on);

	emit(k, err, "sched_setscheduler (%s)", on ? "SCHED_IDLE" : "as before");
	return err;
}

static uint64_t log_now(struct kernel *k)
{
	return kernel_now(inner_of(k));
}

/* Not logged: it may be called by a signal handler. */
static void log_nudge(struct kernel *k)
{
	kernel_nudge(inner_of(k));
}

static int log_alarm(struct kernel *k, uint64_t interval_ns)
{
	return kernel_alarm(inner_of(k), interval_ns);
}

static int log_fd(struct kernel *k)
{
	return kernel_fd(inner_of(k));
}

static const struct kernel_ops logged_ops = {
	.free = log_free,
	.seize = log_seize,
	.set_options = log_set_options,
	.interrupt = log_interrupt,
	.resume = log_resume,
	.detach = log_detach,
	.wait = log_wait,
	.event_msg = log_event_msg,
	.get_regs = log_get_regs,
	.set_regs = log_set_regs,
	.get_xstate = log_get_xstate,
	.set_xstate = log_set_xstate,
	.syscall_info = log_syscall_info,
	.get_siginfo = log_get_siginfo,
	.set_siginfo = log_set_siginfo,
	.get_sigmask = log_get_sigmask,
	.set_sigmask = log_set_sigmask,
	.peek_signals = log_peek_signals,
	.get_rseq = log_get_rseq,
	.get_sud = log_get_sud,
	.set_sud = log_set_sud,
	.has_seccomp = log_has_seccomp,
	.has_shadow_stack = log_has_shadow_stack,
	.read = log_read,
	.write = log_write,
	.write_code = log_write_code,
	.map_fd = log_map_fd,
	.unmap = log_unmap,
	.proc = log_proc,
	.threads = log_threads,
	.children = log_children,
	.maps = log_maps,
	.why_not = log_why_not,
	.same_vm = log_same_vm,
	.in_group = log_in_group,
	.signal = log_signal,
	.launch = log_launch,
	.launch_go = log_launch_go,
	.launch_result = log_launch_result,
	.get_affinity = log_get_affinity,
	.set_affinity = log_set_affinity,
	.current_cpu = log_current_cpu,
	.task_cpu = log_task_cpu,
	.sched_class = log_sched_class,
	.runnable = log_runnable,
	.set_idle = log_set_idle,
	.now = log_now,
	.alarm = log_alarm,
	.nudge = log_nudge,
	.fd = log_fd,
};

struct kernel *kernel_logged_new(struct kernel *inner, kernel_log_fn log, void *arg)
{
	struct logged *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	*l = (struct logged){
		.base = { .ops = &logged_ops },
		.inner = inner,
		.log = log,
		.arg = arg,
	};
	return &l->base;
}
