/* SPDX-License-Identifier: MIT */
/*
 * long cpu_run(struct cpu_check *check): see cpu.h.
 *
 * During the instruction every register is a pattern but rsp, which points to a frame that holds
 * all that is needed to come back:
 *
 *	rsp-128 … rsp-1		red zone, filled
 *	rsp+FRAME_GPR …		room for what the registers hold afterwards
 *	rsp+FRAME_CHECK		check
 *	rsp+FRAME_OP		the instruction's address
 *	rsp+FRAME_SIZE		(skew,) saved rbx rbp r12-r15, return address
 *
 * So the code needs no memory of its own, and parent, child and threads may be in it at the same
 * time. Until the red zone is copied nothing may be pushed, and until the flags are read only moves
 * are allowed.
 */
#ifdef __x86_64__

#include "cpu_layout.h"

	.text
	.macro xstate_op name, area
	mov	CHK_XMASK(%rbx), %rax
	mov	%rax, %rdx
	shr	$32, %rdx
	test	%rax, %rax
	jz	7f
	x\name	\area(%rbx)
	jmp	8f
7:	fx\name	\area(%rbx)
8:
	.endm

	.macro segments area
	mov	%cs, \area+IMG_SEG(%rbx)
	mov	%ss, \area+IMG_SEG+2(%rbx)
	mov	%ds, \area+IMG_SEG+4(%rbx)
	mov	%es, \area+IMG_SEG+6(%rbx)
	mov	%fs, \area+IMG_SEG+8(%rbx)
	mov	%gs, \area+IMG_SEG+10(%rbx)
	.endm

	.globl	cpu_run
	.hidden	cpu_run
	.type	cpu_run, @function
cpu_run:
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbp
	push	%rbx
	mov	%rdi, %rbx
	sub	$FRAME_SIZE, %rsp
	sub	CHK_SKEW(%rbx), %rsp
	mov	%rbx, FRAME_CHECK(%rsp)
	mov	CHK_OP(%rbx), %rax
	mov	%rax, FRAME_OP(%rsp)
	mov	%rsp, CHK_WANT+IMG_GPR+32(%rbx)
	xstate_op save64, CHK_HOST
	xstate_op rstor64, CHK_WANT+IMG_X
	push	CHK_WANT+IMG_FLAGS(%rbx)
	popfq
	.set	i, 0
	.rept	16
	mov	CHK_WANT+IMG_REDZONE+8*i(%rbx), %rax
	mov	%rax, -128+8*i(%rsp)
	.set	i, i+1
	.endr
	mov	%rbx, %rax
	mov	CHK_WANT+IMG_GPR+8(%rax), %rcx
	mov	CHK_WANT+IMG_GPR+16(%rax), %rdx
	mov	CHK_WANT+IMG_GPR+24(%rax), %rbx
	mov	CHK_WANT+IMG_GPR+40(%rax), %rbp
	mov	CHK_WANT+IMG_GPR+48(%rax), %rsi
	mov	CHK_WANT+IMG_GPR+56(%rax), %rdi
	mov	CHK_WANT+IMG_GPR+64(%rax), %r8
	mov	CHK_WANT+IMG_GPR+72(%rax), %r9
	mov	CHK_WANT+IMG_GPR+80(%rax), %r10
	mov	CHK_WANT+IMG_GPR+88(%rax), %r11
	mov	CHK_WANT+IMG_GPR+96(%rax), %r12
	mov	CHK_WANT+IMG_GPR+104(%rax), %r13
	mov	CHK_WANT+IMG_GPR+112(%rax), %r14
	mov	CHK_WANT+IMG_GPR+120(%rax), %r15
	mov	CHK_WANT+IMG_GPR(%rax), %rax
	jmp	*FRAME_OP(%rsp)

	.globl	cpu_op_int80
	.hidden	cpu_op_int80
	.type	cpu_op_int80, @function
