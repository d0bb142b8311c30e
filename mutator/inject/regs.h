/* SPDX-License-Identifier: MIT */
/* regs.h - decisions about registers around a payload. Pure. */
#ifndef SCION_INJECT_REGS_H
#define SCION_INJECT_REGS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "scion/payload.h"

/** rseq_cs of Linux's uapi (rseq(2)): a critical section. */
struct regs_rseq_cs {
	uint32_t version, flags;
	uint64_t start_ip, post_commit_offset, abort_ip;
};

/**
 * True if the stop is in a system call that the kernel will restart (or end with EINTR, as the next
 * signal decides): such registers must be put back, orig_rax and rax both, at a stop of the signal
 * kind, or the call is lost (signal(7), "Interruption of system calls").
 */
bool regs_restarts(const struct user_regs_struct *regs);

/** True if the task runs 64-bit code: the only kind that a payload can be put before. */
bool regs_is_64bit(const struct kernel_regs *regs);

/** Registers with which the stub is entered: flags clean, no call to restart. */
struct kernel_regs regs_enter(const struct kernel_regs *home, uint64_t stub, uint64_t frame);

/** Registers for one system call at `gadget`, the address of a `syscall` instruction. */
struct kernel_regs regs_call(const struct kernel_regs *home, uint64_t gadget, uint64_t nr,
			     const uint64_t args[6]);

/** `home` for a stop at which nothing is to be restarted. */
struct kernel_regs regs_plain(const struct kernel_regs *home);

/** The call at whose entry the task stands is taken back, to be made again afterwards. */
void regs_undo_entry(struct kernel_regs *regs);

/**
 * Inside of an rseq critical section the program goes on at its abort address, as after any
 * preemption: moving rip away and back would hide the section from the kernel.
 */
void regs_leave_rseq(struct user_regs_struct *regs, const struct regs_rseq_cs *section);

void regs_to_payload(const struct user_regs_struct *regs, struct scion_payload_regs *out);

/** All signals but those that a fault raises, which are not blocked while a payload runs. */
uint64_t regs_blocked_mask(int also);

/** True for the signals that a fault raises. */
bool regs_is_fault(int sig);

#endif
