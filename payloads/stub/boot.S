/* SPDX-License-Identifier: MIT */
/*
 * boot.S - makes the region of frame.h in a tracee, or removes it, and puts the program back.
 *
 *	mmap region ─► memfd_create ─► mmap board over it ─► close ─► mprotect code ─┐
 *	     │              └── failed: munmap ◄─┴──────────────────────┴── failed     │
 *	     └── failed ─► rt_sigprocmask ◄──────────────────────────────────────────┘
 *	                        └─► registers <- boot.home, by iretq
 *
 * It lies in bytes of the target that no one uses (zeros behind the vdso), which the tracer puts
 * back. Nothing is writable there: no stack is used, all that it knows is in registers, and the
 * way home is read, not pushed. The tracer looks on at each syscall-exit-stop: it maps the memfd
 * before the close, and when the code part is r-x it takes the task away to the stub. It makes a
 * call fail by setting rax. If the tracer dies at any point the program goes on as it was.
 */
#include "inject/frame.h"

#define SYS_mmap 9
#define SYS_close 3
#define SYS_mprotect 10
#define SYS_munmap 11
#define SYS_rt_sigprocmask 14
#define SYS_memfd_create 319
#define SIG_SETMASK 2

#define READ_WRITE 3
#define READ_EXEC 5
#define PRIVATE_ANONYMOUS_NORESERVE 0x4022
#define SHARED_FIXED 0x11
#define CLOEXEC_ALLOW_SEALING 3
#define ERROR_FIRST -4095

	.section .text.scion_payload, "ax", @progbits
	.globl scion_payload, boot_after
	.type scion_payload, @function
scion_payload:
	leaq boot_data(%rip), %r15
	movq BOOT_UNMAP(%r15), %rbx
	testq %rbx, %rbx
	jnz unmap

	xorl %edi, %edi
	movl $REGION_SIZE, %esi
	movl $READ_WRITE, %edx
	movl $PRIVATE_ANONYMOUS_NORESERVE, %r10d
	movq $-1, %r8
	xorl %r9d, %r9d
	movl $SYS_mmap, %eax
	syscall
	cmpq $ERROR_FIRST, %rax
	jae home
	movq %rax, %rbx

	movl $0x6f696373, REGION_CODE(%rbx)	/* "scio" */
	movl $0x6e, REGION_CODE + 4(%rbx)	/* "n" */
	leaq REGION_CODE(%rbx), %rdi
	movl $CLOEXEC_ALLOW_SEALING, %esi
	movl $SYS_memfd_create, %eax
	syscall
	cmpq $ERROR_FIRST, %rax
	jae unmap
	movq %rax, %r12

	leaq REGION_CODE(%rbx), %rdi
	movl $REGION_BOARD, %esi
	movl $READ_WRITE, %edx
	movl $SHARED_FIXED, %r10d
	movq %r12, %r8
	xorl %r9d, %r9d
	movl $SYS_mmap, %eax
	syscall
	movq %rax, %r13

	movq %r12, %rdi
	movl $SYS_close, %eax
	syscall
	cmpq $ERROR_FIRST, %r13
	jae unmap

	movq %rbx, %rdi
	movl $REGION_CODE, %esi
	movl $READ_EXEC, %edx
	movl $SYS_mprotect, %eax
	syscall
	cmpq $ERROR_FIRST, %rax
	jb home

unmap:	movq %rbx, %rdi
	movl $REGION_SIZE, %esi
	movl $SYS_munmap, %eax
	syscall

home:	movl $SIG_SETMASK, %edi
	leaq BOOT_MASK(%r15), %rsi
	xorl %edx, %edx
	movl $8, %r10d
	movl $SYS_rt_sigprocmask, %eax
	syscall
boot_after:
	leaq BOOT_HOME(%r15), %rsp
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

	.balign 16		/* the image is padded to 16: boot_data is its end */
boot_data:
	.size scion_payload, . - scion_payload

	.section .note.GNU-stack, "", @progbits
