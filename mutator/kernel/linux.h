/* SPDX-License-Identifier: MIT */
/*
 * linux.h - inside of the Linux implementation of kernel.h; only kernel/linux*.c, `scion doctor`
 * and the tests of these files include it.
 *
 *	linux.c          the object, ptrace requests, small questions
 *	linux_wait.c     the wait, the alarm, the file descriptor
 *	linux_op.c       entry or exit: PTRACE_GET_SYSCALL_INFO, or parity where it is missing
 *	linux_mem.c      memory of tracees, with its fallbacks
 *	linux_proc.c     /proc
 *	linux_launch.c   starting a program
 *	linux_sched.c    where the tracer runs, and how
 */
#ifndef SCION_KERNEL_LINUX_H
#define SCION_KERNEL_LINUX_H

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel/kernel.h"

/* Requests and notes that glibc 2.36 does not name; numbers from include/uapi/linux/ptrace.h. */
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#ifndef PTRACE_GET_SYSCALL_INFO
#define PTRACE_GET_SYSCALL_INFO 0x420e
#endif
#define LINUX_SET_SUD  0x4210 /* PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, Linux 6.4 */
#define LINUX_GET_SUD  0x4211 /* PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG */
#define LINUX_NT_SHSTK 0x204  /* NT_X86_SHSTK, Linux 6.6 */
#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

/** What a test, or the doctor, can take away from the implementation. */
enum linux_refuse {
	LINUX_REFUSE_VM = 1 << 0,           /* process_vm_readv, process_vm_writev */
	LINUX_REFUSE_MEM = 1 << 1,          /* /proc/PID/mem */
	LINUX_REFUSE_WORDS = 1 << 5,        /* PTRACE_PEEKDATA, PTRACE_POKEDATA */
	LINUX_REFUSE_SYSCALL_INFO = 1 << 2, /* PTRACE_GET_SYSCALL_INFO: parity from then on */
	LINUX_REFUSE_CHILDREN = 1 << 3,     /* /proc/PID/task/TID/children */
	LINUX_REFUSE_GET_FILTER = 1 << 4,   /* PTRACE_SECCOMP_GET_FILTER */
};

/** A feature that is asked of the kernel once. */
enum linux_feature {
	LINUX_UNKNOWN,
	LINUX_HAS,
	LINUX_LACKS,
};

/** Parity of one task, on kernels without PTRACE_GET_SYSCALL_INFO. */
struct linux_parity;

/** A program between kernel_launch and its first exec. */
struct linux_launched {
	struct linux_launched *next;
	pid_t pid;
	int go_fd;    /* written: go on; -1 after that */
	int errno_fd; /* read: the errno of execve; end of file: it worked */
};

#define LINUX_MEM_FDS 8

/** An open /proc/TID/mem. It shows the memory that the task had when it was opened. */
struct linux_mem_fd {
	pid_t tid;
	int fd; /* -1: free */
};

struct linux_kernel {
	struct kernel base;
	unsigned refuse; /* enum linux_refuse */
	pid_t tracer;    /* tid of the thread that all calls come from */

	/* asked once */
	enum linux_feature syscall_info, vm, rseq, sud, get_filter, shadow_stack;
	bool seccomp_after_entry; /* EVENT_SECCOMP comes after the syscall-enter-stop (4.8) */

	struct linux_parity *parity; /* uthash by tid; NULL where syscall_info is there */
	struct linux_mem_fd mem[LINUX_MEM_FDS];
	unsigned mem_next; /* the next one to be replaced */
	struct linux_launched *launched;

	/* as scion was started: for the programs that it starts */
	sigset_t start_mask;
	uint64_t start_ignored; /* bit N-1 for signal N */

	/* fd mode, from the first kernel_fd on */
	int epoll_fd, signal_fd, timer_fd;
	bool chld_was_blocked, chld_changed;
	struct sigaction chld_saved;

	/* blocking mode's alarm */
	timer_t timer;
	int timer_sig; /* 0: not made */
	bool timer_sig_was_blocked;
	struct sigaction timer_saved;
	uint64_t interval; /* of the alarm, ns */

	int sched_class; /* to go back to from SCHED_IDLE, once that was entered */
};

