/* SPDX-License-Identifier: MIT */
#include "inject/regs.h"

#include <signal.h>

#define ERESTARTSYS           512
#define ERESTARTNOINTR        513
#define ERESTARTNOHAND        514
#define ERESTART_RESTARTBLOCK 516

#define USER_CS             0x33
#define USER_DS             0x2b
#define FLAGS_CLEAN         0x202 /* IF and the bit that is always 1: no DF, TF, AC, NT */
#define FLAGS_ID            0x200000
#define SYSCALL_INSTRUCTION 2 /* bytes of `syscall`, `sysenter` and `int $0x80` */

bool regs_restarts(const struct user_regs_struct *regs)
{
	if ((long long)regs->orig_rax < 0)
		return false;
	switch (-(long long)regs->rax) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		return true;
	default:
		return false;
	}
}

bool regs_is_64bit(const struct kernel_regs *regs)
{
	return !regs->is32 && regs->r.cs == USER_CS;
}

struct kernel_regs regs_enter(const struct kernel_regs *home, uint64_t stub, uint64_t frame)
{
	struct kernel_regs regs = *home; /* fs_base and gs_base stay the program's */

	regs.r.rip = stub;
	regs.r.rdi = frame;
	regs.r.rsp = frame;
	regs.r.rbp = 0;
	regs.r.rax = 0;
	regs.r.orig_rax = (unsigned long long)-1;
	/* ID stays the program's: ptrace can't set it (FLAG_MASK in arch/x86/kernel/ptrace.c) */
	regs.r.eflags = FLAGS_CLEAN | (home->r.eflags & FLAGS_ID);
	regs.r.cs = USER_CS;
	regs.r.ss = USER_DS;
	return regs;
}

struct kernel_regs regs_call(const struct kernel_regs *home, uint64_t gadget, uint64_t nr,
			     const uint64_t args[6])
{
	struct kernel_regs regs = *home;

	regs.r.rip = gadget;
	regs.r.rax = nr;
	regs.r.rdi = args[0];
	regs.r.rsi = args[1];
	regs.r.rdx = args[2];
	regs.r.r10 = args[3];
	regs.r.r8 = args[4];
	regs.r.r9 = args[5];
	regs.r.orig_rax = (unsigned long long)-1;
	regs.r.eflags = FLAGS_CLEAN;
	return regs;
}

struct kernel_regs regs_plain(const struct kernel_regs *home)
{
	struct kernel_regs regs = *home;

	regs.r.orig_rax = (unsigned long long)-1;
	return regs;
}

void regs_undo_entry(struct kernel_regs *regs)
{
	regs->r.rip -= SYSCALL_INSTRUCTION;
	regs->r.rax = regs->r.orig_rax;
	regs->r.orig_rax = (unsigned long long)-1;
}

void regs_leave_rseq(struct user_regs_struct *regs, const struct regs_rseq_cs *section)
{
	if (regs->rip - section->start_ip < section->post_commit_offset)
		regs->rip = section->abort_ip;
}

void regs_to_payload(const struct user_regs_struct *regs, struct scion_payload_regs *out)
{
	*out = (struct scion_payload_regs){
		.r15 = regs->r15,
		.r14 = regs->r14,
		.r13 = regs->r13,
		.r12 = regs->r12,
		.rbp = regs->rbp,
		.rbx = regs->rbx,
		.r11 = regs->r11,
		.r10 = regs->r10,
		.r9 = regs->r9,
		.r8 = regs->r8,
		.rax = regs->rax,
		.rcx = regs->rcx,
		.rdx = regs->rdx,
		.rsi = regs->rsi,
		.rdi = regs->rdi,
		.orig_rax = regs->orig_rax,
		.rip = regs->rip,
		.cs = regs->cs,
		.eflags = regs->eflags,
		.rsp = regs->rsp,
		.ss = regs->ss,
	};
}

static uint64_t bit(int sig)
{
	return 1ull << (sig - 1);
}

static uint64_t faults(void)
{
	return bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGFPE) | bit(SIGTRAP) | bit(SIGSYS);
}

uint64_t regs_blocked_mask(int also)
{
	return ~faults() | (also > 0 ? bit(also) : 0);
}

bool regs_is_fault(int sig)
{
	return sig > 0 && faults() & bit(sig);
}
