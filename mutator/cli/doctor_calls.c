/* SPDX-License-Identifier: MIT */
/*
 * The programs that the doctor traces: each makes one task in one way. 32-bit calls need no
 * 32-bit program: `int $0x80` works in 64-bit mode too, and a far return switches a 64-bit
 * process to the 32-bit code segment (the kernel's fixed selectors 0x23 and 0x33), which is all
 * that a 32-bit task is to ptrace.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor.h"

#define NR_CLONE3   435
#define NR32_FORK   2
#define NR32_CLONE  120
#define NR32_VFORK  190
#define NR32_CLONE3 435

/* The first version of the kernel's struct clone_args. */
struct clone3_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static pid_t end_child(long result)
{
	if (result == 0)
		_exit(0);
	return result < 0 ? -errno : (pid_t)result;
}

static pid_t make_fork(void)
{
	return end_child(syscall(SYS_fork));
}

static pid_t make_vfork(void)
{
	return end_child(vfork());
}

static pid_t make_clone(void)
{
	return end_child(syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L));
}

static pid_t make_clone3(void)
{
	struct clone3_args args = { .exit_signal = SIGCHLD };

	return end_child(syscall(NR_CLONE3, &args, sizeof(args)));
}

/* Starts scion itself, the one program that is surely here; what it prints goes nowhere. */
static pid_t make_posix_spawn(void)
{
	char *argv[] = { (char *)"scion", (char *)"--version", NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	err = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, argv + 2);
	posix_spawn_file_actions_destroy(&actions);
	return err ? -err : pid;
}

static void *thread_main(void *arg)
{
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	return NULL;
}

static pid_t make_thread(void)
{
	pthread_t thread;
	pid_t tid = 0;
	int err = pthread_create(&thread, NULL, thread_main, &tid);

	if (err)
		return -err;
	pthread_join(thread, NULL);
	return tid;
}

/*
 * A 32-bit call from 64-bit mode; a new task ends at once, without touching the stack that a
 * vfork child shares. r8 to r11 are lost on some kernels.
 */
static pid_t int80(long number, unsigned long arg1, unsigned long arg2)
{
	long result = number;

	__asm__ volatile("int $0x80\n\t"
			 "testl %%eax, %%eax\n\t"
			 "jnz 1f\n\t"
			 "movl $1, %%eax\n\t" /* exit */
			 "xorl %%ebx, %%ebx\n\t"
			 "int $0x80\n"
			 "1:"
			 : "+a"(result), "+b"(arg1), "+c"(arg2)
			 : "d"(0L), "S"(0L), "D"(0L)
			 : "r8", "r9", "r10", "r11", "memory", "cc");
	return (pid_t)result;
}

/*
 * doctor_enter32(slot, gate, number, arg1, arg2): far-returns to `gate`, a copy of doctor_gate
 * below 4 GiB, in 32-bit mode; comes back with eax. `slot` ends a stack below 4 GiB and keeps rsp.
 */
__asm__(".pushsection .text\n"
	"doctor_enter32:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rdi, %rsp\n"
	"	lea doctor_gate_back - doctor_gate(%rsi), %rax\n"
	"	sub $8, %rsp\n" /* what lretl takes: eip, cs */
	"	movl %eax, (%rsp)\n"
	"	movl $0x33, 4(%rsp)\n"
	"	pushq $0x23\n" /* what lretq takes: rip, cs */
	"	push %rsi\n"
	"	mov %rdx, %rax\n"
	"	mov %rcx, %rbx\n"
	"	mov %r8, %rcx\n"
	"	xor %edx, %edx\n"
	"	xor %esi, %esi\n"
	"	xor %edi, %edi\n"
	"	xor %ebp, %ebp\n"
	"	lretq\n"
	".popsection\n"
	".pushsection .rodata\n"
	"doctor_gate:\n"
	".code32\n"
	"	int $0x80\n"
	"	testl %eax, %eax\n"
	"	jnz 1f\n"
	"	movl $1, %eax\n"
	"	xorl %ebx, %ebx\n"
	"	int $0x80\n"
	"1:	lretl\n"
	".code64\n"
	"doctor_gate_back:\n"
	"	mov %esp, %esp\n"
	"	mov (%rsp), %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	"doctor_gate_end:\n"
	".popsection\n");

