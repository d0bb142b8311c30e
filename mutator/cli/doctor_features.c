/* SPDX-License-Identifier: MIT */
/* Tries each request out, on a child that stands in an event stop: what is said is what works. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "kernel/linux.h"

#define PAGE  4096
#define WORD  0x7363696f6eULL
#define OTHER 0x6e6f696373ULL

/* Shared with the child by fork: the same addresses. */
struct patient {
	struct kernel *k;
	pid_t pid;
	volatile uint64_t *data; /* private, writable */
	volatile uint64_t *code; /* private, r-x */
	int memfd;
};

static int try_sigmask(struct patient *p)
{
	uint64_t mask;
	int err = kernel_get_sigmask(p->k, p->pid, &mask);

	return err ? err : kernel_set_sigmask(p->k, p->pid, mask);
}

static int try_peeksiginfo(struct patient *p)
{
	siginfo_t info;
	int got = kernel_peek_signals(p->k, p->pid, false, &info, 1);

	return got < 0 ? got : 0;
}

static int try_syscall_info(struct patient *p)
{
	struct kernel_syscall_info info;
	int err = kernel_syscall_info(p->k, p->pid, &info);

	if (err)
		return err;
	return linux_of(p->k)->syscall_info == LINUX_HAS ? 0 : -EIO;
}

static int try_rseq(struct patient *p)
{
	struct kernel_rseq rseq;

	return kernel_get_rseq(p->k, p->pid, &rseq);
}

static int try_sud(struct patient *p)
{
	struct kernel_sud sud;

	return kernel_get_sud(p->k, p->pid, &sud);
}

static int try_suspend_seccomp(struct patient *p)
{
	int err = kernel_set_options(p->k, p->pid, PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP);

	if (!err)
		kernel_set_options(p->k, p->pid, PTRACE_O_EXITKILL);
	return err;
}

/* It has no filter, so EINVAL is the answer of a kernel that could tell one. */
static int try_get_filter(struct patient *p)
{
	int has = kernel_has_seccomp(p->k, p->pid);

	if (has < 0)
		return has;
	return linux_of(p->k)->get_filter == LINUX_HAS ? 0 : -EACCES;
}

static int try_xstate(struct patient *p)
{
	static const size_t room = 65536;
	void *state = malloc(room);
	size_t len = room;
	int err = state ? kernel_get_xstate(p->k, p->pid, state, &len) : -ENOMEM;

	if (!err)
		err = kernel_set_xstate(p->k, p->pid, state, len);
	free(state);
	return err;
}

static int check_word(uint64_t got, uint64_t wanted)
{
	return got == wanted ? 0 : -EIO;
}

/* One way alone: the implementation's other ways would hide that it is refused. */
#define ONLY_VM    (LINUX_REFUSE_MEM | LINUX_REFUSE_WORDS)
#define ONLY_MEM   (LINUX_REFUSE_VM | LINUX_REFUSE_WORDS)
#define ONLY_WORDS (LINUX_REFUSE_VM | LINUX_REFUSE_MEM)

static int read_by(struct patient *p, unsigned refuse)
{
	uint64_t word = 0;
	int err;

	linux_of(p->k)->refuse = refuse;
	err = kernel_read(p->k, p->pid, (uintptr_t)p->data, &word, sizeof(word));
	linux_of(p->k)->refuse = 0;
	return err ? err : check_word(word, *p->data);
}

static int try_vm_read(struct patient *p)
{
	return read_by(p, ONLY_VM);
}

static int try_mem_read(struct patient *p)
{
	return read_by(p, ONLY_MEM);
}

/* Writes, and looks in another way whether it is there. */
static int write_by(struct patient *p, unsigned refuse, volatile uint64_t *at, bool code)
{
	uint64_t word = OTHER, was = *at;
	int err;

	linux_of(p->k)->refuse = refuse;
	err = code ? kernel_write_code(p->k, p->pid, (uintptr_t)at, &word, sizeof(word)) :
		     kernel_write(p->k, p->pid, (uintptr_t)at, &word, sizeof(word));
	linux_of(p->k)->refuse = 0;
	if (err)
		return err;
	word = 0;
	err = kernel_read(p->k, p->pid, (uintptr_t)at, &word, sizeof(word));
	if (!err)
		err = check_word(word, OTHER);
	kernel_write_code(p->k, p->pid, (uintptr_t)at, &was, sizeof(was));
	return err;
}

