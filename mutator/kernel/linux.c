/* SPDX-License-Identifier: MIT */
/* The Linux implementation of kernel.h: the object, ptrace requests and small questions. */
#include "kernel/linux.h"

#include <cpuid.h>
#include <elf.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/utsname.h>

/* What NT_PRSTATUS holds for a task in 32-bit mode (user_regs_struct32 of the kernel). */
struct regs32 {
	uint32_t ebx, ecx, edx, esi, edi, ebp, eax;
	uint32_t ds, es, fs, gs;
	uint32_t orig_eax, eip, cs, eflags, esp, ss;
};

_Static_assert(sizeof(struct regs32) == 68, "the kernel's layout");
_Static_assert(sizeof(struct user_regs_struct) == 216, "the kernel's layout");

static int linux_seize(struct kernel *k, pid_t tid, unsigned long options)
{
	struct linux_kernel *l = linux_of(k);

	linux_op_forget(l, tid);
	linux_mem_drop(l, tid);
	return (int)linux_ptrace(PTRACE_SEIZE, tid, 0, (void *)options);
}

static int linux_set_options(struct kernel *k, pid_t tid, unsigned long options)
{
	(void)k;
	return (int)linux_ptrace(PTRACE_SETOPTIONS, tid, 0, (void *)options);
}

static int linux_interrupt(struct kernel *k, pid_t tid)
{
	(void)k;
	return (int)linux_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
}

static int linux_resume(struct kernel *k, pid_t tid, enum kernel_resume how, int sig)
{
	static const int requests[] = {
		[KERNEL_CONT] = PTRACE_CONT,
		[KERNEL_SYSCALL] = PTRACE_SYSCALL,
		[KERNEL_LISTEN] = PTRACE_LISTEN,
		[KERNEL_STEP] = PTRACE_SINGLESTEP,
	};

	(void)k;
	/* PTRACE_LISTEN takes no signal (ptrace(2)). */
	return (int)linux_ptrace(requests[how], tid, 0,
				 (void *)(intptr_t)(how == KERNEL_LISTEN ? 0 : sig));
}

static int linux_detach(struct kernel *k, pid_t tid, int sig)
{
	struct linux_kernel *l = linux_of(k);

	linux_op_forget(l, tid);
	linux_mem_drop(l, tid);
	return (int)linux_ptrace(PTRACE_DETACH, tid, 0, (void *)(intptr_t)sig);
}

int linux_event_msg(struct kernel *k, pid_t tid, unsigned long *msg)
{
	(void)k;
	return (int)linux_ptrace(PTRACE_GETEVENTMSG, tid, 0, msg);
}

static int linux_call_number(struct kernel *k, pid_t tid, uint64_t *nr)
{
	(void)k;
	return (int)linux_ptrace(PTRACE_PEEKUSER, tid, offsetof(struct user, regs.orig_rax), nr);
}

/*
 * As the kernel itself holds a 32-bit call's number and result: the number is signed (-1: no
 * call), an error is a negative long, anything else (an address) is not.
 */
static void widen(struct user_regs_struct *r, const struct regs32 *s)
{
	bool error = s->eax >= (uint32_t)-4095;

	*r = (struct user_regs_struct){
		.rbx = s->ebx,
		.rcx = s->ecx,
		.rdx = s->edx,
		.rsi = s->esi,
		.rdi = s->edi,
		.rbp = s->ebp,
		.rax = error ? (unsigned long long)(int32_t)s->eax : s->eax,
		.ds = s->ds,
		.es = s->es,
		.fs = s->fs,
		.gs = s->gs,
		.orig_rax = (unsigned long long)(int32_t)s->orig_eax,
		.rip = s->eip,
		.cs = s->cs,
		.eflags = s->eflags,
		.rsp = s->esp,
		.ss = s->ss,
	};
}

