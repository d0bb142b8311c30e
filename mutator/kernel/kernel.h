/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - the one door to the kernel: ptrace, wait, /proc and memory of tracees.
 *
 * Everything that scion asks of a kernel is one of these calls. There are two implementations:
 * Linux (kernel_linux_new) and the simulated kernel of the test harness; a third one wraps another
 * and logs (kernel_logged_new). Nothing above this file makes a system call about a tracee.
 *
 * Every call returns 0 or a negative errno unless it says otherwise. -ESRCH from a call about a
 * tracee is not an error of the caller: the tracee is dying, or is not in a stop any more because
 * it was killed; its exit status is still to come from kernel_wait (ptrace(2), "Death under
 * ptrace"). All calls are made by the thread that seized the tracees.
 */
#ifndef SCION_KERNEL_KERNEL_H
#define SCION_KERNEL_KERNEL_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct kernel;

/** How a stopped tracee goes on (ptrace(2)). */
enum kernel_resume {
	KERNEL_CONT,    /* PTRACE_CONT: until the next event or signal */
	KERNEL_SYSCALL, /* PTRACE_SYSCALL: also stop at the next entry to or exit from a call */
	KERNEL_LISTEN,  /* PTRACE_LISTEN: from a group-stop; stay stopped, but report SIGCONT */
	KERNEL_STEP,    /* PTRACE_SINGLESTEP */
};

/** General registers. 32-bit tasks' are widened; is32 says that they were (regset of 68 bytes). */
struct kernel_regs {
	struct user_regs_struct r;
	bool is32;
};

/** What PTRACE_GET_SYSCALL_INFO says of a stop. */
enum kernel_syscall_op {
	KERNEL_OP_NONE, /* not a syscall-stop */
	KERNEL_OP_ENTRY,
	KERNEL_OP_EXIT,
	KERNEL_OP_SECCOMP,
};

struct kernel_syscall_info {
	enum kernel_syscall_op op;
	uint32_t arch; /* AUDIT_ARCH_* */
	uint64_t ip, sp;
	uint64_t nr, args[6]; /* entry and seccomp */
	int64_t rval;         /* exit */
	bool is_error;        /* exit */
};

/** rseq registration of a thread (PTRACE_GET_RSEQ_CONFIGURATION, Linux 5.13). */
struct kernel_rseq {
	uint64_t address; /* 0: none */
	uint32_t size, signature;
};

/** Syscall User Dispatch of a thread (Linux 5.11; by ptrace from 6.4). */
struct kernel_sud {
	uint64_t mode, selector, offset, len;
};

#define KERNEL_NS_DEPTH 8

/** What /proc/PID/status says. */
struct kernel_proc {
	pid_t tgid, ppid, tracer;
	pid_t nspid[KERNEL_NS_DEPTH]; /* [0] in the reader's namespace, the last one in its own */
	unsigned ns_depth;
	char state; /* R S D T t Z X */
	uid_t uid, euid;
	unsigned seccomp; /* 0 none, 1 strict, 2 filter */
	unsigned threads;
	uint64_t sig_blocked, sig_ignored, sig_caught;
	char name[32];
};

/** One wait status. */
struct kernel_wait {
	pid_t tid;
	int status;
};

enum kernel_wait_mode {
	KERNEL_WAIT_BLOCK, /* until something happened, a signal handler ran or the alarm rang */
	KERNEL_WAIT_POLL,  /* what is there now */
};

/** What kernel_launch starts. */
struct kernel_launch {
	const char *file; /* looked up in PATH if it holds no slash */
	char *const *argv, *const *envp;
	unsigned long options; /* PTRACE_O_* set while seizing */
	const char *cwd;       /* NULL: the caller's */
	int stdio[3];          /* -1: the caller's */
	bool own_pgrp;         /* setpgid(0, 0) before execve */
};

/** Operations. `k` is the implementation's own object. Use the kernel_* functions below. */
struct kernel_ops {
	void (*free)(struct kernel *k);
	int (*seize)(struct kernel *k, pid_t tid, unsigned long options);
	int (*set_options)(struct kernel *k, pid_t tid, unsigned long options);
	int (*interrupt)(struct kernel *k, pid_t tid);
	int (*resume)(struct kernel *k, pid_t tid, enum kernel_resume how, int sig);
	int (*detach)(struct kernel *k, pid_t tid, int sig);
	int (*wait)(struct kernel *k, enum kernel_wait_mode mode, struct kernel_wait *out);
	int (*event_msg)(struct kernel *k, pid_t tid, unsigned long *msg);
	int (*get_regs)(struct kernel *k, pid_t tid, struct kernel_regs *regs);
	int (*set_regs)(struct kernel *k, pid_t tid, const struct kernel_regs *regs);
	int (*call_number)(struct kernel *k, pid_t tid, uint64_t *nr); /* NULL: by get_regs */
	int (*get_xstate)(struct kernel *k, pid_t tid, void *buf, size_t *len);
	int (*set_xstate)(struct kernel *k, pid_t tid, const void *buf, size_t len);
	int (*syscall_info)(struct kernel *k, pid_t tid, struct kernel_syscall_info *info);
	int (*get_siginfo)(struct kernel *k, pid_t tid, siginfo_t *info);
	int (*set_siginfo)(struct kernel *k, pid_t tid, const siginfo_t *info);
	int (*get_sigmask)(struct kernel *k, pid_t tid, uint64_t *mask);
	int (*set_sigmask)(struct kernel *k, pid_t tid, uint64_t mask);
	int (*peek_signals)(struct kernel *k, pid_t tid, bool shared, siginfo_t *infos, int max);
	int (*get_rseq)(struct kernel *k, pid_t tid, struct kernel_rseq *rseq);
	int (*get_sud)(struct kernel *k, pid_t tid, struct kernel_sud *sud);
	int (*set_sud)(struct kernel *k, pid_t tid, const struct kernel_sud *sud);
	int (*has_seccomp)(struct kernel *k, pid_t tid);
	int (*has_shadow_stack)(struct kernel *k, pid_t tid);
	int (*read)(struct kernel *k, pid_t tid, uint64_t addr, void *buf, size_t len);
	int (*write)(struct kernel *k, pid_t tid, uint64_t addr, const void *buf, size_t len);
	int (*write_code)(struct kernel *k, pid_t tid, uint64_t addr, const void *buf, size_t len);
	int (*map_fd)(struct kernel *k, pid_t tid, int fd, size_t size, void **map);
	void (*unmap)(struct kernel *k, void *map, size_t size);
	int (*proc)(struct kernel *k, pid_t tid, struct kernel_proc *out);
	int (*threads)(struct kernel *k, pid_t tgid, pid_t **tids, size_t *count);
	int (*children)(struct kernel *k, pid_t tgid, pid_t **pids, size_t *count);
	int (*maps)(struct kernel *k, pid_t tid, char **text, size_t *len);
	void (*why_not)(struct kernel *k, const struct kernel_proc *proc, char *text, size_t len);
	int (*same_vm)(struct kernel *k, pid_t a, pid_t b);
	int (*in_group)(struct kernel *k, pid_t tgid, pid_t tid);
	int (*signal)(struct kernel *k, pid_t tgid, pid_t tid, int sig);
	int (*launch)(struct kernel *k, const struct kernel_launch *what, pid_t *pid);
	int (*launch_go)(struct kernel *k, pid_t pid);
	int (*launch_result)(struct kernel *k, pid_t pid);
	int (*get_affinity)(struct kernel *k, pid_t tid, cpu_set_t *set);
	int (*set_affinity)(struct kernel *k, pid_t tid, const cpu_set_t *set);
	int (*current_cpu)(struct kernel *k);
	int (*task_cpu)(struct kernel *k, pid_t tid);
	int (*sched_class)(struct kernel *k, pid_t tid);
	int (*runnable)(struct kernel *k);
	int (*set_idle)(struct kernel *k, bool on);
	uint64_t (*now)(struct kernel *k);
	int (*alarm)(struct kernel *k, uint64_t interval_ns);
	void (*nudge)(struct kernel *k);
	int (*fd)(struct kernel *k);
};

/** Every implementation begins with this. */
struct kernel {
	const struct kernel_ops *ops;
	/*
	 * Waits only for what is ours: set by a session that shares its thread with other children.
	 * NULL: every child and tracee of the calling thread is the session's.
	 */
	bool (*owns)(void *arg, pid_t tid);
	pid_t (*owned_next)(void *arg, pid_t after); /* iterates known tids: 0 starts and ends */
	void *owns_arg;
};

/** The Linux implementation. Never NULL but for ENOMEM. */
struct kernel *kernel_linux_new(void);

/** Sink for the log of requests and waits; `line` has no newline. */
typedef void (*kernel_log_fn)(void *arg, const char *line);

/**
 * Wraps `inner` (which it then owns) and writes each request and wait to `log`, in the form
 * `wait4 = 18304  WSTOPSIG=SIGTRAP | PTRACE_EVENT_FORK << 8`, `ptrace (PTRACE_CONT, 18304, SIG_0)`.
 */
struct kernel *kernel_logged_new(struct kernel *inner, kernel_log_fn log, void *arg);

static inline void kernel_free(struct kernel *k)
{
	if (k)
		k->ops->free(k);
}

/** PTRACE_SEIZE with options. -EPERM, -ESRCH; the tracee goes on running. */
static inline int kernel_seize(struct kernel *k, pid_t tid, unsigned long options)
{
	return k->ops->seize(k, tid, options);
}

/** PTRACE_SETOPTIONS; the task is in a ptrace-stop. */
static inline int kernel_set_options(struct kernel *k, pid_t tid, unsigned long options)
{
	return k->ops->set_options(k, tid, options);
}

/** PTRACE_INTERRUPT: a running seized task stops (PTRACE_EVENT_STOP); a listening one re-traps. */
static inline int kernel_interrupt(struct kernel *k, pid_t tid)
{
	return k->ops->interrupt(k, tid);
}

/** Resumes a task in a ptrace-stop; `sig` is delivered at a signal-delivery-stop, else 0. */
static inline int kernel_resume(struct kernel *k, pid_t tid, enum kernel_resume how, int sig)
{
	return k->ops->resume(k, tid, how, sig);
}

/** PTRACE_DETACH of a task in a ptrace-stop. */
static inline int kernel_detach(struct kernel *k, pid_t tid, int sig)
{
	return k->ops->detach(k, tid, sig);
}

/**
 * The only wait. Returns 1 with *out filled, 0 if nothing is there (poll), -EINTR if a signal
 * handler ran or the alarm rang (block), -ECHILD if there is nothing to wait for.
 */
static inline int kernel_wait(struct kernel *k, enum kernel_wait_mode mode, struct kernel_wait *out)
{
	return k->ops->wait(k, mode, out);
}

/** PTRACE_GETEVENTMSG at an event stop. PIDs are in the tracer's PID namespace. */
static inline int kernel_event_msg(struct kernel *k, pid_t tid, unsigned long *msg)
{
	return k->ops->event_msg(k, tid, msg);
}

/** PTRACE_GETREGSET NT_PRSTATUS. */
static inline int kernel_get_regs(struct kernel *k, pid_t tid, struct kernel_regs *regs)
{
	return k->ops->get_regs(k, tid, regs);
}

/** PTRACE_SETREGSET NT_PRSTATUS, in the width that the task has. */
static inline int kernel_set_regs(struct kernel *k, pid_t tid, const struct kernel_regs *regs)
{
	return k->ops->set_regs(k, tid, regs);
}

/** orig_rax only, for half the price of all registers (PTRACE_PEEKUSER). */
static inline int kernel_call_number(struct kernel *k, pid_t tid, uint64_t *nr)
{
	struct kernel_regs regs;
	int error;

	if (k->ops->call_number)
		return k->ops->call_number(k, tid, nr);
	error = k->ops->get_regs(k, tid, &regs);
	if (error >= 0)
		*nr = regs.r.orig_rax;
	return error;
}

/** NT_X86_XSTATE; *len is the buffer's size before and the state's after. */
static inline int kernel_get_xstate(struct kernel *k, pid_t tid, void *buf, size_t *len)
{
	return k->ops->get_xstate(k, tid, buf, len);
}

static inline int kernel_set_xstate(struct kernel *k, pid_t tid, const void *buf, size_t len)
{
	return k->ops->set_xstate(k, tid, buf, len);
}

/** PTRACE_GET_SYSCALL_INFO (Linux 5.3; before it entry and exit are told by parity, inside). */
static inline int kernel_syscall_info(struct kernel *k, pid_t tid, struct kernel_syscall_info *info)
{
	return k->ops->syscall_info(k, tid, info);
}

static inline int kernel_get_siginfo(struct kernel *k, pid_t tid, siginfo_t *info)
{
	return k->ops->get_siginfo(k, tid, info);
}

static inline int kernel_set_siginfo(struct kernel *k, pid_t tid, const siginfo_t *info)
{
	return k->ops->set_siginfo(k, tid, info);
}

/** Signal mask of a stopped thread, bit N-1 for signal N (PTRACE_GETSIGMASK, Linux 3.11). */
static inline int kernel_get_sigmask(struct kernel *k, pid_t tid, uint64_t *mask)
{
	return k->ops->get_sigmask(k, tid, mask);
}

static inline int kernel_set_sigmask(struct kernel *k, pid_t tid, uint64_t mask)
{
	return k->ops->set_sigmask(k, tid, mask);
}

/** PTRACE_PEEKSIGINFO: the pending signals, the thread's or the process's; returns how many. */
static inline int kernel_peek_signals(struct kernel *k, pid_t tid, bool shared, siginfo_t *infos,
				      int max)
{
	return k->ops->peek_signals(k, tid, shared, infos, max);
}

/** -EIO where the kernel can't say; then a registration must be looked for in memory. */
static inline int kernel_get_rseq(struct kernel *k, pid_t tid, struct kernel_rseq *rseq)
{
	return k->ops->get_rseq(k, tid, rseq);
}

static inline int kernel_get_sud(struct kernel *k, pid_t tid, struct kernel_sud *sud)
{
	return k->ops->get_sud(k, tid, sud);
}

static inline int kernel_set_sud(struct kernel *k, pid_t tid, const struct kernel_sud *sud)
{
	return k->ops->set_sud(k, tid, sud);
}

/**
 * 1 if the stopped thread has a seccomp filter, 0 if not. Strict mode, in which a thread can only
 * read, write and exit, is told by kernel_proc alone.
 */
static inline int kernel_has_seccomp(struct kernel *k, pid_t tid)
{
	return k->ops->has_seccomp(k, tid);
}

/** 1 if the stopped thread has a user shadow stack (Linux 6.6), 0 if not. */
static inline int kernel_has_shadow_stack(struct kernel *k, pid_t tid)
{
	return k->ops->has_shadow_stack(k, tid);
}

/** Reads all of [addr, addr+len) or fails (-EFAULT, -EIO, -ESRCH). The task need not be stopped. */
static inline int kernel_read(struct kernel *k, pid_t tid, uint64_t addr, void *buf, size_t len)
{
	return k->ops->read(k, tid, addr, buf, len);
}

/** Writes memory that the program may write itself. */
static inline int kernel_write(struct kernel *k, pid_t tid, uint64_t addr, const void *buf,
			       size_t len)
{
	return k->ops->write(k, tid, addr, buf, len);
}

/**
 * Writes any private mapping, r-x pages too: /proc/PID/mem, or PTRACE_POKEDATA where that refuses
 * (proc_mem.force_override of 6.12). The task is in a ptrace-stop.
 */
static inline int kernel_write_code(struct kernel *k, pid_t tid, uint64_t addr, const void *buf,
				    size_t len)
{
	return k->ops->write_code(k, tid, addr, buf, len);
}

/** Maps the task's file descriptor `fd` (a memfd, made `size` bytes long) shared, here. */
static inline int kernel_map_fd(struct kernel *k, pid_t tid, int fd, size_t size, void **map)
{
	return k->ops->map_fd(k, tid, fd, size, map);
}

static inline void kernel_unmap(struct kernel *k, void *map, size_t size)
{
	k->ops->unmap(k, map, size);
}

/** /proc/TID/status; works for any process that can be seen. */
static inline int kernel_proc(struct kernel *k, pid_t tid, struct kernel_proc *out)
{
	return k->ops->proc(k, tid, out);
}

/** Thread ids of a process, malloc'ed: the caller frees. */
static inline int kernel_threads(struct kernel *k, pid_t tgid, pid_t **tids, size_t *count)
{
	return k->ops->threads(k, tgid, tids, count);
}

/** Child processes of all threads of a process, malloc'ed: the caller frees. */
static inline int kernel_children(struct kernel *k, pid_t tgid, pid_t **pids, size_t *count)
{
	return k->ops->children(k, tgid, pids, count);
}

/** /proc/TID/maps as text with a NUL behind it, malloc'ed: the caller frees. */
static inline int kernel_maps(struct kernel *k, pid_t tid, char **text, size_t *len)
{
	return k->ops->maps(k, tid, text, len);
}

/** Says what forbids to trace that process: Yama, its owner, its namespace, a capability, LSMs. */
static inline void kernel_why_not(struct kernel *k, const struct kernel_proc *proc, char *text,
				  size_t len)
{
	k->ops->why_not(k, proc, text, len);
}

/** 1 if both tasks share their memory (kcmp KCMP_VM), 0 if not, -ENOSYS if it can't be told. */
static inline int kernel_same_vm(struct kernel *k, pid_t a, pid_t b)
{
	return k->ops->same_vm(k, a, b);
}

/** 1 if `tid` is a thread of the process `tgid` (tgkill with signal 0), 0 if not. */
static inline int kernel_in_group(struct kernel *k, pid_t tgid, pid_t tid)
{
	return k->ops->in_group(k, tgid, tid);
}

/** tgkill(2); tid 0: kill(2) of the process. */
static inline int kernel_signal(struct kernel *k, pid_t tgid, pid_t tid, int sig)
{
	return k->ops->signal(k, tgid, tid, sig);
}

/**
 * Forks a child that is seized but waits before execve; kernel_launch_go lets it go on. Its
 * execve is reported as PTRACE_EVENT_EXEC.
 */
static inline int kernel_launch(struct kernel *k, const struct kernel_launch *what, pid_t *pid)
{
	return k->ops->launch(k, what, pid);
}

static inline int kernel_launch_go(struct kernel *k, pid_t pid)
{
	return k->ops->launch_go(k, pid);
}

/** After the launched child's exit before its first exec: the negative errno of execve, or 0. */
static inline int kernel_launch_result(struct kernel *k, pid_t pid)
{
	return k->ops->launch_result(k, pid);
}

/** tid 0: the tracer itself. */
static inline int kernel_get_affinity(struct kernel *k, pid_t tid, cpu_set_t *set)
{
	return k->ops->get_affinity(k, tid, set);
}

static inline int kernel_set_affinity(struct kernel *k, pid_t tid, const cpu_set_t *set)
{
	return k->ops->set_affinity(k, tid, set);
}

/** The CPU that the tracer runs on (getcpu). */
static inline int kernel_current_cpu(struct kernel *k)
{
	return k->ops->current_cpu(k);
}

/**
 * The CPU that a task ran on last (/proc/TID/stat, field 39). -ENOSYS, here and in the next three,
 * from an implementation without them.
 */
static inline int kernel_task_cpu(struct kernel *k, pid_t tid)
{
	return k->ops->task_cpu ? k->ops->task_cpu(k, tid) : -ENOSYS;
}

/** SCHED_OTHER, SCHED_FIFO, … of a task, without flags. */
static inline int kernel_sched_class(struct kernel *k, pid_t tid)
{
	return k->ops->sched_class ? k->ops->sched_class(k, tid) : -ENOSYS;
}

/** How many tasks of the whole system are running or ready to, the caller included. */
static inline int kernel_runnable(struct kernel *k)
{
	return k->ops->runnable ? k->ops->runnable(k) : -ENOSYS;
}

/**
 * Puts the tracer into SCHED_IDLE, or back into the class that it had. -EPERM, and nothing is
 * changed, where the way back would be refused (sched(7): it needs RLIMIT_NICE or CAP_SYS_NICE).
 */
static inline int kernel_set_idle(struct kernel *k, bool on)
{
	return k->ops->set_idle ? k->ops->set_idle(k, on) : -ENOSYS;
}

/** CLOCK_MONOTONIC in ns. */
static inline uint64_t kernel_now(struct kernel *k)
{
	return k->ops->now(k);
}

/**
 * Interrupts a blocking wait (-EINTR) every `interval_ns` from now on, and makes kernel_fd
 * readable; 0 ends it. Repeats, since one that rang before the wait began would be lost.
 */
static inline int kernel_alarm(struct kernel *k, uint64_t interval_ns)
{
	return k->ops->alarm(k, interval_ns);
}

/**
 * Rings the alarm at once and again and again, until kernel_alarm changes it. Async-signal-safe; does
 * nothing if kernel_alarm was never called.
 */
static inline void kernel_nudge(struct kernel *k)
{
	if (k->ops->nudge)
		k->ops->nudge(k);
}

/**
 * A file descriptor that is readable when kernel_wait(KERNEL_WAIT_POLL) may have something, or
 * the alarm rang. Owned by the kernel object. Linux: epoll of a signalfd for SIGCHLD, which is
 * blocked in the calling thread from the first call on; all other threads must block it too.
 * A program that takes SIGCHLD for itself (sigwait, a signalfd of its own) takes ours as well, and
 * we take its: each time one of the two was woken, both have to look after their children.
 */
static inline int kernel_fd(struct kernel *k)
{
	return k->ops->fd(k);
}

#endif