static inline struct linux_kernel *linux_of(struct kernel *k)
{
	return (struct linux_kernel *)k; /* base is the first member */
}

/** ptrace(2) without libc's special cases; the result or a negative errno. */
static inline long linux_ptrace(long request, pid_t tid, uintptr_t addr, const void *data)
{
	long result = syscall(SYS_ptrace, request, (long)tid, addr, data);

	return result < 0 ? -errno : result;
}

static inline int linux_error(long result)
{
	return result < 0 ? -errno : 0;
}

/** Writes "/proc/TID/WHAT"; `what` is short. */
#define LINUX_PATH_SIZE 64
void linux_path(char path[LINUX_PATH_SIZE], pid_t tid, const char *what);

/* linux.c */
int linux_event_msg(struct kernel *k, pid_t tid, unsigned long *msg);
int linux_get_regs(struct kernel *k, pid_t tid, struct kernel_regs *regs);
int linux_set_regs(struct kernel *k, pid_t tid, const struct kernel_regs *regs);

/* linux_wait.c */
int linux_wait(struct kernel *k, enum kernel_wait_mode mode, struct kernel_wait *out);
int linux_alarm(struct kernel *k, uint64_t interval_ns);
void linux_nudge(struct kernel *k);
int linux_fd(struct kernel *k);
void linux_wait_free(struct linux_kernel *l);

/* linux_op.c */
int linux_syscall_info(struct kernel *k, pid_t tid, struct kernel_syscall_info *info);
/** Every status passes through here while PTRACE_GET_SYSCALL_INFO is not known to be there. */
void linux_op_note(struct linux_kernel *l, pid_t tid, int status);
/**
 * One stop further, without that request: what the stop is. *inside: the next syscall-stop is an
 * exit; false at first. seccomp_after_entry: Linux 4.8 and later. Pure.
 */
enum kernel_syscall_op linux_op_step(bool *inside, int status, bool seccomp_after_entry);
/** A task that was let go, or is seized anew. */
void linux_op_forget(struct linux_kernel *l, pid_t tid);
void linux_op_free(struct linux_kernel *l);

/* linux_mem.c */
int linux_read(struct kernel *k, pid_t tid, uint64_t addr, void *buf, size_t len);
int linux_write(struct kernel *k, pid_t tid, uint64_t addr, const void *buf, size_t len);
int linux_write_code(struct kernel *k, pid_t tid, uint64_t addr, const void *buf, size_t len);
int linux_map_fd(struct kernel *k, pid_t tid, int fd, size_t size, void **map);
void linux_unmap(struct kernel *k, void *map, size_t size);
/** Closes what is open of a task, 0: of all; at its exec, its exit and when it is let go. */
void linux_mem_drop(struct linux_kernel *l, pid_t tid);

/* linux_proc.c */
void linux_why_not(struct kernel *k, const struct kernel_proc *proc, char *text, size_t len);
int linux_proc(struct kernel *k, pid_t tid, struct kernel_proc *out);
int linux_threads(struct kernel *k, pid_t tgid, pid_t **tids, size_t *count);
int linux_children(struct kernel *k, pid_t tgid, pid_t **pids, size_t *count);
int linux_maps(struct kernel *k, pid_t tid, char **text, size_t *len);
/** Fills `out` from the text of /proc/PID/status; true when the last line that counts was seen. */
bool linux_proc_parse(struct kernel_proc *out, const char *text, size_t len);

/* linux_sched.c */
int linux_task_cpu(struct kernel *k, pid_t tid);
int linux_sched_class(struct kernel *k, pid_t tid);
int linux_runnable(struct kernel *k);
int linux_set_idle(struct kernel *k, bool on);

/* linux_launch.c */
int linux_launch(struct kernel *k, const struct kernel_launch *what, pid_t *pid);
int linux_launch_go(struct kernel *k, pid_t pid);
int linux_launch_result(struct kernel *k, pid_t pid);
/** Saves what a launched program shall find again. */
void linux_launch_init(struct linux_kernel *l);
/** The launched program `pid` has reported its exec: its pipes are closed. */
void linux_launch_execed(struct linux_kernel *l, pid_t pid);
void linux_launch_free(struct linux_kernel *l);

#endif