static void narrow(struct regs32 *s, const struct user_regs_struct *r)
{
	*s = (struct regs32){
		.ebx = (uint32_t)r->rbx,
		.ecx = (uint32_t)r->rcx,
		.edx = (uint32_t)r->rdx,
		.esi = (uint32_t)r->rsi,
		.edi = (uint32_t)r->rdi,
		.ebp = (uint32_t)r->rbp,
		.eax = (uint32_t)r->rax,
		.ds = (uint32_t)r->ds,
		.es = (uint32_t)r->es,
		.fs = (uint32_t)r->fs,
		.gs = (uint32_t)r->gs,
		.orig_eax = (uint32_t)r->orig_rax,
		.eip = (uint32_t)r->rip,
		.cs = (uint32_t)r->cs,
		.eflags = (uint32_t)r->eflags,
		.esp = (uint32_t)r->rsp,
		.ss = (uint32_t)r->ss,
	};
}

int linux_get_regs(struct kernel *k, pid_t tid, struct kernel_regs *regs)
{
	struct iovec iov = { .iov_base = &regs->r, .iov_len = sizeof(regs->r) };
	long result = linux_ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov);
	struct regs32 narrowed;

	(void)k;
	if (result < 0)
		return (int)result;
	regs->is32 = iov.iov_len == sizeof(narrowed);
	if (regs->is32) {
		memcpy(&narrowed, &regs->r, sizeof(narrowed));
		widen(&regs->r, &narrowed);
	}
	return 0;
}

int linux_set_regs(struct kernel *k, pid_t tid, const struct kernel_regs *regs)
{
	struct iovec iov = { .iov_base = (void *)&regs->r, .iov_len = sizeof(regs->r) };
	struct regs32 narrowed;

	(void)k;
	if (regs->is32) {
		narrow(&narrowed, &regs->r);
		iov = (struct iovec){ .iov_base = &narrowed, .iov_len = sizeof(narrowed) };
	}
	return (int)linux_ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov);
}

static int linux_get_xstate(struct kernel *k, pid_t tid, void *buf, size_t *len)
{
	struct iovec iov = { .iov_base = buf, .iov_len = *len };
	long result = linux_ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov);

	(void)k;
	if (result < 0)
		return (int)result;
	*len = iov.iov_len;
	return 0;
}

static int linux_set_xstate(struct kernel *k, pid_t tid, const void *buf, size_t len)
{
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };

	(void)k;
	return (int)linux_ptrace(PTRACE_SETREGSET, tid, NT_X86_XSTATE, &iov);
}

static int linux_get_siginfo(struct kernel *k, pid_t tid, siginfo_t *info)
{
	(void)k;
	return (int)linux_ptrace(PTRACE_GETSIGINFO, tid, 0, info);
}

static int linux_set_siginfo(struct kernel *k, pid_t tid, const siginfo_t *info)
{
	(void)k;
	return (int)linux_ptrace(PTRACE_SETSIGINFO, tid, 0, info);
}

static int linux_get_sigmask(struct kernel *k, pid_t tid, uint64_t *mask)
{
	(void)k;
	return (int)linux_ptrace(PTRACE_GETSIGMASK, tid, sizeof(*mask), mask);
}

static int linux_set_sigmask(struct kernel *k, pid_t tid, uint64_t mask)
{
	(void)k;
	return (int)linux_ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
}

static int linux_peek_signals(struct kernel *k, pid_t tid, bool shared, siginfo_t *infos, int max)
{
	struct {
		uint64_t off;
		uint32_t flags;
		int32_t nr;
	} args = { .flags = shared ? 1 : 0 /* PTRACE_PEEKSIGINFO_SHARED */, .nr = max };

	(void)k;
	return (int)linux_ptrace(PTRACE_PEEKSIGINFO, tid, (uintptr_t)&args, infos);
}