static int try_vm_write(struct patient *p)
{
	return write_by(p, ONLY_VM, p->data, false);
}

static int try_mem_write_code(struct patient *p)
{
	return write_by(p, ONLY_MEM, p->code, true);
}

static int try_poke_code(struct patient *p)
{
	return write_by(p, ONLY_WORDS, p->code, true);
}

static int try_kcmp(struct patient *p)
{
	int same = kernel_same_vm(p->k, p->pid, getpid());

	return same < 0 ? same : same == 0 ? 0 : -EIO;
}

static int try_memfd(struct patient *p)
{
	void *map;
	int err = p->memfd < 0 ? p->memfd : kernel_map_fd(p->k, p->pid, p->memfd, PAGE, &map);

	if (!err)
		kernel_unmap(p->k, map, PAGE);
	return err;
}

static void try_all(struct patient *p, int feature[DOCTOR_FEATURES])
{
	static int (*const tries[DOCTOR_FEATURES])(struct patient *) = {
		[DOCTOR_SYSCALL_INFO] = try_syscall_info,
		[DOCTOR_SIGMASK] = try_sigmask,
		[DOCTOR_PEEKSIGINFO] = try_peeksiginfo,
		[DOCTOR_RSEQ] = try_rseq,
		[DOCTOR_SUD] = try_sud,
		[DOCTOR_SUSPEND_SECCOMP] = try_suspend_seccomp,
		[DOCTOR_GET_FILTER] = try_get_filter,
		[DOCTOR_XSTATE] = try_xstate,
		[DOCTOR_VM_READ] = try_vm_read,
		[DOCTOR_VM_WRITE] = try_vm_write,
		[DOCTOR_MEM_READ] = try_mem_read,
		[DOCTOR_MEM_WRITE_CODE] = try_mem_write_code,
		[DOCTOR_POKE_CODE] = try_poke_code,
		[DOCTOR_KCMP] = try_kcmp,
		[DOCTOR_MEMFD] = try_memfd,
	};

	for (size_t i = 0; i < DOCTOR_FEATURES; i++)
		if (tries[i])
			feature[i] = tries[i](p);
}

static volatile uint64_t *page(int protection)
{
	volatile uint64_t *at =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	*at = WORD;
	return mprotect((void *)at, PAGE, protection) < 0 ? NULL : at;
}

static int stop_patient(struct patient *p)
{
	struct kernel_wait w;
	int err = kernel_interrupt(p->k, p->pid);

	if (err)
		return err;
	do
		err = kernel_wait(p->k, KERNEL_WAIT_BLOCK, &w);
	while (err == -EINTR);
	if (err < 0)
		return err;
	return WIFSTOPPED(w.status) ? 0 : -ESRCH;
}

/* The child only waits to be killed. */
static int examine(struct patient *p, int feature[DOCTOR_FEATURES])
{
	struct kernel_wait w;
	int err;

	p->pid = fork();
	if (p->pid == 0)
		for (;;)
			pause();
	if (p->pid < 0)
		return -errno;
	err = feature[DOCTOR_SEIZE] = kernel_seize(p->k, p->pid, PTRACE_O_EXITKILL);
	if (!err)
		err = stop_patient(p);
	if (!err)
		try_all(p, feature);
	kernel_signal(p->k, p->pid, 0, SIGKILL);
	while (kernel_wait(p->k, KERNEL_WAIT_BLOCK, &w) != -ECHILD)
		;
	return err;
}

void doctor_try_features(struct kernel *k, int feature[DOCTOR_FEATURES])
{
	struct patient p = {
		.k = k,
		.data = page(PROT_READ | PROT_WRITE),
		.code = page(PROT_READ | PROT_EXEC),
		.memfd = memfd_create("scion-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING),
	};
	int err;

	if (p.memfd < 0)
		p.memfd = -errno;
	for (size_t i = 0; i < DOCTOR_FEATURES; i++)
		feature[i] = -ENODATA; /* not tried */
	err = p.data && p.code ? examine(&p, feature) : -ENOMEM;
	for (size_t i = 0; err && i < DOCTOR_FEATURES; i++)
		if (feature[i] == -ENODATA)
			feature[i] = err;
	if (p.memfd >= 0)
		close(p.memfd);
	munmap((void *)p.data, PAGE);
	munmap((void *)p.code, PAGE);
}