/* Names of the assembler above. */
extern int doctor_enter32(void *slot, const void *gate, long number, unsigned long arg1,
			  unsigned long arg2) __attribute__((visibility("hidden")));
extern const char doctor_gate[], doctor_gate_end[] __attribute__((visibility("hidden")));

#define LOW_CODE 4096
#define LOW_DATA 16384

/* Memory below 4 GiB: the gate, then data and a stack. */
static char *low_memory(void)
{
	char *low = mmap(NULL, LOW_CODE + LOW_DATA, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (low == MAP_FAILED)
		return NULL;
	memcpy(low, doctor_gate, (size_t)(doctor_gate_end - doctor_gate));
	if (mprotect(low, LOW_CODE, PROT_READ | PROT_EXEC) < 0)
		return NULL;
	return low;
}

static unsigned long low_clone3_args(char *low)
{
	struct clone3_args *args = (struct clone3_args *)(void *)(low + LOW_CODE);

	args->exit_signal = SIGCHLD;
	return (unsigned long)args;
}

static pid_t call32(long number, unsigned long arg1)
{
	char *low = low_memory();
	unsigned long arg2 = 0;

	if (!low)
		return -errno;
	if (number == NR32_CLONE3) {
		arg1 = low_clone3_args(low);
		arg2 = sizeof(struct clone3_args);
	}
	return doctor_enter32(low + LOW_CODE + LOW_DATA - 16, low, number, arg1, arg2);
}

static pid_t make_int80_fork(void)
{
	return int80(NR32_FORK, 0, 0);
}

static pid_t make_int80_vfork(void)
{
	return int80(NR32_VFORK, 0, 0);
}

static pid_t make_int80_clone(void)
{
	return int80(NR32_CLONE, SIGCHLD, 0);
}

static pid_t make_int80_clone3(void)
{
	char *low = low_memory();

	return low ? int80(NR32_CLONE3, low_clone3_args(low), sizeof(struct clone3_args)) : -errno;
}

static pid_t make_fork32(void)
{
	return call32(NR32_FORK, 0);
}

static pid_t make_vfork32(void)
{
	return call32(NR32_VFORK, 0);
}

static pid_t make_clone32(void)
{
	return call32(NR32_CLONE, SIGCHLD);
}

static pid_t make_clone3_32(void)
{
	return call32(NR32_CLONE3, 0);
}

const struct doctor_call doctor_calls[DOCTOR_CALLS] = {
	{ "fork", "64-bit", false, make_fork, false },
	{ "vfork", "64-bit", false, make_vfork, false },
	{ "clone", "64-bit", false, make_clone, false },
	{ "clone3", "64-bit", false, make_clone3, false },
	{ "posix_spawn", "64-bit", true, make_posix_spawn, false },
	{ "pthread_create", "64-bit", true, make_thread, true },
	{ "fork", "int 0x80", false, make_int80_fork, false },
	{ "vfork", "int 0x80", false, make_int80_vfork, false },
	{ "clone", "int 0x80", false, make_int80_clone, false },
	{ "clone3", "int 0x80", false, make_int80_clone3, false },
	{ "fork", "32-bit", false, make_fork32, false },
	{ "vfork", "32-bit", false, make_vfork32, false },
	{ "clone", "32-bit", false, make_clone32, false },
	{ "clone3", "32-bit", false, make_clone3_32, false },
};

void doctor_call_run(const struct doctor_call *call, int fd)
{
	struct doctor_report report = { .pid = call->make() };

	if (report.pid > 0)
		report.confirmed = call->thread || waitpid(report.pid, NULL, __WALL) == report.pid;
	_exit(write(fd, &report, sizeof(report)) == (ssize_t)sizeof(report) ? 0 : 1);
}