/* A request that the kernel may not know: EIO is remembered, and never asked again. */
static int ask(enum linux_feature *feature, long request, pid_t tid, uintptr_t addr, void *data)
{
	long result;

	if (*feature == LINUX_LACKS)
		return -EIO;
	result = linux_ptrace(request, tid, addr, data);
	if (result >= 0)
		*feature = LINUX_HAS;
	else if (result == -EIO && *feature == LINUX_UNKNOWN)
		*feature = LINUX_LACKS;
	return result < 0 ? (int)result : 0;
}

static int linux_get_rseq(struct kernel *k, pid_t tid, struct kernel_rseq *rseq)
{
	struct {
		uint64_t address;
		uint32_t size, signature, flags, pad;
	} conf = { 0 };
	int err = ask(&linux_of(k)->rseq, PTRACE_GET_RSEQ_CONFIGURATION, tid, sizeof(conf), &conf);

	*rseq = (struct kernel_rseq){ conf.address, conf.size, conf.signature };
	return err;
}

static int linux_get_sud(struct kernel *k, pid_t tid, struct kernel_sud *sud)
{
	*sud = (struct kernel_sud){ 0 };
	return ask(&linux_of(k)->sud, LINUX_GET_SUD, tid, sizeof(*sud), sud);
}

static int linux_set_sud(struct kernel *k, pid_t tid, const struct kernel_sud *sud)
{
	return ask(&linux_of(k)->sud, LINUX_SET_SUD, tid, sizeof(*sud), (void *)sud);
}

/*
 * PTRACE_SECCOMP_GET_FILTER answers -EINVAL for a task without filters, but also, always, on a
 * kernel that was built without CONFIG_CHECKPOINT_RESTORE (kernel/seccomp.c). PR_SET_MM_MAP_SIZE
 * exists under that option only and has no side effect: it tells the two apart.
 */
static enum linux_feature probe_get_filter(void)
{
	unsigned size = 0;

	return prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) == 0 ? LINUX_HAS : LINUX_LACKS;
}

static int linux_has_seccomp(struct kernel *k, pid_t tid)
{
	struct linux_kernel *l = linux_of(k);
	struct kernel_proc proc;
	int err;

	if (l->get_filter == LINUX_UNKNOWN)
		l->get_filter = probe_get_filter();
	if (l->get_filter == LINUX_HAS && !(l->refuse & LINUX_REFUSE_GET_FILTER)) {
		long result = linux_ptrace(PTRACE_SECCOMP_GET_FILTER, tid, 0, NULL);

		if (result >= 0)
			return 1;
		if (result == -EINVAL)
			return 0;
		if (result == -ESRCH)
			return -ESRCH;
		l->get_filter = LINUX_LACKS; /* EACCES: no CAP_SYS_ADMIN, or filtered itself */
	}
	err = linux_proc(k, tid, &proc);
	return err ? err : proc.seccomp != 0;
}

static enum linux_feature probe_shadow_stack(void)
{
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
		return LINUX_LACKS;
	return ecx & 1U << 7 ? LINUX_HAS : LINUX_LACKS;
}

static int linux_has_shadow_stack(struct kernel *k, pid_t tid)
{
	struct linux_kernel *l = linux_of(k);
	uint64_t ssp;
	struct iovec iov = { .iov_base = &ssp, .iov_len = sizeof(ssp) };
	long result;

	if (l->shadow_stack == LINUX_UNKNOWN)
		l->shadow_stack = probe_shadow_stack();
	if (l->shadow_stack == LINUX_LACKS)
		return 0;
	result = linux_ptrace(PTRACE_GETREGSET, tid, LINUX_NT_SHSTK, &iov);
	if (result == -EINVAL)
		l->shadow_stack = LINUX_LACKS; /* a kernel without this register set */
	return result == -ESRCH ? -ESRCH : result >= 0;
}

static int linux_same_vm(struct kernel *k, pid_t a, pid_t b)
{
	long result = syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);

	(void)k;
	if (result >= 0)
		return result == 0;
	return errno == ESRCH ? -ESRCH : -ENOSYS;
}

static int linux_in_group(struct kernel *k, pid_t tgid, pid_t tid)
{
	(void)k;
	return syscall(SYS_tgkill, tgid, tid, 0) == 0 || errno == EPERM;
}

