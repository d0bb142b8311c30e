/* SPDX-License-Identifier: MIT */
/*
 * Which syscall-stop is this: entry or exit?
 *
 * From Linux 5.3 on the kernel says it (PTRACE_GET_SYSCALL_INFO). Before that it has to be known
 * from the stops that came before, for each task. Counting alone goes wrong, since stops come and
 * go in the middle of a call and PTRACE_CONT swallows others. What holds on every kernel:
 *
 *	after this stop                          the next syscall-stop is
 *	syscall-enter-stop                       the exit
 *	syscall-exit-stop                        an entry
 *	FORK, VFORK, CLONE, VFORK_DONE, EXEC     the exit: the task is inside the call
 *	SECCOMP                                  the exit from 4.8 on; before that the entry
 *	signal, group-stop, EVENT_STOP           an entry: these stops lie behind the exit's work, on
 *	                                         the way to user mode (a call that is interrupted
 *	                                         reports its exit before them, or never)
 */
#include "kernel/linux.h"

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define SYSGOOD 0x80

/* The kernel's struct ptrace_syscall_info, as of 5.3; later members lie behind these. */
struct raw_info {
	uint8_t op;
	uint8_t pad[3];
	uint32_t arch;
	uint64_t ip, sp;
	union {
		struct {
			uint64_t nr, args[6];
		} entry;
		struct {
			int64_t rval;
			uint8_t is_error;
		} exit;
	};
	uint64_t ret_data;
};

struct linux_parity {
	pid_t tid;
	enum kernel_syscall_op op; /* of the last stop */
	bool inside;               /* the next syscall-stop is an exit */
	UT_hash_handle hh;
};

/* The only place that decides whether the kernel has the request. */
static long get_info(struct linux_kernel *l, pid_t tid, struct raw_info *raw)
{
	long result;

	if (l->refuse & LINUX_REFUSE_SYSCALL_INFO)
		l->syscall_info = LINUX_LACKS;
	if (l->syscall_info == LINUX_LACKS)
		return -EIO;
	result = linux_ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(*raw), raw);
	if (result >= 0 && l->syscall_info == LINUX_UNKNOWN) {
		l->syscall_info = LINUX_HAS;
		linux_op_free(l);
	} else if (result == -EIO) {
		l->syscall_info = LINUX_LACKS;
	}
	return result;
}

enum kernel_syscall_op linux_op_step(bool *inside, int status, bool seccomp_after_entry)
{
	int event = (int)((unsigned)status >> 16);

	if (!event && WSTOPSIG(status) == (SIGTRAP | SYSGOOD)) {
		*inside = !*inside;
		return *inside ? KERNEL_OP_ENTRY : KERNEL_OP_EXIT;
	}
	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
	case PTRACE_EVENT_VFORK_DONE:
	case PTRACE_EVENT_EXEC:
		*inside = true;
		return KERNEL_OP_NONE;
	case PTRACE_EVENT_SECCOMP:
		*inside = seccomp_after_entry;
		return KERNEL_OP_SECCOMP;
	default:
		*inside = false;
		return KERNEL_OP_NONE;
	}
}

void linux_op_note(struct linux_kernel *l, pid_t tid, int status)
{
	struct linux_parity *p;
	struct raw_info raw;

	if (!WIFSTOPPED(status)) {
		linux_op_forget(l, tid);
		return;
	}
	if (l->syscall_info == LINUX_UNKNOWN && get_info(l, tid, &raw) >= 0)
		return;
	HASH_FIND_INT(l->parity, &tid, p);
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return; /* linux_syscall_info will say -ENOMEM */
		p->tid = tid;
		HASH_ADD_INT(l->parity, tid, p);
	}
	p->op = linux_op_step(&p->inside, status, l->seccomp_after_entry);
}

void linux_op_forget(struct linux_kernel *l, pid_t tid)
{
	struct linux_parity *p;

	if (!l->parity)
		return;
	HASH_FIND_INT(l->parity, &tid, p);
	if (p) {
		HASH_DEL(l->parity, p);
		free(p);
	}
}

void linux_op_free(struct linux_kernel *l)
{
	struct linux_parity *p, *next;

	HASH_ITER(hh, l->parity, p, next)
	{
		HASH_DEL(l->parity, p);
		free(p);
	}
}

/*
 * The calling convention, where the kernel does not say it: a 64-bit program that made its call
 * by int 0x80 is known by the instruction alone.
 */
static uint32_t guess_arch(struct kernel *k, pid_t tid, const struct kernel_regs *regs)
{
	static const uint8_t int80[2] = { 0xcd, 0x80 };
	uint8_t insn[2];

	if (regs->is32)
		return AUDIT_ARCH_I386;
	if (linux_read(k, tid, regs->r.rip - sizeof(insn), insn, sizeof(insn)) == 0 &&
	    memcmp(insn, int80, sizeof(insn)) == 0)
		return AUDIT_ARCH_I386;
	return AUDIT_ARCH_X86_64;
}

static int info_by_parity(struct kernel *k, pid_t tid, struct kernel_syscall_info *info)
{
	struct linux_parity *p;
	struct kernel_regs regs;
	const struct user_regs_struct *r = &regs.r;
	int err = linux_get_regs(k, tid, &regs);

	if (err)
		return err;
	HASH_FIND_INT(linux_of(k)->parity, &tid, p);
	if (!p)
		return -ENOMEM;
	info->op = p->op;
	info->ip = r->rip;
	info->sp = r->rsp;
	info->arch = guess_arch(k, tid, &regs);
	if (info->op == KERNEL_OP_EXIT) {
		info->rval = (int64_t)r->rax;
		info->is_error = info->rval < 0 && info->rval >= -4095;
	} else if (info->op != KERNEL_OP_NONE) {
		bool i386 = info->arch == AUDIT_ARCH_I386;
		const uint64_t args64[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
		const uint64_t args32[6] = { r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp };

		info->nr = r->orig_rax;
		for (size_t i = 0; i < 6; i++)
			info->args[i] = i386 ? (uint32_t)args32[i] : args64[i];
	}
	return 0;
}

int linux_syscall_info(struct kernel *k, pid_t tid, struct kernel_syscall_info *info)
{
	struct raw_info raw;
	long result = get_info(linux_of(k), tid, &raw);

	memset(info, 0, sizeof(*info));
	if (result == -EIO)
		return info_by_parity(k, tid, info);
	if (result < 0)
		return (int)result;
	info->op = (enum kernel_syscall_op)raw.op;
	info->arch = raw.arch;
	info->ip = raw.ip;
	info->sp = raw.sp;
	if (raw.op == KERNEL_OP_EXIT) {
		info->rval = raw.exit.rval;
		info->is_error = raw.exit.is_error;
	} else if (raw.op != KERNEL_OP_NONE) {
		info->nr = raw.entry.nr;
		memcpy(info->args, raw.entry.args, sizeof(info->args));
	}
	return 0;
}
