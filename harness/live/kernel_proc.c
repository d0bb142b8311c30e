/* SPDX-License-Identifier: MIT */
/* What is asked about processes: /proc, relations, seccomp; each by its fallback as well. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "live/kernel_tracee.h"

#define CHILDREN 5

static int by_value(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/* A process with two threads, each of which has children: one end of a pipe in each of them. */
static pid_t children[CHILDREN];

static void *second_thread(void *arg)
{
	for (int i = 2; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(tracee_idle());
	}
	CHECK_EQ(write(*(int *)arg, children, sizeof(children)), sizeof(children));
	tracee_idle();
	return NULL;
}

static void parent(int out)
{
	pthread_t thread;

	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(tracee_idle());
	}
	pthread_create(&thread, NULL, second_thread, &out);
	tracee_idle();
}

static void check_children(struct kernel *k, pid_t pid)
{
	pid_t *pids;
	size_t count;

	CHECK_EQ(kernel_children(k, pid, &pids, &count), 0);
	CHECK_EQ(count, CHILDREN);
	qsort(pids, count, sizeof(*pids), by_value);
	CHECK(memcmp(pids, children, sizeof(children)) == 0);
	free(pids);
}

static void relations(struct kernel *k)
{
	struct kernel_proc proc;
	int out[2];
	pid_t pid, *tids;
	size_t count;

	CHECK_CALL(pipe2(out, O_CLOEXEC));
	pid = (pid_t)CHECK_CALL(fork());
	if (pid == 0)
		parent(out[1]);
	CHECK_EQ(read(out[0], children, sizeof(children)), sizeof(children));
	qsort(children, CHILDREN, sizeof(pid_t), by_value);
	check_children(k, pid);
	linux_of(k)->refuse = LINUX_REFUSE_CHILDREN;
	check_children(k, pid);
	linux_of(k)->refuse = 0;
	CHECK_EQ(kernel_threads(k, pid, &tids, &count), 0);
	CHECK_EQ(count, 2);
	qsort(tids, count, sizeof(*tids), by_value);
	CHECK_EQ(tids[0], pid);
	CHECK_EQ(kernel_in_group(k, pid, tids[1]), 1);
	CHECK_EQ(kernel_in_group(k, pid, children[0]), 0);
	CHECK_EQ(kernel_same_vm(k, pid, tids[1]), 1);
	CHECK_EQ(kernel_same_vm(k, pid, children[0]), 0);
	CHECK_EQ(kernel_proc(k, tids[1], &proc), 0);
	CHECK_EQ(proc.tgid, pid);
	CHECK_EQ(proc.threads, 2);
	CHECK_EQ(proc.ppid, getpid());
	CHECK_EQ(proc.tracer, 0);
	CHECK_EQ(proc.ns_depth >= 1, true);
	CHECK_EQ(proc.nspid[0], tids[1]);
	free(tids);
	for (int i = 0; i < CHILDREN; i++)
		CHECK_CALL(kill(children[i], SIGKILL));
	CHECK_EQ(kernel_signal(k, pid, 0, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(kernel_proc(k, pid, &proc), -ESRCH);
	CHECK_EQ(kernel_threads(k, pid, &tids, &count), -ESRCH);
	CHECK_EQ(kernel_signal(k, pid, 0, 0), -ESRCH);
	CHECK_EQ(kernel_same_vm(k, pid, getpid()), -ESRCH);
}

static int tracee_lies(void)
{
	signal(SIGUSR1, SIG_IGN);
	prctl(PR_SET_NAME, "a\nTracerPid:\t1");
	kill(getpid(), SIGUSR2);
	return 0;
}

/* A name cannot forge a line. */
static void hostile_name(struct kernel *k)
{
	struct kernel_proc proc;
	struct tracee t;

	tracee_start(&t, k, PTRACE_O_EXITKILL, tracee_lies);
	tracee_go(&t);
	tracee_expect(&t, STOP_SIGNAL);
	CHECK_EQ(kernel_proc(k, t.pid, &proc), 0);
	CHECK_EQ(proc.tracer, getpid());
	CHECK_EQ(proc.state, 't');
	CHECK_STR(proc.name, "a\\nTracerPid:\t1");
	CHECK(proc.sig_ignored >> (SIGUSR1 - 1) & 1);
	CHECK_EQ(proc.uid, getuid());
	tracee_kill(&t);
}

static int filtered(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return 77;
	return tracee_idle();
}

static void seccomp(struct kernel *k, int (*body)(void), int expected)
{
	struct tracee t;

	tracee_start(&t, k, PTRACE_O_EXITKILL, body);
	tracee_go(&t);
	/* Sleeping in pause: the body is through with its preparations. */
	for (;;) {
		struct kernel_regs regs;

		tracee_stop(&t);
		CHECK_EQ(kernel_get_regs(k, t.pid, &regs), 0);
		if (regs.r.orig_rax == SYS_pause)
			break;
		tracee_cont(&t, 0);
	}
	CHECK_EQ(kernel_has_seccomp(k, t.pid), expected);
	linux_of(k)->refuse = LINUX_REFUSE_GET_FILTER;
	CHECK_EQ(kernel_has_seccomp(k, t.pid), expected);
	linux_of(k)->refuse = 0;
	tracee_kill(&t);
}

static void maps(struct kernel *k)
{
	char *text, exe[256] = "";
	size_t len;

	CHECK_CALL(readlink("/proc/self/exe", exe, sizeof(exe) - 1));
	/* More than one read's worth. */
	for (int i = 0; i < 300; i++)
		CHECK(mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0) != MAP_FAILED);
	CHECK_EQ(kernel_maps(k, getpid(), &text, &len), 0);
	CHECK_EQ(strlen(text), len);
	CHECK_LT(10000, len);
	CHECK_CONTAINS(text, exe);
	CHECK_CONTAINS(text, "[stack]");
	free(text);
	CHECK_EQ(kernel_maps(k, 0x3fffffff, &text, &len), -ESRCH);
}

/* Only root may make a PID namespace without a user namespace: a skip of this part is said. */
static void namespaces(struct kernel *k)
{
	struct kernel_proc proc;
	pid_t pid, maker = (pid_t)CHECK_CALL(fork());
	int status;

	if (maker == 0) {
		if (unshare(CLONE_NEWPID) < 0)
			_exit(77);
		pid = fork();
		if (pid == 0)
			_exit(tracee_idle());
		if (kernel_proc(k, pid, &proc) || proc.ns_depth < 2 || proc.nspid[0] != pid ||
		    proc.nspid[proc.ns_depth - 1] != 1)
			_exit(1);
		kill(pid, SIGKILL);
		_exit(0);
	}
	CHECK_EQ(waitpid(maker, &status, 0), maker);
	if (WEXITSTATUS(status) == 77)
		test_note("PID namespaces are not permitted here: not looked at");
	else
		CHECK_EQ(status, 0);
}

static int run(void)
{
	struct kernel *k = tracee_kernel();

	relations(k);
	hostile_name(k);
	seccomp(k, filtered, 1);
	seccomp(k, tracee_idle, 0);
	maps(k);
	namespaces(k);
	kernel_free(k);
	return 0;
}

const struct scion_test scion_test = { .name = "kernel_proc", .run = run };