cpu_op_int80:
	int	$0x80
	jmp	cpu_capture

	/*
	 * Instructions of several kinds and lengths; at the end of each round all registers and
	 * flags are as before.
	 */
	.globl	cpu_op_spin
	.hidden	cpu_op_spin
	.type	cpu_op_spin, @function
cpu_op_spin:
	mov	%rsp, cpu_spin_seen(%rip)
	nop
	mov	%r8, %r8
	lea	0(%rsi), %rsi
	movaps	%xmm3, %xmm3
	mov	-64(%rsp), %r9
	mov	FRAME_CHECK(%rsp), %r9
	mov	CHK_WANT+IMG_GPR+72(%r9), %r9
	xchg	%rdx, %rdi
	xchg	%rdx, %rdi
	pause
	jmp	*cpu_spin_next(%rip)

	.globl	cpu_op_syscall
	.hidden	cpu_op_syscall
	.type	cpu_op_syscall, @function
cpu_op_syscall:
	syscall

	.globl	cpu_capture
	.hidden	cpu_capture
	.type	cpu_capture, @function
cpu_capture:
	mov	%rax, FRAME_GPR(%rsp)
	mov	%rcx, FRAME_GPR+8(%rsp)
	mov	%rdx, FRAME_GPR+16(%rsp)
	mov	%rbx, FRAME_GPR+24(%rsp)
	mov	%rsp, FRAME_GPR+32(%rsp)
	mov	%rbp, FRAME_GPR+40(%rsp)
	mov	%rsi, FRAME_GPR+48(%rsp)
	mov	%rdi, FRAME_GPR+56(%rsp)
	mov	%r8, FRAME_GPR+64(%rsp)
	mov	%r9, FRAME_GPR+72(%rsp)
	mov	%r10, FRAME_GPR+80(%rsp)
	mov	%r11, FRAME_GPR+88(%rsp)
	mov	%r12, FRAME_GPR+96(%rsp)
	mov	%r13, FRAME_GPR+104(%rsp)
	mov	%r14, FRAME_GPR+112(%rsp)
	mov	%r15, FRAME_GPR+120(%rsp)
	.set	i, 0
	.rept	16
	mov	-128+8*i(%rsp), %rax
	mov	%rax, FRAME_REDZONE+8*i(%rsp)
	.set	i, i+1
	.endr
	pushfq
	popq	FRAME_FLAGS(%rsp)
	pushq	$0x202
	popfq
	mov	FRAME_CHECK(%rsp), %rbx
	.set	i, 0
	.rept	16
	mov	FRAME_GPR+8*i(%rsp), %rax
	mov	%rax, CHK_GOT+IMG_GPR+8*i(%rbx)
	mov	FRAME_REDZONE+8*i(%rsp), %rax
	mov	%rax, CHK_GOT+IMG_REDZONE+8*i(%rbx)
	.set	i, i+1
	.endr
	mov	FRAME_FLAGS(%rsp), %rax
	mov	%rax, CHK_GOT+IMG_FLAGS(%rbx)
	segments CHK_GOT
	xstate_op save64, CHK_GOT+IMG_X
	xstate_op rstor64, CHK_HOST

	/* arch_prctl(ARCH_GET_FS), then ARCH_GET_GS: works without FSGSBASE too. */
	mov	$158, %eax
	mov	$0x1003, %edi
	lea	CHK_GOT+IMG_FS(%rbx), %rsi
	syscall
	mov	$158, %eax
	mov	$0x1004, %edi
	lea	CHK_GOT+IMG_GS(%rbx), %rsi
	syscall

	mov	CHK_GOT+IMG_GPR(%rbx), %rax
	test	%rax, %rax
	jnz	1f
	mov	CHK_CHILD(%rbx), %rcx
	test	%rcx, %rcx
	jz	1f
	mov	%rbx, %rdi
	and	$-16, %rsp
	call	*%rcx
	ud2
1:	add	CHK_SKEW(%rbx), %rsp
	add	$FRAME_SIZE, %rsp
	pop	%rbx
	pop	%rbp
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	ret

#endif
	.section .note.GNU-stack, "", @progbits
