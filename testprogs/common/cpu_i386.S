/* SPDX-License-Identifier: MIT */
/*
 * long cpu32_run(struct cpu32_check *check): see cpu32.h. During the call esp points to this frame:
 *
 *	esp+0 … 32	room for what the registers and flags hold afterwards
 *	esp+40		check
 *	esp+44		op
 *	esp+48		vsyscall
 *	esp+64		saved edi esi ebx ebp, return address, argument
 */
#ifdef __i386__

#define GOT 560
#define GOT_FX 608
#define HOST 1120
#define OP 1632
#define VSYSCALL 1636
#define CHILD 1640

	.text
	.globl	cpu32_run
	.hidden	cpu32_run
	.type	cpu32_run, @function
cpu32_run:
	push	%ebp
	push	%ebx
	push	%esi
	push	%edi
	mov	20(%esp), %eax
	sub	$64, %esp
	mov	%eax, 40(%esp)
	mov	OP(%eax), %ecx
	mov	%ecx, 44(%esp)
	mov	VSYSCALL(%eax), %ecx
	mov	%ecx, 48(%esp)
	mov	%esp, 28(%eax)
	fxsave	HOST(%eax)
	fxrstor	48(%eax)
	pushl	32(%eax)
	popfl
	mov	4(%eax), %ebx
	mov	8(%eax), %ecx
	mov	12(%eax), %edx
	mov	16(%eax), %esi
	mov	20(%eax), %edi
	mov	24(%eax), %ebp
	mov	(%eax), %eax
	jmp	*44(%esp)

	.globl	cpu32_op_int80
	.hidden	cpu32_op_int80
	.type	cpu32_op_int80, @function
cpu32_op_int80:
	int	$0x80
	jmp	capture

	.globl	cpu32_op_vsyscall
	.hidden	cpu32_op_vsyscall
	.type	cpu32_op_vsyscall, @function
cpu32_op_vsyscall:
	call	*48(%esp)

capture:
	mov	%eax, (%esp)
	mov	%ebx, 4(%esp)
	mov	%ecx, 8(%esp)
	mov	%edx, 12(%esp)
	mov	%esi, 16(%esp)
	mov	%edi, 20(%esp)
	mov	%ebp, 24(%esp)
	mov	%esp, 28(%esp)
	pushfl
	popl	32(%esp)
	pushl	$0x202
	popfl
	mov	40(%esp), %ebx
	.set	i, 0
	.rept	9
	mov	4*i(%esp), %eax
	mov	%eax, GOT+4*i(%ebx)
	.set	i, i+1
	.endr
	fxsave	GOT_FX(%ebx)
	fxrstor	HOST(%ebx)
	mov	GOT(%ebx), %eax
	test	%eax, %eax
	jnz	1f
	mov	CHILD(%ebx), %ecx
	test	%ecx, %ecx
	jz	1f
	and	$-16, %esp
	sub	$12, %esp
	push	%ebx
	call	*%ecx
	ud2
1:	add	$64, %esp
	pop	%edi
	pop	%esi
	pop	%ebx
	pop	%ebp
	ret

#endif
	.section .note.GNU-stack, "", @progbits