static int linux_signal(struct kernel *k, pid_t tgid, pid_t tid, int sig)
{
	(void)k;
	return linux_error(tid ? syscall(SYS_tgkill, tgid, tid, sig) : kill(tgid, sig));
}

static int linux_get_affinity(struct kernel *k, pid_t tid, cpu_set_t *set)
{
	(void)k;
	return linux_error(sched_getaffinity(tid, sizeof(*set), set));
}

static int linux_set_affinity(struct kernel *k, pid_t tid, const cpu_set_t *set)
{
	(void)k;
	return linux_error(sched_setaffinity(tid, sizeof(*set), set));
}

static int linux_current_cpu(struct kernel *k)
{
	int cpu = sched_getcpu();

	(void)k;
	return cpu < 0 ? -errno : cpu;
}

static uint64_t linux_now(struct kernel *k)
{
	struct timespec ts;

	(void)k;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void linux_free(struct kernel *k)
{
	struct linux_kernel *l = linux_of(k);

	linux_wait_free(l);
	linux_launch_free(l);
	linux_op_free(l);
	linux_mem_drop(l, 0);
	free(l);
}

static const struct kernel_ops linux_ops = {
	.free = linux_free,
	.seize = linux_seize,
	.set_options = linux_set_options,
	.interrupt = linux_interrupt,
	.resume = linux_resume,
	.detach = linux_detach,
	.wait = linux_wait,
	.event_msg = linux_event_msg,
	.get_regs = linux_get_regs,
	.set_regs = linux_set_regs,
	.call_number = linux_call_number,
	.get_xstate = linux_get_xstate,
	.set_xstate = linux_set_xstate,
	.syscall_info = linux_syscall_info,
	.get_siginfo = linux_get_siginfo,
	.set_siginfo = linux_set_siginfo,
	.get_sigmask = linux_get_sigmask,
	.set_sigmask = linux_set_sigmask,
	.peek_signals = linux_peek_signals,
	.get_rseq = linux_get_rseq,
	.get_sud = linux_get_sud,
	.set_sud = linux_set_sud,
	.has_seccomp = linux_has_seccomp,
	.has_shadow_stack = linux_has_shadow_stack,
	.read = linux_read,
	.write = linux_write,
	.write_code = linux_write_code,
	.map_fd = linux_map_fd,
	.unmap = linux_unmap,
	.proc = linux_proc,
	.threads = linux_threads,
	.children = linux_children,
	.maps = linux_maps,
	.why_not = linux_why_not,
	.same_vm = linux_same_vm,
	.in_group = linux_in_group,
	.signal = linux_signal,
	.launch = linux_launch,
	.launch_go = linux_launch_go,
	.launch_result = linux_launch_result,
	.get_affinity = linux_get_affinity,
	.set_affinity = linux_set_affinity,
	.current_cpu = linux_current_cpu,
	.task_cpu = linux_task_cpu,
	.sched_class = linux_sched_class,
	.runnable = linux_runnable,
	.set_idle = linux_set_idle,
	.now = linux_now,
	.alarm = linux_alarm,
	.nudge = linux_nudge,
	.fd = linux_fd,
};

/* Linux 4.8 moved the seccomp stop behind the syscall-enter-stop (seccomp(2), NOTES). */
static bool seccomp_after_entry(void)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return true;
	return major > 4 || (major == 4 && minor >= 8);
}

struct kernel *kernel_linux_new(void)
{
	struct linux_kernel *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->base.ops = &linux_ops;
	l->tracer = (pid_t)syscall(SYS_gettid);
	l->seccomp_after_entry = seccomp_after_entry();
	l->epoll_fd = l->signal_fd = l->timer_fd = -1;
	for (size_t i = 0; i < LINUX_MEM_FDS; i++)
		l->mem[i].fd = -1;
	linux_launch_init(l);
	return &l->base;
}
