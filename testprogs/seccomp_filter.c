/* SPDX-License-Identifier: MIT */
/* mutatee: seccomp_filter -- a filter allows what this program does and kills for all else; then it
 *	forks
 * arguments: [hold]
 * variants: pie static
 * bites: rax=56 rbx
 * time: 20
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct cpu_check check;

static const int allowed[] = {
	SYS_read,
	SYS_write,
	SYS_close,
	SYS_pipe2,
	SYS_fork,
	SYS_vfork,
	SYS_clone,
	SYS_clone3,
	SYS_wait4,
	SYS_exit_group,
	SYS_getpid,
	SYS_gettid,
	SYS_getppid,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigpending,
	SYS_rt_sigtimedwait,
	SYS_sigaltstack,
	SYS_arch_prctl,
	SYS_set_robust_list,
	SYS_rseq,
};

#define N_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

static void install(void)
{
	struct sock_filter code[4 + 2 * N_ALLOWED + 1] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { .filter = code };
	unsigned short n = 4;

	for (size_t i = 0; i < N_ALLOWED; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (unsigned)allowed[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	program.len = n;
	must("prctl(PR_SET_NO_NEW_PRIVS)", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		skip("the kernel has no seccomp filters");
}

static void births(uint64_t seed)
{
	struct birth birth;
	pid_t pid;

	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	pid = fork();
	if (pid == 0)
		birth_child(&birth);
	birth_end(&birth, pid);
	birth_begin(&birth, BIRTH_WORLD | BIRTH_SIGCHLD);
	cpu_prepare(&check, seed, 0);
	check.want.gpr[CPU_RAX] = SYS_fork;
	birth_end(&birth, cpu_birth(&check, &birth));
}

/* The filter is there, and is inherited: a child that asks for its umask dies. */
static void expect_killed(void)
{
	int status = 0;
	pid_t pid = (pid_t)must("fork", fork());

	if (!pid) {
		raw1(SYS_umask, 022);
		raw1(SYS_exit_group, 0);
	}
	expect_eq("wait", pid, raw4(SYS_wait4, pid, &status, 0, NULL));
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
		fail("the child that broke the filter: expected death by SIGSYS, saw %#x", status);
}

int main(int argc, char **argv)
{
	world_arm();
	install();
	hold_if(argc, argv);
	for (uint64_t seed = 0; seed < 4; seed++)
		births(seed);
	expect_killed();
	return 0;
}
