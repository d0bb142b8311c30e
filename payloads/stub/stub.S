/* SPDX-License-Identifier: MIT */
/*
 * stub.S - runs one payload in a tracee and puts the program back where it was.
 *
 *	tracer: SETREGS rip = stub, rdi = frame, rsp = 16-aligned, below the frame
 *	   |
 *	stub: [xsave] -> call frame.entry(&frame.ctx) -> [xrstor] -> report -> [notify: getpid]
 *	   |                                               program's signal mask  <- rt_sigprocmask
 *	   |                                               stub_after:  registers <- frame.home
 *	   v
 *	program: iretq, built from the last five words of frame.home as they lie there
 *
 * Nothing is written outside the slot (stack and frame) and the report: neither the program's
 * stack nor its red zone. fs and gs are not touched. The frame's address is kept on the stub's
 * stack, not in a register, so that a payload which breaks the ABI's rules on callee-saved
 * registers can't break the way home.
 *
 * From stub_after on signals are the program's again. Their handlers would start below rsp, in the
 * slot, where by then nothing is needed that lies more than 128 bytes lower; a tracer may just as
 * well SETREGS to home at any stop in there, for every register is dead until the end.
 *
 * A user shadow stack would make iretq fault (it pops CS, LIP and SSP from it): the engine must
 * not enter the stub with one.
 *
 * The packer takes stub_notify and stub_after from the symbol table.
 */
#include "inject/frame.h"

#define SYS_rt_sigprocmask 14
#define SYS_getpid 39
#define SIG_SETMASK 2

#define HOME_EFLAGS (18 * 8)
#define FLAGS_ID 0x200000
#define XSAVE_HEADER 512
#define ON_STACK_FRAME 0
#define ON_STACK_XSAVE 8

	.section .text.scion_payload, "ax", @progbits
	.globl scion_payload, stub_notify, stub_after
	.type scion_payload, @function
scion_payload:			/* every packed image is entered here, the stub's too */
	/* Vector state: an area of frame.xsave bytes whose header must be zero. */
	xorl %r12d, %r12d
	movq FRAME_XSAVE(%rdi), %rcx
	testq %rcx, %rcx
	jz 1f
	subq %rcx, %rsp
	andq $-64, %rsp
	movq %rsp, %r12
	xorl %eax, %eax
	.set .Loffset, XSAVE_HEADER
	.rept 8
	movq %rax, .Loffset(%r12)
	.set .Loffset, .Loffset + 8
	.endr
	movl $-1, %eax
	movl $-1, %edx
	xsave64 (%r12)
	/* Code of the target expects an empty x87 stack, and its own control word. */
	fnstcw -8(%rsp)
	fninit
	fldcw -8(%rsp)
1:	subq $16, %rsp
	movq %rdi, ON_STACK_FRAME(%rsp)
	movq %r12, ON_STACK_XSAVE(%rsp)
	movq FRAME_ENTRY(%rdi), %rax
	addq $FRAME_CTX, %rdi
	xorl %ebp, %ebp		/* no frame above this one, for whoever unwinds */
	call *%rax

	/*
	 * Nothing but rsp is taken for granted here: clear DF, AC, NT and TF before they hurt. ID
	 * becomes the program's at once: PTRACE_SETREGSET, which the tracer may use on us behind
	 * stub_after, can't set it (FLAG_MASK in arch/x86/kernel/ptrace.c).
	 */
	movq ON_STACK_FRAME(%rsp), %rbx
	movl FRAME_HOME + HOME_EFLAGS(%rbx), %ecx
	andl $FLAGS_ID, %ecx
	orl $2, %ecx
	pushq %rcx
	popfq
	movq ON_STACK_XSAVE(%rsp), %r12
	movq %rax, %r13
	testq %r12, %r12
	jz 2f
	movl $-1, %eax
	movl $-1, %edx
	xrstor64 (%r12)

2:	movq FRAME_REPORT(%rbx), %rdi
	testq %rdi, %rdi
	jz 3f
	movq %r13, REPORT_STATUS(%rdi)
	.set .Loffset, 0
	.rept 6			/* SCION_PAYLOAD_RESULTS; asserted in the stub's test */
	movq FRAME_CTX + CTX_RESULT + .Loffset(%rbx), %rax
	movq %rax, REPORT_RESULT + .Loffset(%rdi)
	.set .Loffset, .Loffset + 8
	.endr
	movq FRAME_TOKEN(%rbx), %rax
	movq %rax, REPORT_DONE(%rdi)	/* x86 keeps stores in order: this one is seen last */

3:	testb $FRAME_NOTIFY, FRAME_FLAGS(%rbx)
	jz 4f
	movl $SYS_getpid, %eax
stub_notify:
	syscall

4:	movl $SYS_rt_sigprocmask, %eax
	movl $SIG_SETMASK, %edi
	leaq FRAME_MASK(%rbx), %rsi
	xorl %edx, %edx
	movl $8, %r10d
	syscall
stub_after:
	leaq FRAME_HOME(%rbx), %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rax
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
	leaq 8(%rsp), %rsp	/* orig_rax */
	iretq			/* rip, cs, eflags, rsp, ss */
	.size scion_payload, . - scion_payload

	.section .note.GNU-stack, "", @progbits
